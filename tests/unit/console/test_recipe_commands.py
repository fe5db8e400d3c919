"""`vesiflow check` and `vesiflow recipe ...` on the packaged line."""

from __future__ import annotations

import re

import pytest

from console.recipe import check, list_, parameters, show
from protocols.load import LoadError, packaged
from vesiflow.errors import ConfigError


@pytest.mark.parametrize("name", [name for name in packaged() if not name.startswith("bad_")])
def test_packaged_recipes_can_run_on_the_packaged_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    check(name)
    out = capsys.readouterr().out
    assert "can run on line sim" in out
    assert "error" not in out


@pytest.mark.parametrize("name", [name for name in packaged() if name.startswith("bad_")])
def test_bad_ones_cannot(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LoadError) as caught:
        check(name)
    assert caught.value.exit_code == 2
    for line in str(caught.value).splitlines():
        assert re.match(rf"{name}\.yaml:\d+: [a-z_]+[\w\[\].]*: .+", line)
    assert capsys.readouterr().out == ""


def test_show_prints_phases_with_durations_and_units(capsys: pytest.CaptureFixture[str]) -> None:
    show("exosome")
    out = capsys.readouterr().out
    for text in ("1 capture (tff)", "1-tff/4-concentrate/1  2 h 3 min", "feed flow: 88.36 mL/min", "voltage: 200 V"):
        assert text in out
    show("exosome", volume="1 L")
    assert "material medium: 1000 mL" in capsys.readouterr().out


def test_list_and_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    list_()
    assert "capture, polish, exchange, loading, wash, freeze-drying" in capsys.readouterr().out
    parameters("tff.membrane.max_shear")
    assert "1000 to 12000 1/s" in capsys.readouterr().out


def test_bad_arguments() -> None:
    with pytest.raises(ConfigError, match="write a volume like '2 L'"):
        check("exosome", volume="2 kg")
    with pytest.raises(ConfigError, match="no parameter begins with 'xyz'"):
        parameters("xyz")
    with pytest.raises(ConfigError, match="unknown line"):
        show("exosome", line="nowhere")
    with pytest.raises(ConfigError, match="neither a file nor a packaged recipe"):
        check("nothing")
