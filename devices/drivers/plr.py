"""Liquid handler through PyLabRobot 0.2.2: deck, trackers and backends are its, the rules are ours.

Backends: `wire` (JSON lines over the link), `chatterbox` and `star_chatterbox` (print only, simulated), `star`
(Hamilton STAR over USB). What a robot did cannot be read back, so `transfer` is BLIND: a lost reply is for the
operator to decide. Contents of bottles are not known, people exchange them; plates and vials are booked from the
moment this driver fills them. The books (`state` file) survive a restart; they are a plan, not evidence, and wells
touched by a failed operation are marked uncertain.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field
from pylabrobot.liquid_handling import LiquidHandler
from pylabrobot.liquid_handling.backends.backend import LiquidHandlerBackend
from pylabrobot.liquid_handling.backends.chatterbox import LiquidHandlerChatterboxBackend
from pylabrobot.resources import (
    Container,
    does_tip_tracking,
    does_volume_tracking,
    set_tip_tracking,
    set_volume_tracking,
)

from devices.card import DriverCard
from devices.commands import Kind, command, read
from devices.deck import DeckState, Layout
from devices.drivers.plr_deck import BOTTLES, container, labware, load_deck, tip_racks, where
from devices.drivers.plr_layout import layout
from devices.drivers.plr_plan import Move, Step, check_volumes, moves_for, name_of, plan
from devices.drivers.plr_wire import WireBackend
from devices.link import Link
from devices.readings import Identity, Transfer, TransferReport
from devices.strict import about, check_role
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import ConfigError, DeviceFault, Refused, VesiflowError
from vesiflow.quantities import Duration, Volume, inside

MIX_CYCLES = 2
MIX_FRACTION = 0.5  # of what is in the well
SIMULATED = ("chatterbox", "star_chatterbox")


class PlrOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: deck (packaged name or JSON file), backend, bottles whose content people change, fill limits."""

    backend: Literal["wire", "chatterbox", "star_chatterbox", "star"] = "wire"
    deck: str = "sim"
    bottles: tuple[str, ...] = BOTTLES
    fill_limits: dict[str, Volume] = Field(default={"plate": "125 uL"}, validate_default=True)
    dead: Volume = Field(default="100 uL", validate_default=True, description="what no tip reaches in a bottle")
    timeout: Duration = Field(default="120 s", validate_default=True, description="for one operation of the robot")
    state: str | None = Field(default=None, description="file that keeps volumes and used tips over a restart")


