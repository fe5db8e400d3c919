"""Decks of a line without opening it: layouts from the line file, books from the journal, plans from a recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from devices.deck import Layout
from devices.line_file import LineFile
from line import deck_ledger as ledger
from line import transfer_plan
from line.phases.electroporation import treatment
from line.phases.vials import BUFFER, BULK, POOL
from line.transfer_plan import TransferPlan
from protocols.control import ControlRecipe, Phase
from protocols.phases import CollectPlate, FillVials, Formulate, PreparePlate
from records.journal_reader import JournalReader
from records.store import Store
from vesiflow.errors import ConfigError

CAPABILITY = "liquid_handler"
_PIPETTING = (PreparePlate, CollectPlate, Formulate, FillVials)


@dataclass(frozen=True)
class Handler:
    """A liquid handler of a line: its instrument, the roles it gives, and its deck."""

    instrument: str
    driver: str
    roles: frozenset[str]
    layout: Layout


def handlers(line: LineFile) -> list[Handler]:
    """Every liquid handler of the line, by instrument; ConfigError when a deck file is wrong."""
    found: dict[str, Handler] = {}
    for role, spec in line.roles.items():
        if spec.capability != CAPABILITY or spec.instrument in found:
            continue
        instrument = line.instruments[spec.instrument]
        deck_of = getattr(instrument.driver, "deck_of", None)
        if deck_of is None:
            raise ConfigError(f"{instrument.driver_name} shows no deck", device=spec.instrument, action=role)
        shared = frozenset(name for name, other in line.roles.items() if other.instrument == spec.instrument)
        layout = deck_of(instrument.options, **spec.options)
        found[spec.instrument] = Handler(spec.instrument, instrument.driver_name, shared, layout)
    return list(found.values())


def books(line: LineFile, handler: Handler, store: Store) -> ledger.Books:
    """What the journal says is on the deck now; nothing when this line has no journal yet."""
    path = store.journal(line.name)
    if not path.is_file():
        return ledger.Books()
    with JournalReader(path) as reader:
        return ledger.fold(reader.events(None, ledger.KINDS), reader.intents(None, ledger.VERB), handler.roles)


def plans(recipe: ControlRecipe, line: LineFile) -> Iterator[tuple[Phase, Handler, TransferPlan]]:
    """What the recipe's pipetting phases will do. Formulation is left out: it follows the particles counted then."""
    found = handlers(line)
    for phase in recipe.phases():
        handler = next((one for one in found if f"{phase.unit}.{CAPABILITY}" in one.roles), None)
        plan = _plan(phase, handler.layout) if handler else None
        if handler is not None and plan is not None:
            yield phase, handler, plan


def refuse_undoable(recipe: ControlRecipe, line: LineFile) -> None:
    """ConfigError when a deck of the line does not hold what the recipe's pipetting needs."""
    pipetting = [phase for phase in recipe.phases() if isinstance(phase.params, _PIPETTING)]
    found = handlers(line) if pipetting else []
    for phase in pipetting:
        for handler in found:
            if f"{phase.unit}.{CAPABILITY}" in handler.roles:
                _plan(phase, handler.layout)
                for place in (POOL, BUFFER, BULK) if isinstance(phase.params, Formulate) else ():
                    handler.layout.at(place)


def _plan(phase: Phase, layout: Layout) -> TransferPlan | None:
    params = phase.params
    if isinstance(params, PreparePlate):
        return transfer_plan.plate([treatment(params)], layout)
    if isinstance(params, CollectPlate):
        return transfer_plan.collected(params.wells, params.volume / params.wells, layout)
    if isinstance(params, FillVials):
        return transfer_plan.filled(transfer_plan.Stock(BULK, "bulk"), params.vials, params.fill_volume, layout)
    return None
