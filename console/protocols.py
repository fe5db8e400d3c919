"""`vesiflow check` for robots: labware nobody has measured; for Opentrons the analysis of what a recipe would send."""

from __future__ import annotations

from collections.abc import Iterator

from devices.deck import DeckState
from devices.deck_file import load_deck_file
from devices.line_file import LineFile
from devices.opentrons.analysis import EXTRA, analyse, available
from devices.opentrons.plan import moves
from line import deck_ledger as ledger
from line.deck_view import books, plans
from protocols.control import ControlRecipe
from records.store import Store

DRIVER = "opentrons_http"


def unmeasured(recipe: ControlRecipe, line: LineFile) -> Iterator[str]:
    """One line for every robot that the recipe sends to labware which nobody has measured."""
    models: dict[str, set[str]] = {}
    for _, handler, plan in plans(recipe, line):
        known = books(line, handler, Store())
        models.setdefault(handler.instrument, set()).update(ledger.unmeasured(plan.transfers, known, handler.layout))
    for name, found in models.items():
        if found:
            what = "a simulated robot takes it" if line.instruments[name].simulated else "the robot will refuse it"
            yield f"{name}: nobody has measured {', '.join(sorted(found))}; {what} (`vesiflow deck measured`)"


def analysed(recipe: ControlRecipe, line: LineFile) -> Iterator[str]:
    """One line for every protocol; ConfigError when one cannot run. Nothing for a line without such a robot.

    A phase is analysed as if everything it needs stood there, full and fresh.
    """
    robots = {name for name, spec in line.instruments.items() if spec.driver_name == DRIVER}
    if not robots:
        return
    if not available():
        yield f"protocols are not analysed, labware of Opentrons is not checked: the extra {EXTRA} is not installed"
        return
    for phase, handler, plan in plans(recipe, line):
        if handler.instrument in robots:
            deck = load_deck_file(line.instruments[handler.instrument].options.deck)
            steps = moves(plan.transfers, deck, DeckState())
            analyse(steps, len(plan.transfers), deck)
            yield f"{phase.key}: {len(plan.transfers)} transfers in {len(steps)} moves analysed for {deck.model.robot}"