class PlrLiquidHandler:
    """One robot with up to eight channels."""

    settings: ClassVar[SerialSettings] = SerialSettings()
    options: ClassVar[type[BaseModel]] = PlrOptions
    provides: ClassVar[tuple[str, ...]] = ("liquid_handler",)
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("any", "liquid handler through PyLabRobot", "PyLabRobot 0.2.2")

    def __init__(self, link: Link | None, clock: Clock, options: PlrOptions | None = None) -> None:
        self._link = link
        self._clock = clock
        self._options = options or PlrOptions()
        self._name = link.name if link is not None else "liquid handler"
        self._limits = {name: inside(volume, "m^3") * 1e9 for name, volume in self._options.fill_limits.items()}
        self._layout: Layout | None = None
        self._handler: LiquidHandler | None = None
        self._booked: set[str] = set()  # places whose content this driver knows
        self._uncertain: set[str] = set()

    @staticmethod
    def deck_of(options: PlrOptions, **role_options: object) -> Layout:
        """What stands on the deck, without a robot."""
        limits = {name: inside(volume, "m^3") * 1e9 for name, volume in options.fill_limits.items()}
        return layout(load_deck(options.deck), options.bottles, limits, inside(options.dead, "m^3"))

    async def connect(self) -> Identity:
        """Load the deck, switch both trackers on and set the backend up."""
        with about(self._name, "connect"), self._quiet():
            set_volume_tracking(True)
            set_tip_tracking(True)
            if self._handler is None:
                handler = LiquidHandler(backend=self._backend(), deck=load_deck(self._options.deck))
                await handler.setup()
                self._handler = handler
                self._load_books()
        model = f"PyLabRobot {self._options.backend}{' (simulated)' if self._options.backend in SIMULATED else ''}"
        identity = Identity("PyLabRobot", model)
        if self._link is not None:
            self._link.identity = identity
        return identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> PlrLiquidHandler:
        """The robot itself."""
        check_role(self._name, self.provides, capability, role_options, channel)
        return self

    @command(Kind.BLIND)
    async def transfer(self, transfers: Sequence[Transfer]) -> TransferReport:
        """Carry out all transfers in order; refuses the whole list before the first move when one is impossible."""
        with about(self._name, "transfer"):
            handler = self._ready()
            moves = moves_for(labware(handler.deck), transfers)
            known = self._known(moves)
            check_volumes(moves, known, self._limits)
            steps = plan(moves, tip_racks(handler.deck), known, min(len(handler.head), 8))
            if any(tracker.has_tip for tracker in handler.head.values()):
                await self._guarded((), handler.discard_tips)  # left over from an operation that failed
            for step in steps:
                await self._carry_out(handler, step)
            if steps:
                await self._guarded((), handler.discard_tips)
            self._save_books()
        taken = tuple(name_of(tip) for step in steps for tip in step.tips or ())
        return TransferReport(len(transfers), len(transfers), 0, taken)

    @read
    async def know(self, state: DeckState) -> None:
        """The line's books replace this driver's: volumes of wells (bottles stay theirs), tips that are gone."""
        with about(self._name, "know"):
            deck = self._ready().deck
            pieces = labware(deck)
            known = {place: volume for place, volume in state.volumes.items() if not self._is_bottle(place)}
            for name, piece in pieces.items():
                for one in _containers(piece) if name not in self._options.bottles else ():
                    one.tracker.set_volume(round(known.get(name_of(one), 0.0) * 1e9, 4))
            for rack in tip_racks(deck):
                there = [name_of(spot) not in state.used_tips for spot in rack.get_all_items()]
                if there != [spot.has_tip() for spot in rack.get_all_items()]:
                    rack.set_tip_state(there)
            self._booked, self._uncertain = set(known), set(state.unknown)
            self._save_books()

    @read
    async def read_layout(self) -> Layout:
        """What stands on the deck; how far channels and tips reach."""
        if self._layout is None:
            dead = inside(self._options.dead, "m^3")
            self._layout = layout(self._ready().deck, self._options.bottles, self._limits, dead)
        return self._layout

    @read
    async def read_deck(self) -> Mapping[str, str]:
        """What is booked: labware and tips by name, filled wells by place, and what is uncertain."""
        deck = self._ready().deck
        found = {name: str(piece.model or piece.category) for name, piece in labware(deck).items()}
        for rack in tip_racks(deck):
            spots = rack.get_all_items()
            found[rack.name] = f"{sum(spot.has_tip() for spot in spots)} of {len(spots)} tips"
        for place in sorted(self._booked):
            found[place] = f"{container(labware(deck), place).tracker.get_used_volume():.6g} uL"
        for place in sorted(self._uncertain):
            found[place] = f"{found.get(place, 'unknown')}, uncertain"
        return found

    @command(Kind.BLIND)
    async def replaced(self, name: str) -> None:
        """A person has put fresh labware `name` on the deck: an empty plate or rack of vials, or a full tip rack."""
        with about(self._name, "replace labware"):
            deck = self._ready().deck
            racks = {rack.name: rack for rack in tip_racks(deck)}
            pieces = labware(deck)
            if name in racks:
                racks[name].fill()
            elif name in pieces:
                for one in _containers(pieces[name]):
                    one.tracker.set_volume(0.0)
            else:
                raise ConfigError(
                    "no such labware", value=repr(name), bounds=", ".join([*racks, *pieces]), remedy="mend"
                )
            self._booked = {place for place in self._booked if place.partition(":")[0] != name}
            self._uncertain = {place for place in self._uncertain if place.partition(":")[0] != name}
            self._save_books()

    def _backend(self) -> LiquidHandlerBackend:
        kind = self._options.backend
        if kind == "wire":
            if self._link is None:
                raise ConfigError("backend wire needs a port", remedy="give `at:` or another backend")
            return WireBackend(self._link, inside(self._options.timeout, "s"))
        if kind == "chatterbox":
            return LiquidHandlerChatterboxBackend()
        # The STAR modules cost a second to import: only a line that has one pays for it.
        name, module = {"star": ("STARBackend", "STAR_backend")}.get(kind, ("STARChatterboxBackend", "STAR_chatterbox"))
        return getattr(importlib.import_module(f"pylabrobot.liquid_handling.backends.hamilton.{module}"), name)()

    def _ready(self) -> LiquidHandler:
        if self._handler is None:
            raise Refused("not connected", remedy="connect first")
        if not (does_volume_tracking() and does_tip_tracking()):
            raise Refused("somebody switched the trackers off", remedy="restart the line controller")
        return self._handler

    def _known(self, moves: Sequence[Move]) -> dict[str, float]:
        """Volumes (uL) that can be judged: what was booked, and targets that were never filled (empty)."""
        known = {}
        for move in moves:
            source, target = name_of(move.source), name_of(move.target)
            if source in self._booked:
                known[source] = float(move.source.tracker.get_used_volume())
            if not self._is_bottle(target):
                booked = target in self._booked
                known[target] = float(move.target.tracker.get_used_volume()) if booked else 0.0
        return known

    def _is_bottle(self, place: str) -> bool:
        return place.partition(":")[0] in self._options.bottles

    async def _carry_out(self, handler: LiquidHandler, step: Step) -> None:
        channels = list(range(len(step.moves)))
        if step.tips is not None:
            if any(tracker.has_tip for tracker in handler.head.values()):
                await self._guarded((), handler.discard_tips)
            await self._guarded((), handler.pick_up_tips, list(step.tips), use_channels=channels)
        for move in step.moves:
            self._provide(move)
        sources, targets = [move.source for move in step.moves], [move.target for move in step.moves]
        volumes = [move.volume for move in step.moves]
        await self._guarded(step.moves, handler.aspirate, sources, volumes, use_channels=channels)
        await self._guarded(step.moves, handler.dispense, targets, volumes, use_channels=channels)
        self._booked |= {place for place in map(name_of, targets) if not self._is_bottle(place)}
        if step.moves[0].mix:
            await self._mix(handler, step, channels)
        self._save_books()

    async def _mix(self, handler: LiquidHandler, step: Step, channels: list[int]) -> None:
        wells = [move.target for move in step.moves]
        top = min(float(handler.head[channel].get_tip().maximal_volume) for channel in channels)
        volumes = [round(min(MIX_FRACTION * well.tracker.get_used_volume(), top), 4) for well in wells]
        for _ in range(MIX_CYCLES):
            await self._guarded(step.moves, handler.aspirate, wells, volumes, use_channels=channels)
            await self._guarded(step.moves, handler.dispense, wells, volumes, use_channels=channels)

    def _provide(self, move: Move) -> None:
        """The tracker must believe in what people put down: bottles, and plates filled before a restart."""
        source, target = move.source.tracker, move.target.tracker
        if name_of(move.source) not in self._booked and source.get_used_volume() < move.volume * 8:
            source.set_volume(min(float(move.source.max_volume), move.volume * 8))
        if self._is_bottle(name_of(move.target)) and target.get_free_volume() < move.volume * 8:
            target.set_volume(0.0)

    async def _guarded(self, moves: Sequence[Move], operation: Any, *args: Any, **kwargs: Any) -> None:
        """One operation of the robot; after any failure the wells it touched are uncertain."""
        try:
            with self._quiet():
                await operation(*args, **kwargs)
        except BaseException as error:
            self._uncertain |= {name_of(one) for move in moves for one in (move.source, move.target)}
            if isinstance(error, VesiflowError) or not isinstance(error, Exception):
                raise
            raise DeviceFault(
                f"{type(error).__name__}: {error}", action=operation.__name__, remedy="look at the deck"
            ) from error

    def _quiet(self) -> contextlib.AbstractContextManager[object]:
        """Chatterbox backends print, without ever giving up the loop: keep it off the terminal."""
        if self._options.backend in SIMULATED:
            return contextlib.redirect_stdout(io.StringIO())
        return contextlib.nullcontext()

    def _load_books(self) -> None:
        path = Path(self._options.state) if self._options.state else None
        if path is None or not path.exists():
            return
        handler = self._ready()
        try:
            books = json.loads(path.read_text(encoding="utf-8"))
            for place, volume in books["volumes"].items():
                container(labware(handler.deck), place).tracker.set_volume(float(volume))
            for rack in tip_racks(handler.deck):
                rack.set_tip_state(
                    [where(spot)[1] not in books["used"].get(rack.name, []) for spot in rack.get_all_items()]
                )
            self._booked, self._uncertain = set(books["volumes"]), set(books["uncertain"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError("unreadable state file", value=str(path), remedy="mend or delete it") from error

    def _save_books(self) -> None:
        if self._options.state is None:
            return
        deck = self._ready().deck
        books = {
            "volumes": {p: container(labware(deck), p).tracker.get_used_volume() for p in sorted(self._booked)},
            "used": {
                rack.name: [where(spot)[1] for spot in rack.get_all_items() if not spot.has_tip()]
                for rack in tip_racks(deck)
            },
            "uncertain": sorted(self._uncertain),
        }
        path = Path(self._options.state)
        draft = path.with_suffix(path.suffix + ".new")
        draft.write_text(json.dumps(books), encoding="utf-8")
        draft.replace(path)


def _containers(piece: Any) -> list[Container]:
    return [piece] if isinstance(piece, Container) else list(piece.get_all_items())
