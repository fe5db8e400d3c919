"""Generated protocols under the real `opentrons` package, in its own process; skipped where the extra is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from devices import deck_file
from devices.deck import DeckState
from devices.deck_file import DeckFile, deck_from_text, load_deck_file
from devices.labware.definition import well_names
from devices.opentrons import analysis
from devices.opentrons.plan import moves
from devices.readings import Transfer
from vesiflow.errors import ConfigError

needs_opentrons = pytest.mark.skipif(not analysis.available(), reason=f"{analysis.EXTRA} is not installed")
ORDER = [Transfer("sample:A1", f"plate:{well}", 50e-9, "EV") for well in well_names(1, 8)]
VIALS = [Transfer("bulk:A1", f"vials:{well}", 250e-9, "bulk", tips="same") for well in well_names(2, 4)]


def analysed(deck: DeckFile, order: list[Transfer]) -> list[str]:
    result = analysis.analyse(moves(order, deck, DeckState()), len(order), deck)
    return [command["commandType"] for command in result["commands"]]


@needs_opentrons
@pytest.mark.peers
@pytest.mark.parametrize(("kind", "aspirates"), [("ot2", 16), ("flex", 9)])
def test_both_robots_take_our_protocols_and_labware(kind: str, aspirates: int) -> None:
    assert analysed(load_deck_file(kind), [*ORDER, *VIALS]).count("aspirate") == aspirates


@needs_opentrons
@pytest.mark.peers
def test_labware_nobody_has_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deck_file, "standard", lambda: None)  # else the deck file is refused before
    text = """
deck: odd
robot: OT-2
pipettes: {left: p300_single_gen2}
tips: {tips_300_1: {slot: "7", labware: opentrons_96_tiprack_300ul, volume: 300 uL}}
labware:
  plate: {slot: "1", labware: nobody_has_this, grid: [12, 8], capacity: 200 uL}
  sample: {slot: "2", labware: nest_1_reservoir_195ml, grid: [1, 1], capacity: 195 mL, bottle: true}
"""
    with pytest.raises(ConfigError, match=r"odd: analyse: opentrons cannot run this: .*nobody_has_this"):
        analysed(deck_from_text(text), ORDER)


def test_a_run_never_imports_opentrons() -> None:
    code = "import sys, devices.drivers.opentrons_http, devices.opentrons.analysis; print('opentrons' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
