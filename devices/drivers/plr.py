"""Liquid handler through PyLabRobot 0.2.2: deck, trackers and backends are its, the rules are ours.

What a robot did cannot be read back: what its channels answered is all there is (`read_progress`), and it dies with
this process. So after an error only the channels in doubt are for the operator to decide, after a crash the whole
order. Contents of bottles are not known, people exchange them; plates and vials are booked from the moment this driver
fills them or the line's journal tells it (`know`). Which robots and how far: `plr_backends.py`.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, Field
from pylabrobot.liquid_handling import LiquidHandler
from pylabrobot.liquid_handling.errors import ChannelizedError
from pylabrobot.resources import (
    TipSpot,
    does_tip_tracking,
    does_volume_tracking,
    set_tip_tracking,
    set_volume_tracking,
)

from devices.card import DriverCard
from devices.commands import Kind, command, read
from devices.deck import DeckState, Layout
from devices.drivers.plr_backends import KINDS, Robot, backend
from devices.drivers.plr_deck import BOTTLES, PACKAGED, load_deck
from devices.drivers.plr_layout import layout
from devices.drivers.plr_order import Note, Order, judged
from devices.drivers.plr_places import CHANNELS, Places
from devices.drivers.plr_plan import Free, Held, Move, Step, check_volumes, moves_for, plan, rehearse
from devices.link import Link
from devices.readings import Identity, Transfer, TransferReport
from devices.strict import about, check_role
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import ConfigError, DeviceFault, NotSent, Refused, VesiflowError
from vesiflow.quantities import Duration, Volume, inside

MIX_CYCLES = 2
MIX_FRACTION = 0.5  # of what is in the well
TENTH_OF_NANO = 4  # digits of uL that trackers are told


class PlrOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: deck (packaged name or JSON file), backend, bottles whose content people change, fill limits."""

    backend: KINDS = "wire"
    deck: str = "sim"
    bottles: tuple[str, ...] = BOTTLES
    fill_limits: dict[str, Volume] = Field(default={"plate": "125 uL", "vials": "3 mL"}, validate_default=True)
    barcodes: dict[str, str] = Field(default={}, description='forms of barcodes by labware, "BTX-*"')
    dead: Volume = Field(default="100 uL", validate_default=True, description="what no tip reaches in a bottle")
    timeout: Duration = Field(default="120 s", validate_default=True, description="for one operation of the robot")


