"""The report is one file that needs nothing else, says everything, and is the same every time."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import charts, present
from records.batch_record import build
from records.journal import Journal, JournalReader
from records.model import BatchRecord
from records.plots import broken, thinned
from records.report import html, merged, write_report
from records.store import BatchFolder
from records.telemetry import TelemetryReader, TelemetryWriter
from vesiflow.clock import VirtualClock
from vesiflow.errors import ConfigError

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Checks that tags nest, collects ids and everything that points outside."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.outside: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in ("src", "href", "xlink:href", "action", "data") and not (value or "").startswith("#"):
                self.outside.append(f"{tag} {name}={value}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def record(batch: BatchFolder) -> BatchRecord:
    with JournalReader(batch.journal) as journal, TelemetryReader(batch.telemetry) as telemetry:
        return build(journal, batch.batch, telemetry)


@pytest.fixture(scope="module")
def page(batch: BatchFolder, record: BatchRecord) -> str:
    with TelemetryReader(batch.telemetry) as telemetry:
        return html(record, telemetry)


def test_the_page_is_well_formed_and_needs_nothing_from_outside(page: str) -> None:
    parser = Page()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    assert parser.outside == []
    assert len(parser.ids) == len(set(parser.ids))
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert re.findall(r"url\((?!#)", page) == []


def test_references_inside_the_page_lead_somewhere(page: str) -> None:
    ids = set(re.findall(r' id="([^"]+)"', page))
    wanted = set(re.findall(r'(?:href="#|url\(#)([^")]+)', page))
    assert wanted - ids == set()


def test_it_says_what_matters(page: str, record: BatchRecord) -> None:
    for text in (
        "SIMULATED", record.header.batch, "46.5 %", "Release criteria", "tff.tmp outside its limit", "5.1 psi",
        "column 8: time constant", record.header.journal_hash, record.header.recipe_digest, "watson_marlow_323",
        "resolved doubt", "Does the pool meet 3e10 particles per microgram",
    ):  # fmt: skip
        assert text in page, text
    assert page.index('id="findings"') < page.index('id="unit-1"')  # review by exception: first among the details


def test_the_same_record_gives_the_same_bytes(page: str, batch: BatchFolder, record: BatchRecord) -> None:
    with TelemetryReader(batch.telemetry) as telemetry:
        assert html(record, telemetry) == page


def test_every_unit_procedure_has_its_chart(page: str) -> None:
    for name in ("u1-trend", "u2-uv", "u3-trend", "u4-pulse", "u5-trend", "u6-trend", "balance", "f0"):
        assert f'id="{name}-' in page, name


def test_what_people_wrote_cannot_become_markup(tmp_path: Path) -> None:
    nasty = "<script>alert(1)</script>"
    recipe = {"recipe": nasty, "version": "1", "line": "l", "header": {"donor": nasty}}
    with Journal(tmp_path / "j.sqlite", VirtualClock(), code_version="1", boot_id="b") as journal:
        journal.event("batch.created", "B", recipe=recipe, who=nasty)
        journal.event("note", "B", text=nasty)
        journal.event("deviation", "B", key="k", what=nasty, value="1", limit="2", unit="Pa", severity="major")
    with JournalReader(tmp_path / "j.sqlite") as reader:
        page = html(build(reader, "B"))
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 4


def test_a_batch_without_telemetry_has_a_report(batch: BatchFolder) -> None:
    with JournalReader(batch.journal) as journal:
        page = html(build(journal, batch.batch))
    assert "u1-trend" not in page
    assert "Balance from feed to vial" in page


def test_the_report_is_written_whole_or_not_at_all(tmp_path: Path, record: BatchRecord) -> None:
    write_report(record, None, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    with pytest.raises(ConfigError, match="missing"):
        write_report(record, None, tmp_path / "missing" / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_equal_actions_in_a_row_are_one_line_and_doubt_stands_alone(record: BatchRecord) -> None:
    lines = merged(record.actions)
    assert sum(line.count for line in lines) == len(record.actions)
    assert len(lines) < len(record.actions) / 2
    assert [line.count for line in lines if line.state == "UNKNOWN"] == [1]


@given(st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=6000), st.integers(10, 1500))
def test_thinning_keeps_the_ends_and_the_extremes(values: list[float], most: int) -> None:
    t = np.arange(len(values), dtype=np.float64)
    kept_t, kept = thinned(t, np.array(values), most)
    assert kept_t.size <= max(most, 3)
    assert (np.diff(kept_t) > 0).all()
    assert (kept_t[0], kept_t[-1]) == (0, len(values) - 1)
    if not np.isnan(values).all():
        assert np.nanmin(kept) == np.nanmin(values)
        assert np.nanmax(kept) == np.nanmax(values)


def test_a_gap_in_the_data_is_a_gap_in_the_line() -> None:
    t = np.array([0.0, 10.0, 20.0, 3000.0, 3010.0])
    hours, values = broken(t, np.ones(5))
    assert hours.size == 6
    assert np.isnan(values[3])


def test_a_chart_without_data_is_none(tmp_path: Path, record: BatchRecord) -> None:
    TelemetryWriter(tmp_path / "t.sqlite", VirtualClock()).close()
    with TelemetryReader(tmp_path / "t.sqlite") as empty:
        assert all(charts.trends(unit, empty) == "" for unit in record.units)
        assert all(charts.chromatogram(unit, empty) == "" for unit in record.units)
    assert charts.waterfall(()) == ""


@pytest.mark.parametrize(
    ("value", "unit", "area", "shown"),
    [
        (1.4667e-6, "m^3/s", "tff", "88 mL/min"),
        (13789.5, "Pa", "tff", "2 psi"),
        (7.99934, "Pa", "lyophilization", "60 mTorr"),
        (80000.0, "Pa", "lyophilization", "80 kPa"),
        (3e5, "Pa", "sec", "3 bar"),
        (-25.0, "degC", "lyophilization", "−25 °C"),
        (9e-8, "m^3", "electroporation", "90 µL"),
        (2.5e15, "1/m^3", "", "2.5×10⁹/mL"),
        (0.0053, "s", "", "5.3 ms"),
        (5e12, "", "", "5×10¹²"),
        (None, "Pa", "", "–"),
        (float("nan"), "Pa", "", "–"),
        (1.4, "percent", "", "1.4 %"),
        (3.0, "1", "", "3"),
    ],
)
def test_values_are_shown_in_the_units_of_the_bench(value: float | None, unit: str, area: str, shown: str) -> None:
    assert present.text(value, unit, area) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(45.0, "45 s"), (600.0, "10 min"), (11220.0, "3 h 07 min"), (190800.0, "2 d 05 h"), (None, "–")],
)
def test_durations_read_like_durations(seconds: float | None, shown: str) -> None:
    assert present.span(seconds) == shown
