"""Static checks: good recipes pass, every deliberate fault is found at its line, and each rule both ways."""

from __future__ import annotations

import dataclasses
import importlib.resources
import re

import pytest

from protocols.check import ERROR, WARNING, Finding, check, refuse
from protocols.load import LoadError, load, loads, packaged
from vesiflow.line_profile import LineProfile

GOOD = [name for name in packaged() if not name.startswith("bad_")]
BAD = [name for name in packaged() if name.startswith("bad_")]
MARK = re.compile(r"#\s*bad:\s*(.+)$")


def text_of(name: str) -> str:
    return (importlib.resources.files("protocols") / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")


def found(text: str, profile: LineProfile, severity: str = ERROR) -> list[Finding]:
    return [finding for finding in check(loads(text), profile) if finding.severity == severity]


@pytest.mark.parametrize("name", GOOD)
def test_good_recipes_pass_without_a_word(name: str, bench: LineProfile) -> None:
    assert check(load(name), bench) == []


def test_there_is_a_good_and_a_bad_one_for_every_unit() -> None:
    units = {"tff", "sec", "electroporation", "lyophilization"}
    assert set(GOOD) == units | {"exosome", "membrane_test", "column_test"}
    assert set(BAD) == {f"bad_{unit}" for unit in units}


@pytest.mark.parametrize("name", BAD)
def test_every_marked_fault_is_found_at_its_line(name: str, bench: LineProfile) -> None:
    findings = [finding for finding in check(load(name), bench) if finding.severity == ERROR]
    marks = {number: m[1] for number, line in enumerate(text_of(name).splitlines(), 1) if (m := MARK.search(line))}
    assert len(marks) >= 5
    for number, words in marks.items():
        assert any(f.line == number and words in f.reason for f in findings), f"line {number}: {words}"


def test_errors_refuse_with_file_line_path_reason(bench: LineProfile) -> None:
    recipe = load("bad_sec")
    with pytest.raises(LoadError) as caught:
        refuse(recipe, check(recipe, bench))
    first = str(caught.value).splitlines()[0]
    assert first == "bad_sec.yaml:9: procedure[0].sec.column.diameter: 26 mm is wanted, the line's column has 50 mm"
    assert caught.value.exit_code == 2
    refuse(load("sec"), check(load("sec"), bench))


CHANGES = [
    # recipe, old text, new text, severity, words of the finding
    ("tff", "shear: 4000 1/s", "shear: 6100 1/s", ERROR, "above the membrane's limit of 6000 1/s"),
    ("tff", "tmp: 2 psi", "tmp: 1 psi", WARNING, "the pressure drop along the fibres alone"),
    ("tff", "fibres: 30", "fibres: 30, length: 20 cm", ERROR, "give a length of 49.9 cm, not 20 cm"),
    ("tff", "concentrate: {to: 20 mL}", "concentrate: {to: 120 mL}", ERROR, "only 100 mL are in the reservoir"),
    ("tff", "concentrate: {to: 20 mL}", "concentrate: {to: 7 mL}", WARNING, "close to the hold-up"),
    ("tff", "volumes: 7", "volumes: 20", None, ""),
    ("tff", "concentrate: {to: 100 mL}", "concentrate: {to: 1000 mL}", ERROR, "the permeate vessel takes 5000 mL"),
    ("tff", "concentrate: {to: 100 mL}", "concentrate: {to: 1000 mL}", ERROR, "the buffer bottle takes 5000 mL"),
    (
        "tff",
        "flush: {buffer: PBS, volume: 500 mL}",
        "flush: {buffer: Tris, volume: 500 mL}",
        WARNING,
        "not a described",
    ),
    ("tff", "load: {source: medium}", "load: {source: medium, volume: 2.1 L}", ERROR, "which then holds about 2000 mL"),
    ("tff", "        - recover: {product: capture, rinse: 5 mL}\n", "", ERROR, "never recovered"),
    ("tff", "        - flush: {buffer: PBS, volume: 500 mL}\n", "", WARNING, "no flush before load"),
    ("sec", "volume: 24.5 mL", "volume: 24.7 mL", ERROR, "of the bed; at most 5.0% (24.5 mL) separate"),
    ("sec", "fraction: 5 mL", "fraction: 1 mL", ERROR, "108 fractions; there are 80 tubes"),
    ("sec", "collect_to: 0.5", "collect_to: 0.3", ERROR, "closes before the void volume"),
    ("sec", "collect_to: 0.5", "collect_to: 0.7", WARNING, "soluble protein begins"),
    ("sec", "        - pool: {product: pool, peak_share: 20 %, max_volume: 60 mL}\n", "", ERROR, "stay in tubes"),
    ("electroporation", "liquid: pulse buffer", "liquid: PBS", ERROR, "more diavolumes of a low-salt buffer"),
    ("electroporation", "wells: 96", "wells: 90", WARNING, "8 wells are pulsed together"),
    ("electroporation", "wells: 96, sample_volume: 90 uL", "wells: 96, sample_volume: 95 uL", ERROR, "takes 9.12 mL"),
    ("electroporation", "field: 1000 V/cm", "field: 2600 V/cm", ERROR, "520 V over the gap; the station stands 500 V"),
    ("electroporation", "shape: exponential", "shape: square", ERROR, "a square pulse needs a width"),
    ("electroporation", "capacitance: 125 uF, ", "", ERROR, "an exponential pulse needs a capacitance"),
    ("electroporation", "max_duration: 60 min", "max_duration: 20 min", ERROR, "shorter than the rest itself"),
    ("lyophilization", "temperature: -28 degC", "temperature: -20 degC", ERROR, "collapse is at -29.0 degC"),
    ("lyophilization", "temperature: -28 degC", "temperature: -25 degC", WARNING, "less than the margin of 2 K"),
    ("lyophilization", "temperature: -28 degC", "temperature: -46 degC", ERROR, "nothing sublimes"),
    ("lyophilization", "max_duration: 60 h", "max_duration: 30 h", ERROR, "drying takes about"),
    ("lyophilization", "temperature: -45 degC", "temperature: -27 degC", ERROR, "it stays liquid"),
    ("lyophilization", "temperature: -45 degC", "temperature: -32 degC", WARNING, "below Tg'"),
    ("lyophilization", "anneal: {temperature: -20 degC", "anneal: {temperature: -35 degC", ERROR, "annealing works"),
    ("lyophilization", "condenser: -50 degC", "condenser: -42 degC", ERROR, "cannot come to 60 mTorr"),
    ("lyophilization", "buffer: formulation buffer", "buffer: PBS", ERROR, "collapse is at -38"),
    ("lyophilization", "ramp: 0.1 K/min", "ramp: 0.5 K/min", WARNING, "overtake the glass transition"),
    ("lyophilization", "vials: 50", "vials: 61", ERROR, "61 vials on 60 places"),
    ("lyophilization", "vials: 50", "vials: 52", ERROR, "holds 102 mL at most"),
    ("lyophilization", "2.5e11 1/mL", "1e11 1/mL", WARNING, "make about 23 of 50 vials"),
    ("lyophilization", 'doses: ">= 40"', 'doses: ">= 60"', ERROR, "are wanted"),
    ("lyophilization", "assays: [particles, size, moisture, recovery]", "assays: [particles]", ERROR, "moisture"),
    ("exosome", "max_volume: 60 mL", "max_volume: 55 mL", None, ""),
    (
        "exosome",
        "volumes: 5, buffer: pulse buffer",
        "volumes: 1, buffer: pulse buffer",
        ERROR,
        "expected at 6.08 mS/cm",
    ),
    ("exosome", "load: {source: pool}", "load: {source: washed}", ERROR, "it is filled later, in unit procedure 5"),
    ("exosome", "recover: {product: exchange", "recover: {product: capture", ERROR, "'exchange' is not there yet"),
    ("exosome", "shear: 3000 1/s", "shear: 30 1/s", ERROR, "30 1/s is outside 300 to 8000 1/s (critical"),
    ("exosome", "{after: 4, before: 5, limit: 2 h}", "{after: 3, before: 5, limit: 1 h}", ERROR, "takes about 1.9 h"),
]


@pytest.mark.parametrize(("name", "old", "new", "severity", "words"), CHANGES)
def test_one_change(name: str, old: str, new: str, severity: str | None, words: str, bench: LineProfile) -> None:
    text = text_of(name)
    assert old in text
    changed = text.replace(old, new, 1)
    if severity is None:
        assert [f for f in check(loads(changed), bench) if f.severity == ERROR] == []
        return
    findings = found(changed, bench, severity)
    assert any(words in finding.reason for finding in findings), findings
    assert all(1 <= finding.line <= changed.count("\n") for finding in findings)


@pytest.mark.parametrize("unit", ["tff", "sec", "electroporation", "lyophilization"])
def test_a_line_without_a_unit_or_role(unit: str, bench: LineProfile) -> None:
    poor = dataclasses.replace(bench, **{unit: None})
    assert any(f"has no {unit} unit" in f.reason for f in check(load(unit), poor))
    for role in [role for role in bench.roles if role.startswith(f"{unit}.")]:
        without = dataclasses.replace(bench, roles={r: limits for r, limits in bench.roles.items() if r != role})
        (finding,) = check(load(unit), without)
        assert finding.reason == f"line 'bench' has no role {role}"


@pytest.mark.parametrize(
    ("unit", "role"),
    [("tff", "tff.feed_pump"), ("sec", "sec.pump"), ("lyophilization", "lyophilization.shelf")],
)
def test_a_role_without_limits(unit: str, role: str, bench: LineProfile) -> None:
    loose = dataclasses.replace(bench, roles={**bench.roles, role: {}})
    reasons = [finding.reason for finding in check(load(unit), loose)]
    assert reasons
    assert all("states no limits on the" in reason and role in reason for reason in reasons)


def test_equipment_limits(bench: LineProfile) -> None:
    assert bench.deck
    assert bench.lyophilization
    few_tips = dataclasses.replace(bench, deck=dataclasses.replace(bench.deck, tips=200))
    assert "needs 288 tips" in check(load("electroporation"), few_tips)[0].reason
    small = dataclasses.replace(bench, deck=dataclasses.replace(bench.deck, reservoirs={"bulk": 50e-6}))
    assert "deck position 'bulk', which takes 50 mL" in check(load("lyophilization"), small)[0].reason
    warm = dataclasses.replace(bench, lyophilization=dataclasses.replace(bench.lyophilization, shelf_min=-40.0))
    assert any("the shelf reaches -40 to 60 degC" in f.reason for f in check(load("lyophilization"), warm))
    full = dataclasses.replace(bench, lyophilization=dataclasses.replace(bench.lyophilization, condenser_capacity=0.05))
    assert any("the condenser takes 0.05 kg" in f.reason for f in check(load("lyophilization"), full))


def test_a_batch_too_large_for_the_bench_is_refused(bench: LineProfile) -> None:
    reasons = [f.reason for f in check(load("exosome"), bench, volume=4e-3) if f.severity == ERROR]
    assert any("into a reservoir of 2500 mL" in reason for reason in reasons)
    assert any("of the bed" in reason for reason in reasons)
    assert any("wells on a plate of 96" in reason for reason in reasons)
    assert any("vials on 60 places" in reason for reason in reasons)


def test_a_batch_too_small_runs_dry(bench: LineProfile) -> None:
    reasons = [f.reason for f in check(load("exosome"), bench, volume=5e-4) if f.severity == ERROR]
    assert any("not above the hold-up" in reason for reason in reasons)