class PlrLiquidHandler:
    """One robot with up to eight channels."""

    asks_with: ClassVar[None] = None  # its far end does not say who it is
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
        self._limits = _limits(self._options)
        self._layout: Layout | None = None
        self._robot: Robot | None = None
        self._handler: LiquidHandler | None = None
        self._places: Places | None = None
        self._booked: set[str] = set()  # places whose content this driver knows
        self._uncertain: set[str] = set()
        self._gone: set[str] = set()  # tips that were taken
        self._order = Order()
        self._held: Held | None = None  # tips on the channels that another order may go on with
        self._unsure = True  # whether something else may be on the channels

    @staticmethod
    def pretends(options: PlrOptions) -> bool:
        """Whether the backend only prints what a robot would do."""
        return options.backend.endswith("chatterbox")

    @staticmethod
    def deck_of(options: PlrOptions, **role_options: object) -> Layout:
        """What stands on the deck, without a robot."""
        return _packaged(options.model_dump_json()) if options.deck in PACKAGED else _laid_out(options)

    async def connect(self) -> Identity:
        """Load the deck, switch both trackers on and set the backend up."""
        with about(self._name, "connect"):
            if self._handler is None:
                await self._set_up()
            set_volume_tracking(True)
            set_tip_tracking(True)
        simulated = " (simulated)" if self._robot is not None and self._robot.prints else ""
        identity = Identity("PyLabRobot", f"PyLabRobot {self._options.backend}{simulated}")
        if self._link is not None:
            self._link.identity = identity
        return identity

    async def _set_up(self) -> None:
        robot = backend(self._options.backend, self._link, inside(self._options.timeout, "s"))
        deck = load_deck(self._options.deck)
        robot.refuse_deck(deck)
        handler = LiquidHandler(backend=robot.backend, deck=deck)
        self._robot = robot
        with self._quiet():
            await handler.setup()
        self._handler, self._places = handler, Places(deck)

    async def close(self) -> None:
        """Let go of the robot and end PyLabRobot's threads."""
        handler, self._handler = self._handler, None
        if handler is not None:
            with self._quiet():
                await handler.stop()

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> PlrLiquidHandler:
        """The robot itself."""
        check_role(self._name, self.provides, capability, role_options, channel)
        return self

    @command(Kind.COUNTED, evidence="read_progress", judge=judged)
    async def transfer(self, transfers: Sequence[Transfer]) -> TransferReport:
        """Carry out all transfers in order; refuses the whole list before the first move when one is impossible."""
        with about(self._name, "transfer"):
            handler, places, robot = self._ready()
            moves = moves_for(places, transfers)
            known = self._known(moves)
            check_volumes(moves, known, self._limits)
            steps, held = plan(moves, Free(places.racks), known, self._channels, self._held)
            self._order = Order(self._order.number + 1, transfers)
            for step in steps:
                await self._carry_out(handler, step)
            if held is not None and held.kept and robot.sheds:
                self._held = held
            else:
                await self._bare(handler)
        if robot.returns_tips:
            places.take_away(frozenset(self._gone))
        return self._order.report()

    @command(Kind.BLIND)
    async def drop_tips(self) -> None:
        """Put down the tips that were kept for another order of the same liquid."""
        with about(self._name, "drop tips"):
            await self._bare(self._ready()[0])

    @read
    async def read_progress(self) -> TransferReport:
        """What the channels have answered in the last order of this process; an empty report before the first one."""
        return self._order.report()

    @read
    async def rehearse(self, transfers: Sequence[Transfer]) -> None:
        """Refused when a list that comes in orders of one column cannot be done to its end: volumes and tips."""
        with about(self._name, "rehearse"):
            _, places, robot = self._ready()
            moves = moves_for(places, transfers)
            known = self._known(moves)
            check_volumes(moves, known, self._limits)
            rehearse(moves, Free(places.racks), known, self._channels, CHANNELS, robot.sheds)
            self._unsure = True  # a list begins: people may have been at the channels since the last one
            self._held = None

    @read
    async def know(self, state: DeckState) -> None:
        """The line's books replace this driver's: volumes of wells (bottles stay theirs), tips that are gone."""
        with about(self._name, "know"):
            _, places, _ = self._ready()
            known = {place: volume * 1e9 for place, volume in state.volumes.items() if not self._is_bottle(place)}
            for place in known.keys() | self._booked:
                tracker, volume = places.at(place).item.tracker, round(known.get(place, 0.0), TENTH_OF_NANO)
                if tracker.get_used_volume() != volume:
                    tracker.set_volume(volume)
            if self._gone != state.used_tips:
                places.take_away(state.used_tips)
                self._gone = set(state.used_tips)
            self._booked, self._uncertain = set(known), set(state.unknown)

    @read
    async def read_layout(self) -> Layout:
        """What stands on the deck; how far channels and tips reach."""
        if self._layout is None:
            self._layout = _layout(self._ready()[0].deck, self._options)
        return self._layout

    @read
    async def read_deck(self) -> Mapping[str, str]:
        """What is booked: labware and tips by name, filled wells by place, and what is uncertain."""
        _, places, _ = self._ready()
        found = {name: str(piece.model or piece.category) for name, piece in places.pieces.items()}
        for rack in places.racks:
            found[rack.name] = f"{sum(spot.has_tip() for _, spot in rack.spots)} of {len(rack.spots)} tips"
        for place in sorted(self._booked):
            found[place] = f"{places.at(place).item.tracker.get_used_volume():.6g} uL"
        for place in sorted(self._uncertain):
            found[place] = f"{found.get(place, 'unknown')}, uncertain"
        return found

    @command(Kind.BLIND)
    async def replaced(self, name: str) -> None:
        """A person has put fresh labware `name` on the deck: an empty plate or rack of vials, or a full tip rack."""
        with about(self._name, "replace labware"):
            _, places, _ = self._ready()
            racks = {rack.name: rack for rack in places.racks}
            if name in racks:
                racks[name].item.fill()
                self._gone = {tip for tip in self._gone if tip.partition(":")[0] != name}
            elif name in places.pieces:
                for place in places.of(name):
                    place.item.tracker.set_volume(0.0)
            else:
                raise ConfigError(
                    "no such labware", value=repr(name), bounds=", ".join([*racks, *places.pieces]), remedy="mend"
                )
            self._booked = {place for place in self._booked if place.partition(":")[0] != name}
            self._uncertain = {place for place in self._uncertain if place.partition(":")[0] != name}

    def _ready(self) -> tuple[LiquidHandler, Places, Robot]:
        if self._handler is None or self._places is None or self._robot is None:
            raise Refused("not connected", remedy="connect first")
        if not (does_volume_tracking() and does_tip_tracking()):
            raise Refused("somebody switched the trackers off", remedy="restart the line controller")
        return self._handler, self._places, self._robot

    def _known(self, moves: Sequence[Move]) -> dict[str, float]:
        """Volumes (uL) that can be judged: what was booked, and targets that were never filled (empty)."""
        known = {}
        for move in moves:
            source, target = move.source, move.target
            if source.name in self._booked:
                known[source.name] = float(source.item.tracker.get_used_volume())
            if target.piece not in self._options.bottles:
                booked = target.name in self._booked
                known[target.name] = float(target.item.tracker.get_used_volume()) if booked else 0.0
        return known

    @property
    def _channels(self) -> int:
        handler, _, robot = self._ready()
        return min(len(handler.head), robot.channels)

    def _is_bottle(self, place: str) -> bool:
        return place.partition(":")[0] in self._options.bottles

    async def _carry_out(self, handler: LiquidHandler, step: Step) -> None:
        channels = list(range(len(step.moves)))
        if step.tips is not None:
            await self._bare(handler)
            self._take(step.tips)
            await self._guarded((), handler.pick_up_tips, list(step.tips), use_channels=channels)
        for move in step.moves:
            self._provide(move)
        try:
            await self._draw(handler, step.moves, channels)
        except DeviceFault as error:
            await self._bring_home(handler, step, error.__cause__)
            raise
        await self._give(handler, step.moves, channels)
        if step.moves[0].mix:
            await self._mix(handler, step, channels)
        self._order.first += len(step.moves)

    async def _draw(self, handler: LiquidHandler, moves: Sequence[Move], channels: list[int]) -> None:
        sources, volumes = [move.source.item for move in moves], [move.volume for move in moves]
        note = self._order.drawn
        await self._guarded(moves, handler.aspirate, sources, volumes, use_channels=channels, note=note)

    async def _give(self, handler: LiquidHandler, moves: Sequence[Move], channels: list[int]) -> None:
        targets, volumes = [move.target.item for move in moves], [move.volume for move in moves]
        note = self._order.given
        await self._guarded(moves, handler.dispense, targets, volumes, use_channels=channels, note=note)
        self._booked.update(move.target.name for move in moves if move.target.piece not in self._options.bottles)

    async def _bring_home(self, handler: LiquidHandler, step: Step, error: BaseException | None) -> None:
        """Channels that did take up their liquid, while others failed, still give it: it would end in the trash."""
        if not isinstance(error, ChannelizedError):
            return
        channels = [channel for channel in range(len(step.moves)) if channel not in error.errors]
        if channels:
            await self._give(handler, [step.moves[channel] for channel in channels], channels)

    def _take(self, tips: Sequence[TipSpot]) -> None:
        """They are gone whatever becomes of picking them up."""
        _, places, _ = self._ready()
        taken = [f"{spot.parent.name}:{places.well(spot)}" for spot in tips]
        self._order.tips += taken
        self._gone.update(taken)

    async def _mix(self, handler: LiquidHandler, step: Step, channels: list[int]) -> None:
        wells = [move.target.item for move in step.moves]
        top = min(float(handler.head[channel].get_tip().maximal_volume) for channel in channels)
        volumes = [round(min(MIX_FRACTION * well.tracker.get_used_volume(), top), 4) for well in wells]
        order = self._order
        for _ in range(MIX_CYCLES):
            for operation, note in ((handler.aspirate, order.taken_up), (handler.dispense, order.given)):
                await self._guarded(step.moves, operation, wells, volumes, use_channels=channels, note=note)

    async def _bare(self, handler: LiquidHandler) -> None:
        """No tip is on any channel afterwards: into the trash, or back where it came from on a robot without one."""
        self._held = None
        if self._unsure and self._robot is not None and self._robot.clear is not None:
            await self._guarded((), self._robot.clear)
            for tracker in handler.head.values():
                if tracker.has_tip:
                    tracker.remove_tip(commit=True)
        self._unsure = False
        if not any(tracker.has_tip for tracker in handler.head.values()):
            return
        if self._robot is not None and self._robot.returns_tips:
            await self._guarded((), handler.return_tips)
        else:
            await self._guarded((), handler.discard_tips)

    def _provide(self, move: Move) -> None:
        """The tracker must believe in what people put down: bottles, and plates filled before a restart."""
        source, target = move.source.item.tracker, move.target.item.tracker
        if move.source.name not in self._booked and source.get_used_volume() < move.volume * 8:
            source.set_volume(min(move.source.top, move.volume * 8))
        if move.target.piece in self._options.bottles and target.get_free_volume() < move.volume * 8:
            target.set_volume(0.0)

    async def _guarded(
        self,
        moves: Sequence[Move],
        operation: Any,
        *args: Any,
        use_channels: Sequence[int] = (),
        note: Note = lambda channel, happened: None,
    ) -> None:
        """One operation of the robot; `note` hears of every channel, and what failed leaves its wells uncertain."""
        channels = {"use_channels": list(use_channels)} if use_channels else {}
        try:
            with self._quiet():
                await operation(*args, **channels)
        except BaseException as error:
            self._held, self._unsure = None, True
            failed = error.errors if isinstance(error, ChannelizedError) else use_channels
            for channel, move in zip(use_channels, moves, strict=False) if not isinstance(error, NotSent) else ():
                if channel in failed:
                    self._uncertain |= {move.source.name, move.target.name}
                note(channel, None if channel in failed else True)
            if isinstance(error, VesiflowError) or not isinstance(error, Exception):
                raise
            raise DeviceFault(_reason(error), action=operation.__name__, remedy="look at the deck") from error
        for channel, _ in zip(use_channels, moves, strict=False):
            note(channel, True)

    def _quiet(self) -> contextlib.AbstractContextManager[object]:
        """Chatterbox backends print, without ever giving up the loop: keep it off the terminal."""
        if self._robot is not None and self._robot.prints:
            return contextlib.redirect_stdout(io.StringIO())
        return contextlib.nullcontext()


def _limits(options: PlrOptions) -> dict[str, float]:
    return {name: inside(volume, "m^3") * 1e9 for name, volume in options.fill_limits.items()}


@cache
def _packaged(options: str) -> Layout:
    """The layout of a packaged deck, which does not change; working it out takes a while."""
    return _laid_out(PlrOptions.model_validate_json(options))


def _laid_out(options: PlrOptions) -> Layout:
    return _layout(load_deck(options.deck), options)


def _layout(deck: Any, options: PlrOptions) -> Layout:
    found = layout(deck, options.bottles, _limits(options), inside(options.dead, "m^3"), options.barcodes)
    return replace(found, name=Path(options.deck).stem)


def _reason(error: Exception) -> str:
    """What went wrong, by channel where the robot says it so: the other channels may have done their part."""
    if isinstance(error, ChannelizedError):
        return "; ".join(f"channel {channel + 1}: {_said(one)}" for channel, one in error.errors.items())
    return _said(error)


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, VesiflowError) else f"{type(error).__name__}: {error}".rstrip(": ")
