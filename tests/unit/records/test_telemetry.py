"""Samples come back as they were, in flat memory, on one time axis."""

from __future__ import annotations

import tracemalloc
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from records.database import settings
from records.tags import TAGS, tag
from records.telemetry import TelemetryReader, TelemetryWriter
from vesiflow.clock import SIMULATED_EPOCH, VirtualClock
from vesiflow.errors import ConfigError

EPOCH = SIMULATED_EPOCH.timestamp()


def test_series_come_back_in_order_between_two_times(tmp_path: Path) -> None:
    path = tmp_path / "b" / "telemetry.sqlite"
    with TelemetryWriter(path, VirtualClock(), flush_every=7) as writer:
        for second in range(100):
            writer.add(float(second), "tff.tmp", 1e4 + second)
            writer.add(float(second), "tff.flux", 2e-5)
    with TelemetryReader(path) as reader:
        t, values = reader.series("tff.tmp", EPOCH + 10, EPOCH + 20)
        assert t.tolist() == [EPOCH + second for second in range(10, 21)]
        assert values.tolist() == [1e4 + second for second in range(10, 21)]
        assert reader.tags() == ["tff.flux", "tff.tmp"]
        assert reader.count() == 200
        assert reader.series("tff.shear")[0].size == 0


def test_nothing_waits_unseen_after_a_flush(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.sqlite"
    writer = TelemetryWriter(path, VirtualClock())
    writer.add(1.0, "sec.uv", 0.5)
    with TelemetryReader(path) as reader:
        assert reader.count() == 0
        writer.flush()
        assert reader.count() == 1
    writer.close()


def test_no_value_is_nan_and_the_later_of_two_at_one_instant_counts(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.sqlite"
    with TelemetryWriter(path, VirtualClock()) as writer:
        writer.add(0.0, "sec.uv", 0.1)
        writer.add(0.0, "sec.uv", 0.2)
        writer.add(1.0, "sec.uv", float("nan"), quality=2)
    with TelemetryReader(path) as reader:
        np.testing.assert_array_equal(reader.series("sec.uv")[1], [0.2, np.nan])


def test_a_second_process_continues_on_the_same_time_axis(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.sqlite"
    with TelemetryWriter(path, VirtualClock()) as writer:
        writer.add(5.0, "tff.tmp", 1.0)
    later = VirtualClock(epoch=SIMULATED_EPOCH + timedelta(seconds=60))  # starts at 0 again, a minute later
    with TelemetryWriter(path, later) as writer:
        writer.add(5.0, "tff.tmp", 2.0)
    with TelemetryReader(path) as reader:
        assert reader.series("tff.tmp")[0].tolist() == [EPOCH + 5, EPOCH + 65]


def test_memory_stays_flat_over_a_batch(tmp_path: Path) -> None:
    with TelemetryWriter(tmp_path / "telemetry.sqlite", VirtualClock()) as writer:

        def write(start: int) -> None:
            for second in range(start, start + 20_000):
                writer.add(float(second), "lyophilization.shelf", -25.0)

        write(0)
        tracemalloc.start()
        write(20_000)
        first = tracemalloc.get_traced_memory()[0]
        write(40_000)
        write(60_000)
        growth = tracemalloc.get_traced_memory()[0] - first
        tracemalloc.stop()
    assert growth < 100_000


def test_telemetry_is_wal_without_a_sync_for_every_sample(tmp_path: Path) -> None:
    with TelemetryWriter(tmp_path / "telemetry.sqlite", VirtualClock()) as writer:
        found = settings(writer._db)
    assert (found["journal_mode"], found["synchronous"]) == ("wal", 1)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="absent"):
        TelemetryReader(tmp_path / "absent.sqlite")


@pytest.mark.parametrize("name", sorted(TAGS))
def test_every_tag_converts_to_its_display_unit(name: str) -> None:
    assert np.isfinite(TAGS[name].to_display(1.0))
    assert TAGS[name].label


def test_display_units_are_those_people_use() -> None:
    assert tag("tff.tmp").to_display(6894.757) == pytest.approx(1.0, rel=1e-6)
    assert tag("tff.flux").to_display(1e-3 / 3600) == pytest.approx(1.0)
    assert tag("lyophilization.pirani").to_display(13.3322) == pytest.approx(100, rel=1e-4)
    assert tag("lyophilization.shelf").to_display(-25.0) == pytest.approx(-25.0)
    assert tag("tff.conductivity").to_display(1.6) == pytest.approx(16.0)


def test_unlisted_setpoints_take_their_partners_units() -> None:
    assert tag("sec.pressure_setpoint").display == "psi"
    assert tag("other.thing").unit == ""
