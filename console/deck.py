"""`vesiflow deck`: what stands on the decks of a line, what is in the wells, and what a recipe will pipette."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from rich.markup import escape

from console.protocols import DRIVER
from console.summary import plain_table, screen
from devices.deck import DeckState
from devices.deck_file import unchecked
from devices.line_file import load_line
from line.deck_view import Handler, books, handlers, plans
from line.prepare import batch_volume, prepare
from records import deck_plot
from records.store import Store
from vesiflow.errors import ConfigError
from vesiflow.quantities import show as shown


def show(line: str = "sim", /, *, image: Path | None = None, instrument: str | None = None) -> None:
    """Show labware, volumes and tips on the decks of a line, as the journal knows them; nothing is asked or moved.

    Parameters
    ----------
    line
        Name of a packaged line, or a YAML file.
    image
        Write a picture of the deck to this .png or .svg file.
    instrument
        Only this liquid handler; needed for a picture when the line has several.
    """
    file = load_line(line)
    found = [one for one in handlers(file) if instrument in (None, one.instrument)]
    if not found:
        known = ", ".join(one.instrument for one in handlers(file)) or "none"
        raise ConfigError("no such liquid handler on this line", device=file.name, value=instrument, bounds=known)
    if image is not None and len(found) > 1:
        names = ", ".join(one.instrument for one in found)
        raise ConfigError("which deck?", bounds=names, remedy="choose one by --instrument")
    store = Store()
    for handler in found:
        said = books(file, handler, store)
        state = said.state()
        _print(handler, state, said.measured)
        if image is not None:
            deck_plot.write(handler.layout, state, image)
            print(f"written: {image}")


def plan(recipe: str, /, *, line: str = "sim", volume: str | None = None) -> None:
    """Show what the liquid handler will pipette for a recipe; formulation is left out, it follows the day's count.

    Parameters
    ----------
    recipe
        Name of a packaged recipe, or a YAML file.
    line
        Name of a packaged line, or a YAML file.
    volume
        Batch size instead of the recipe's, for example "1.5 L".
    """
    prepared = prepare(recipe, line, batch_volume(volume))
    file, control = prepared.line, prepared.recipe
    table = plain_table("phase", "liquid", "from", "to", ">transfers", ">each", ">in all", "tips")
    count = 0
    for phase, _, steps in plans(control, file):
        for liquid, source, target, number, each, total, tips in steps.rows():
            volumes = shown(each, "m^3", "uL"), shown(total, "m^3", "mL")
            table.add_row(phase.key, escape(liquid), source, target, str(number), *volumes, tips)
            count += number
    screen().print(table)
    print(f"{count} transfers on line {file.name}")


def _print(handler: Handler, state: DeckState, measured: Container[str]) -> None:
    table = plain_table("name", "labware", ">places", ">filled", ">in all", "remark")
    for name, piece in handler.layout.labware.items():
        places = [f"{name}:{well}" for well in piece.wells]
        unseen = ["not checked"] if handler.driver == DRIVER and unchecked(piece.model) else []
        if piece.tip_volume:
            tip = shown(piece.tip_volume, "m^3", "uL")
            left = sum(place not in state.used_tips for place in places)
            table.add_row(name, piece.model, str(len(places)), f"{left} tips", "", ", ".join([tip, *unseen]))
            continue
        volumes = [state.volumes[place] for place in places if state.volumes.get(place)]
        unknown = sum(place in state.unknown for place in places)
        remarks = ["provisional" if piece.model not in measured else "measured"] if piece.provisional else []
        remarks += [f"{unknown} unknown"] if unknown else []
        remarks += unseen
        total = shown(sum(volumes), "m^3", "mL") if volumes else ""
        table.add_row(name, piece.model, str(len(places)), str(len(volumes)), total, ", ".join(remarks))
    print(f"{handler.instrument} ({handler.driver}), deck {handler.layout.name}")
    screen().print(table)
