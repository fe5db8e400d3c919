"""One channel of an Ismatec Reglo ICC as a pump whose runs end by themselves.

Source: manual 14-036-E Rev C (2015), ch. 14-18. A run is started in time mode (`N`) with the flow as its rate (`xf1`):
the channel stops after the run limit unless it is started anew before, so it does not turn on for hours when whoever
controls it has died. A renewal is a stop and a start, about 0.1 s apart. Volume mode (`O`) ends after its volume.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from devices.commands import Kind, Verdict, command, read, reads_back, renewal
from devices.drivers.ismatec_codec import CAUSES, MODES
from devices.readings import PumpState
from devices.strict import about, finite
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, DeviceFault, NoReply

ML_MIN = 1e-6 / 60.0  # m^3/s
ML = 1e-6  # m^3
_RENEW_AFTER = 0.4  # of the run limit
_NOTHING = 1e-8  # m^3, less than the counter of the pump can tell


class Asked(Protocol):
    """The pump a channel belongs to: its commands by name."""

    @property
    def name(self) -> str: ...
    async def ask(self, address: int, name: str) -> float | int | str | bool: ...
    async def tell(self, address: int, name: str) -> str: ...
    async def put(self, address: int, name: str, value: float | str) -> float | None: ...


def _grown(before: float, after: float, args: tuple[object, ...]) -> Verdict:
    if after < before:
        return Verdict.UNKNOWN
    return Verdict.DONE if after - before > _NOTHING else Verdict.NOT_DONE


class RegloChannel:
    """One channel. A flow of zero stops it; it starts again with the next flow.

    `limit` (s) is how long a run lasts that nobody renews; None runs until it is stopped.
    """

    def __init__(self, pump: Asked, channel: int, direction: str | None, clock: Clock, limit: float | None) -> None:
        self._pump = pump
        self._channel = channel
        self._direction = {"CW": "J", "CCW": "K", None: None}[direction]
        self._clock = clock
        self._limit = limit
        self._zero = False
        self._wanted = False
        self._dosing = False
        self._begun: float | None = None
        self._ready: set[str] = set()  # modes whose rate and limit have been set

    @command(
        Kind.SETPOINT,
        evidence="read_pump",
        judge=reads_back(lambda post, flow: abs(post.flow - flow) <= 1e-3 * flow and (flow > 0 or not post.running)),
    )
    async def set_flow(self, flow: float) -> None:
        """Set the flow, m^3/s, to four digits; returns when the pump shows the value it was sent. Ends a dispense."""
        with self._about("set flow"):
            wanted = finite(flow, 0.0, 1e-3, unit="m^3/s", what="flow") / ML_MIN
            if wanted < 1e-6:
                self._wanted = self._wanted or bool(await self._pump.ask(self._channel, "run state"))
                self._zero = True
                await self._halt()
                return
            turning = self._limit is not None and bool(await self._pump.ask(self._channel, "run state"))
            turning, self._dosing = turning and not self._dosing, False
            if self._limit is not None:
                await self._halt()  # the settings of a bounded run cannot change
            await self._put_flow(wanted)
            resume, self._zero = turning or (self._zero and self._wanted), False
            self._wanted = self._wanted or turning
            if resume:
                await self._turn()

    @command(Kind.SETPOINT, evidence="read_pump", judge=reads_back(lambda post: bool(post.running or post.flow == 0.0)))
    async def start(self) -> None:
        """Start unless it runs already; with a flow of zero, as soon as there is a flow."""
        with self._about("start"):
            if not self._zero:
                await self._turn()
            self._wanted = True

    @command(Kind.MASS, evidence="read_total", judge=_grown)
    async def dispense(self, volume: float) -> None:
        """Start a run of `volume` (m^3) at the set flow, which ends by itself; a run under way is ended first."""
        with self._about("dispense"):
            wanted = finite(volume, 1e-9, 10.0, unit="m^3", what="volume") / ML
            self._wanted, self._dosing = False, True
            await self._halt()
            await self._select("volume at rate")
            await self._pump.put(self._channel, "volume", wanted)
            found = float(await self._pump.ask(self._channel, "volume"))
            if abs(found - wanted) > 1e-3 * wanted:
                raise DeviceFault("takes another volume", value=f"{wanted:.4g} mL", bounds=f"it accepted {found} mL")
            await self._face()
            await self._begin()

    @command(Kind.SETPOINT, evidence="read_pump", judge=reads_back(lambda post: not post.running), safe=True)
    async def stop(self) -> None:
        """Stop; returns when the channel says that it stands."""
        with self._about("stop"):
            self._wanted = self._dosing = False
            await self._halt()

    @renewal
    async def renew(self) -> None:
        """Start the run anew in good time before its limit; DeviceFault when a started channel stands by itself."""
        if self._limit is None or self._begun is None or not self._wanted or self._zero:
            return
        if self._clock.now() - self._begun < _RENEW_AFTER * self._limit:
            return
        with self._about("renew"):
            if not await self._pump.ask(self._channel, "run state"):
                raise DeviceFault(
                    "stands although it was started", bounds=f"a run ends after {self._limit:g} s without renewal",
                    remedy="look whether its stop key was pressed, then restart the batch",
                )  # fmt: skip
            try:
                await self._again()
            except (NoReply, BadReply):
                await self._again()  # stop and start lead to the same run, however often they arrive

    @read
    async def read_pump(self) -> PumpState:
        """Set flow (m^3/s) and whether it runs."""
        with self._about("read pump"):
            running = bool(await self._pump.ask(self._channel, "run state"))
            flow = float(await self._pump.ask(self._channel, "flow")) * ML_MIN
            return PumpState(0.0 if self._zero and not running else flow, running)

    @read
    async def read_total(self) -> float:
        """Volume (m^3) pumped since the last reset by the pump's own count; the balance is the proof."""
        with self._about("read total"):
            return float(await self._pump.ask(self._channel, "total")) * ML

    async def _put_flow(self, wanted: float) -> None:
        await self._select(self._mode)
        accepted = await self._pump.put(self._channel, "flow", wanted)
        found = float(await self._pump.ask(self._channel, "flow"))
        for shown_flow in (accepted, found):
            if shown_flow is None or abs(shown_flow - wanted) > 1e-3 * wanted:
                raise DeviceFault(
                    "takes another flow", value=f"{wanted:.4g} mL/min", bounds=f"it accepted {shown_flow} mL/min",
                    remedy="check tubing and the maximum flow of the channel",
                )  # fmt: skip

    @property
    def _mode(self) -> str:
        return "flow" if self._limit is None else "time"

    async def _turn(self) -> None:
        running = await self._pump.ask(self._channel, "run state")
        if running and (self._limit is None or self._begun is not None):
            return
        if running:  # by somebody else, who knows until when
            await self._halt()
        await self._select(self._mode)
        await self._face()
        await self._begin()

    async def _again(self) -> None:
        await self._pump.tell(self._channel, "stop")
        await self._begin()

    async def _begin(self) -> None:
        if await self._pump.tell(self._channel, "start") == "-":
            cause = str(await self._pump.ask(self._channel, "failure"))
            raise DeviceFault(
                f"cannot start: {CAUSES[cause[0]]}", value=cause[1:].strip() or None, remedy="set a lower flow"
            )
        self._begun = self._clock.now()
        if not await self._pump.ask(self._channel, "run state"):
            raise DeviceFault("does not run after start", remedy="check the pump's panel")

    async def _select(self, mode: str) -> None:
        """This mode, with the flow as its rate and the run limit; a channel that runs in another is stopped first."""
        known = mode == "flow" or mode in self._ready
        if await self._pump.ask(self._channel, "mode") == MODES[mode] and known:
            return
        await self._pump.tell(self._channel, "stop")
        await self._pump.tell(self._channel, mode)
        if mode != "flow":
            await self._pump.put(self._channel, "rate source", 1)
        if mode == "time" and self._limit is not None:
            await self._pump.put(self._channel, "run time", self._limit)
        found = await self._pump.ask(self._channel, "mode")
        if found != MODES[mode]:
            raise DeviceFault("mode was not taken over", value=found, bounds=mode, remedy="check the pump's panel")
        self._ready.add(mode)

    async def _face(self) -> None:
        if self._direction is None or await self._pump.ask(self._channel, "direction") == self._direction:
            return
        await self._pump.tell(self._channel, "clockwise" if self._direction == "J" else "counter-clockwise")
        if await self._pump.ask(self._channel, "direction") != self._direction:
            raise DeviceFault("direction was not taken over", remedy="check the pump's panel")

    async def _halt(self) -> None:
        self._begun = None
        await self._pump.tell(self._channel, "stop")
        if await self._pump.ask(self._channel, "run state"):
            raise DeviceFault("still runs after stop", remedy="stop it at the panel")

    def _about(self, action: str) -> AbstractContextManager[None]:
        return about(f"{self._pump.name} channel {self._channel}", action)
