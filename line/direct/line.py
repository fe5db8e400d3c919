"""Builds the direct line and makes one batch on it.

    made = manufacture(control_recipe, line_file, seed=7)
    made.record          the batch record, by the same fold as of any batch
    made.plant           the truth behind it

Scans are stretched while a phase is far from its end (`STRETCH`), the twins take longer steps (`COARSE`): a batch
takes about a second of computing instead of half a minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from devices.deck import Layout
from devices.deck_file import load_deck_file
from devices.drivers.plr_deck import load_deck
from devices.drivers.plr_layout import layout as plr_layout
from devices.line_file import LineFile, RoleSpec
from devices.open_line import OpenInstrument, OpenLine
from devices.readings import Identity
from line.batch import PhaseStatus
from line.controller import Controller
from line.direct.books import MemoryJournal, NoTelemetry
from line.direct.product_roles import DirectPerson, DirectPulser, DirectRobot, DirectShelf, DirectVacuum
from line.direct.wet_roles import (
    DirectBackPressure,
    DirectChromatographyPump,
    DirectCollector,
    DirectPressures,
    DirectPump,
    DirectValve,
    Probe,
)
from line.execution import Execution
from line.state import Command
from protocols.control import ControlRecipe
from records.batch_record import fold
from records.model import BatchRecord
from sim.lines import checked_config
from sim.plant import Plant
from sim.senses import Senses
from vesiflow.clock import VirtualClock
from vesiflow.errors import ConfigError
from vesiflow.quantities import inside

BATCH = "direct"
STRETCH: Mapping[str, float] = {"tff": 10.0, "sec.elute": 2.0, "sec": 6.0, "lyophilization": 5.0}
"""How much longer than written a scan may take, by kind of phase or unit."""
COARSE = {"tff": 20.0, "lyophilization": 300.0}
"""Steps of the twins, s: 5 and 60 where every byte counts."""
PROBES: Mapping[str, str] = {
    "tff.retentate_balance": "tff.retentate_balance",
    "tff.permeate_balance": "tff.permeate_balance",
    "tff.conductivity": "tff.conductivity",
    "sec.conductivity": "sec.conductivity",
    "sec.uv": "sec.uv",
    "electroporation.conductivity": "ep.conductivity",
    "lyophilization.condenser": "lyo.condenser",
    "lyophilization.product_centre": "lyo.product_centre",
    "lyophilization.product_edge": "lyo.product_edge",
}
CHANNELS = {"tff.permeate_pump": 0, "tff.buffer_pump": 1, "tff.recovery_pump": 2}


@dataclass(frozen=True)
class Made:
    """A batch that was made directly: its record, the plant as it stands, and what did not complete ("" nothing)."""

    record: BatchRecord
    plant: Plant
    failed: str = ""
    reason: str = ""

    @property
    def complete(self) -> bool:
        """Every phase ran to its end."""
        return not self.failed


def manufacture(
    recipe: ControlRecipe, line: LineFile, *, seed: int = 1, simulation: Mapping[str, Any] | None = None
) -> Made:
    """Make one batch; `simulation` overrides keys of the line's section of that name.

    A phase that holds is ended, as nobody attends. ConfigError when the line has no plant to work on.
    """
    if line.simulation is None:
        raise ConfigError("this line is not simulated", device=line.name, remedy="choose a line with `simulation:`")
    return asyncio.run(_manufacture(recipe, line, seed, _merged(line.simulation, simulation or {})))


def _merged(section: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """`section` with the keys of `other` in place of its own, mapping by mapping."""
    both = dict(section)
    for name, value in other.items():
        mine = both.get(name)
        both[name] = _merged(mine, value) if isinstance(mine, Mapping) and isinstance(value, Mapping) else value
    return both


async def _manufacture(recipe: ControlRecipe, line: LineFile, seed: int, simulation: Mapping[str, Any]) -> Made:
    clock = VirtualClock()
    plant = Plant(checked_config(simulation, seed), clock.now)
    plant.tff.step, plant.dryer.step = COARSE["tff"], COARSE["lyophilization"]
    journal: Any = MemoryJournal(clock)  # the journal's interface, as far as controller and phases use it
    silent: Any = NoTelemetry()
    controller = DirectController(opened(line, plant, clock), journal, clock, lambda _: silent, seed=seed)
    try:
        controller.create(BATCH, recipe, "direct line")
        failed = await _run(controller, recipe)
    finally:
        await controller.close()
    plant.advance()
    record = fold(journal.events(BATCH), journal.intents(BATCH))
    return Made(record, plant, failed.key if failed else "", failed.reason if failed else "")


async def _run(controller: Controller, recipe: ControlRecipe) -> PhaseStatus | None:
    """All phases in order; the one that did not complete."""
    for phase in recipe.phases():
        status = controller.start_phase(BATCH, phase.key)
        await status.finished.wait()
        if status.state != "complete":
            return status
    controller.finish(BATCH)
    return None


class Unattended(Execution):
    """Nobody attends: a batch that is held is ended. Scans are stretched."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.run.stretch = _stretch(self.phase.kind)

    async def hold(self, reason: str, command: Command = Command.HOLD) -> None:
        """As ever, and the batch is ended."""
        await super().hold(reason, command)
        requests = self.batch.requests
        requests.stop = f"held: {reason}"
        if requests.resumed:
            requests.resumed.set()


