"""The people of the bench: they do every action, measure with errors, and say why when they cannot."""

import re
from pathlib import Path
from typing import Any

import pytest

ACTIONS = re.findall(r"^\| `([^`]+)` \|", Path("docs/operator-actions.md").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_of_the_page_is_known(rig: Any, action: str) -> None:
    try:
        rig.plant.people.act(action, {}, {})
    except ValueError as refusal:
        assert "knows how" not in str(refusal)  # a detail is missing, that is all


def test_the_page_lists_actions() -> None:
    assert {"hang bottle", "press GO", "unload vials", "sample"} <= set(ACTIONS)


def test_assays_come_in_the_unit_asked_for_and_scatter(rig: Any) -> None:
    fields = {"particles": "1/mL", "protein": "ug/mL", "size": "nm", "conductivity": "mS/cm", "volume": "mL"}
    results = [rig.ask("sample", fields, bottle="medium", point="in") for _ in range(12)]
    counts = [r["particles"] for r in results]
    assert sum(counts) / len(counts) == pytest.approx(2.5e9, rel=0.1)
    assert len(set(counts)) == len(counts)
    assert results[0]["protein"] == pytest.approx(1000, rel=0.2)
    assert 80 < results[0]["size"] < 110
    assert results[0]["conductivity"] == pytest.approx(13.0, rel=0.1)
    assert results[0]["volume"] == pytest.approx(2000, rel=0.03)
    assert rig.closed()


def test_a_sample_takes_little_and_never_more_than_a_fiftieth(rig: Any) -> None:
    rig.plant.store.bottle("pool", 1e-6)
    rig.ask("sample", {"particles": "1/mL"}, bottle="pool", point="x")
    assert rig.plant.store.bottles["pool"].volume == pytest.approx(0.98e-6)


def test_unknown_assays_and_wet_moisture_are_refused(rig: Any) -> None:
    with pytest.raises(ValueError, match="no assay called 'colour'"):
        rig.ask("sample", {"colour": "1"}, bottle="medium", point="x")
    with pytest.raises(ValueError, match="freeze-dried"):
        rig.ask("sample", {"moisture": "percent"}, bottle="medium", point="x")


def test_missing_and_wrong_details_are_refused(rig: Any) -> None:
    with pytest.raises(ValueError, match="bottle is missing"):
        rig.ask("hang bottle", volume=1e-3)
    with pytest.raises(ValueError, match="volume is not a number"):
        rig.ask("hang bottle", bottle="medium", volume="a lot")
    with pytest.raises(ValueError, match="cannot go to 'the moon'"):
        rig.ask("move plate", to="the moon")


def test_an_empty_bottle_is_refused(rig: Any) -> None:
    rig.mount()
    rig.ask("hang bottle", bottle="medium", volume=1e-4)
    with pytest.raises(ValueError, match="'medium' is empty"):
        rig.ask("hang bottle", bottle="medium", volume=1e-4)


def test_go_without_a_program_is_refused(rig: Any) -> None:
    with pytest.raises(ValueError, match="no program 'EV01'"):
        rig.ask("press GO", program="EV01", column=1)


def test_buffers_are_found_by_name_and_strength(rig: Any) -> None:
    recipe = rig.plant.store.buffer_recipe
    assert recipe("0.1 M NaOH") == {"naoh": 100.0}
    assert recipe("20 % ethanol") == {"ethanol": 3430.0}
    assert recipe("PBS")["nacl"] == 137.0
    assert recipe("formulation buffer")["trehalose"] == 146.0


def test_a_line_may_bring_its_own_bottles(new_rig: Any) -> None:
    rig = new_rig(bottles={"house buffer": {"nacl": "10 mmol/L"}})
    assert rig.plant.store.buffer("house buffer", 1e-3).concentration("nacl") == pytest.approx(10.0)


def test_weighing_tells_grams_as_millilitres(rig: Any) -> None:
    rig.plant.store.bottle("pool", 50e-6)
    assert rig.ask("weigh bottle", bottle="pool")["volume"] == pytest.approx(50.4, abs=0.2)
