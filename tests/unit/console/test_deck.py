"""`vesiflow deck`: layouts without a robot, volumes from the journal, plans from a recipe, pictures."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from devices import deck_file
from devices.deck import DeckState
from devices.deck_file import load_deck_file, packaged_decks
from devices.line_file import load_line
from records import deck_plot
from tests.unit.console.conftest import Cli
from vesiflow.errors import ConfigError


def test_show_and_picture(cli: Cli, tmp_path: Path) -> None:
    image = tmp_path / "deck.svg"
    found = cli("deck", "show", "sim", "--image", str(image))
    assert found.code == 0 and "lyo_vial_rack_96_2r" in found.out and "96 tips" in found.out
    assert image.read_text().startswith("<svg") or "<svg" in image.read_text()


def test_plan(cli: Cli) -> None:
    found = cli("deck", "plan", "electroporation")
    assert found.code == 0 and "288 transfers on line sim" in found.out
    assert "plate:A1..H12" in found.out and "new, mixed" in found.out


def test_what_a_person_says_is_in_the_books(cli: Cli) -> None:
    said = ("--reason", "looked", "--who", "Ada", "--line", "sim")
    assert cli("deck", "declare", "plate:A2", "90 uL", "--liquid", "EV", *said).code == 0
    assert cli("deck", "declare", "plate:B2", "unknown", *said).code == 0
    assert cli("deck", "tips", "--line", "sim").code == 0
    found = cli("deck", "show", "sim").out
    assert "0.09 mL" in found and "1 unknown" in found
    assert cli("deck", "declare", "plate:B2", "empty", *said).code == 0
    assert "unknown" not in cli("deck", "show", "sim").out
    assert "no service runs" in cli("deck", "recover", "retry", "--reason", "x", "--line", "sim").err
    refused = cli("deck", "declare", "plate:A2", "900 uL", "--liquid", "EV", *said)
    assert refused.code == 1 and "does not hold that" in refused.err


@pytest.mark.parametrize("words", [
    ("deck", "declare", "plate:Z9", "empty", "--reason", "x", "--line", "sim"),
    ("deck", "declare", "plate:A1", "3 m", "--reason", "x", "--line", "sim"),
    ("deck", "tips", "tips_7", "--line", "sim"),
    ("deck", "measured", "troughs", "--reason", "x", "--line", "sim"),
    ("deck", "show", "nowhere"), ("deck", "show", "sim", "--instrument", "x"), ("deck", "plan", "nothing"),
    ("deck", "show", "sim", "--image", "deck.gif"),
])  # fmt: skip
def test_bad_input_is_one_line(cli: Cli, words: tuple[str, ...]) -> None:
    found = cli(*words)
    assert found.code == 2 and len(found.err.strip().splitlines()) == 1


@pytest.mark.parametrize(("old", "new", "reason"), [
    ("plate:", "plates:", "no such labware on the deck .got 'plate'"),
    ("btx_plate_96_2mm", "btx_plate_97", r"deck\.yaml:\d+: labware\.plate.*(btx_plate_97 is none of ours|.*labware 'btx_plate_97', neither)"),
])  # fmt: skip
@pytest.mark.parametrize("words", [("check",), ("simulate",), ("deck", "plan")])
def test_a_deck_that_does_not_hold_what_the_recipe_needs(
    cli: Cli, tmp_path: Path, old: str, new: str, reason: str, words: tuple[str, ...]
) -> None:
    deck, line = tmp_path / "deck.yaml", tmp_path / "line.yaml"
    packaged = (files("devices") / "decks" / "ot2.yaml").read_text(encoding="utf-8")
    assert old in packaged
    deck.write_text(packaged.replace(old, new), encoding="utf-8")
    robot = f'robot: {{driver: opentrons_http, at: "sim://bench/ot2", deck: {deck}}}'
    plr = 'robot:         {driver: plr, at: "sim://bench/robot"}'
    text = load_line("sim").text
    assert plr in text
    line.write_text(text.replace(plr, robot), encoding="utf-8")
    found = cli(*words, "electroporation", "--line", str(line))
    assert found.code == 2 and re.search(reason, found.err) and len(found.err.strip().splitlines()) == 1


def test_labware_that_nobody_has_measured(cli: Cli) -> None:
    plate = "btx_96_wellplate_125uL_Fb_2mm"
    warned = f"nobody has measured {plate}; a simulated robot takes it"
    assert warned in cli("check", "electroporation").out.replace("\n", " ")
    assert cli("deck", "measured", plate, "--reason", "report 17", "--who", "Ada", "--line", "sim").code == 0
    assert warned not in cli("check", "electroporation").out.replace("\n", " ")
    assert "measured" in cli("deck", "show", "sim").out


@pytest.mark.parametrize("name", packaged_decks())
def test_every_deck_can_be_drawn(name: str, tmp_path: Path) -> None:
    layout = load_deck_file(name).layout
    state = DeckState({"plate:A1": 100e-9, "sample:A1": 5e-6}, frozenset({"plate:B1"}), frozenset({"tips_20_1:A1"}))
    for suffix in ("svg", "png"):
        path = tmp_path / f"deck.{suffix}"
        deck_plot.write(layout, state, path)
        first = path.read_bytes()
        deck_plot.write(layout, state, path)
        assert path.read_bytes() == first and len(first) > 5000
    with pytest.raises(ConfigError, match=r"\.png or \.svg"):
        deck_plot.write(layout, state, tmp_path / "deck.pdf")
    with pytest.raises(ConfigError, match="No such file"):
        deck_plot.write(layout, state, tmp_path / "missing" / "deck.png")


@pytest.mark.parametrize("command", [("check", "electroporation", "--line"), ("deck", "show")])
def test_labware_of_an_opentrons_deck_is_looked_up(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    deck, line = tmp_path / "deck.yaml", tmp_path / "line.yaml"
    text = files("devices").joinpath("decks/flex.yaml").read_text(encoding="utf-8")
    deck.write_text(text.replace("nest_1_reservoir_195ml", "nest_99_nothing"), encoding="utf-8")
    robot = f'robot: {{driver: opentrons_http, at: "sim://bench/flex", deck: "{deck}"}}'
    plr = 'robot:         {driver: plr, at: "sim://bench/robot"}'
    line.write_text(load_line("sim").text.replace(plr, robot), encoding="utf-8")
    known = {
        entry.labware for part in ("labware", "tips") for entry in getattr(load_deck_file("flex").model, part).values()
    }
    monkeypatch.setattr(deck_file, "standard", lambda: known)
    refused = cli(*command, line)
    assert refused.code == 2
    assert re.search(r"deck\.yaml:16: labware\.bulk\.labware: unknown labware 'nest_99_nothing'", refused.err)
    monkeypatch.setattr(deck_file, "standard", lambda: None)
    monkeypatch.setattr("console.protocols.available", lambda: False)
    assert "not checked" in cli(*command, line).out