class DirectController(Controller):
    """Executes unattended."""

    execution = Unattended


def _stretch(kind: str) -> float:
    return STRETCH.get(kind, STRETCH.get(kind.partition(".")[0], 1.0))


def opened(line: LineFile, plant: Plant, clock: VirtualClock) -> OpenLine:
    """Every role of the line file that the plant can play, bound to it; another driver makes no difference here."""
    senses = Senses(plant)
    robot = DirectRobot(plant, clock, _layout(line)) if _robots(line) else None
    shared: Mapping[str, Any] = {"liquid_handler": robot, "operator": DirectPerson(plant, clock)}
    made = {
        name: role
        for name, spec in line.roles.items()
        if (role := shared.get(spec.capability) or _role(name, spec, line, plant, senses)) is not None
    }
    instruments = {
        name: OpenInstrument(spec, None, None, Identity("vesiflow", "direct"))
        for name, spec in line.instruments.items()
    }
    return OpenLine(line, clock, instruments, made)


def _role(name: str, spec: RoleSpec, line: LineFile, plant: Plant, senses: Senses) -> Any:
    """The object for a role of the skids, None for the others."""
    now = plant.now
    if name in PROBES:
        return Probe(senses[PROBES[name]], now)
    if name in CHANNELS:
        channel, gain = CHANNELS[name], plant.config.tff.reglo_gain[CHANNELS[name]]
        return DirectPump(lambda flow: plant.tff.set_pump(channel, flow * gain, now()))
    simple: Mapping[str, Callable[[], Any]] = {
        "tff.feed_pump": lambda: _feed_pump(spec, line, plant),
        "tff.pressures": lambda: DirectPressures(
            {side: senses[f"tff.{side}_pressure"] for side in ("feed", "retentate", "permeate")}, now
        ),
        "tff.retentate_pressure": lambda: DirectBackPressure(plant, senses["tff.pcd"]),
        "sec.pump": lambda: DirectChromatographyPump(
            lambda flow: plant.sec.set_flow(flow * plant.config.sec.pump_gain, now()), senses["sec.pressure"], now
        ),
        "sec.injection_valve": lambda: DirectValve(
            spec.options["positions"], lambda port: plant.sec.inject(port, now())
        ),
        "sec.selector_valve": lambda: DirectValve(
            spec.options["positions"], lambda port: plant.sec.select(port, now())
        ),
        "sec.collector": lambda: DirectCollector(plant),
        "electroporation.electroporator": lambda: DirectPulser(plant),
        "lyophilization.shelf": lambda: DirectShelf(plant, senses),
        "lyophilization.vacuum": lambda: DirectVacuum(plant, senses),
    }
    return simple[name]() if name in simple else None


def _feed_pump(spec: RoleSpec, line: LineFile, plant: Plant) -> DirectPump:
    """Turns as fast as the line file's tubing says; without tubing there, as fast as the tubing really needs."""
    tubing = getattr(line.instruments[spec.instrument].options, "tubing", None)
    per_turn = inside(tubing.volume_per_rev, "m^3") if tubing else plant.config.tff.feed_per_revolution
    return DirectPump(lambda flow: plant.tff.set_drive(flow / per_turn, plant.now()))


def _robots(line: LineFile) -> list[RoleSpec]:
    return [spec for spec in line.roles.values() if spec.capability == "liquid_handler"]


def _layout(line: LineFile) -> Layout:
    """The deck of the line's first liquid handler, read once a process."""
    spec = line.instruments[_robots(line)[0].instrument]
    options = spec.options
    if spec.driver_name != "plr":
        return load_deck_file(options.deck).layout
    limits = tuple((name, inside(volume, "m^3") * 1e9) for name, volume in options.fill_limits.items())
    return _plr_layout(options.deck, options.bottles, limits, inside(options.dead, "m^3"))


@lru_cache(maxsize=4)
def _plr_layout(deck: str, bottles: tuple[str, ...], limits: tuple[tuple[str, float], ...], dead: float) -> Layout:
    return plr_layout(load_deck(deck), bottles, dict(limits), dead)
