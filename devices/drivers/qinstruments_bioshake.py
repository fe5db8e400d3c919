"""QInstruments BioShake elm: thermoshaker, through PyLabRobot's backend with our link, clock and read-back.

Source: pylabrobot 0.2.2 heating_shaking/bioshake_backend.py; QInstruments command list. `<cmd>[number] CR` -> one line:
`ok`, a value, `e` (error) or `u -> <cmd>` (unknown). The clamp moves only at home and must be closed before shaking.
Calibration, limiter and boot-screen setters are permanent and left out on purpose.
Unconfirmed: clamp state numbers (options), shake states other than 3 (stopped, home, locked).
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field

from devices.card import DriverCard
from devices.commands import Kind, command, read, reads_back
from devices.drivers.plr_io import LinkedBioShake, by_pylabrobot, exact_tenths
from devices.link import Link
from devices.readings import Identity, Reading, ShakerState
from devices.strict import about, check_role, finite, integer, number, shown
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, DeviceFault, Refused

STOPPED_AT_HOME = 3
SPEED_TOLERANCE = 0.02  # of the target, after the acceleration
SETTLING = 5.0  # s allowed beyond the acceleration
PLAUSIBLE = (-50.0, 150.0)  # degC, wider than any model: the model's own range is asked for
FASTEST = 100.0  # 1/s, faster than any model
ERRORS = {
    101: "motor controller",
    102: "speed",
    103: "initialisation",
    104: "initialisation",
    105: "did not find home",
    201: "temperature sensor",
    202: "temperature sensor",
    203: "temperature sensor",
}


class BioShakeOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: acceleration in whole seconds, and how this firmware numbers the clamp's states."""

    acceleration: int = Field(default=5, ge=0, le=999)
    clamp_closed: int = 1
    clamp_open: int = 3
    serial_number: str | None = None


def decode_errors(text: str) -> tuple[str, ...]:
    """`{101; 203}` as texts; none for `{}`."""
    body = text.strip()
    if not (body.startswith("{") and body.endswith("}")):
        raise BadReply("not an error list", value=shown(text), remedy="check the driver")
    codes = [integer(code) for code in body[1:-1].replace(",", ";").split(";") if code.strip()]
    return tuple(f"{code} {ERRORS.get(code, 'unknown')}" for code in codes if code)


class BioShake:
    """One thermoshaker. `resetDevice` moves the plate and is only done by `home`."""

    settings: ClassVar[SerialSettings] = SerialSettings(9600)
    options: ClassVar[type[BaseModel]] = BioShakeOptions
    provides: ClassVar[tuple[str, ...]] = ("thermoshaker", "thermometer")
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("QInstruments", "BioShake 3000-T elm", "pylabrobot 0.2.2 backend")

    def __init__(self, link: Link, clock: Clock, options: BioShakeOptions | None = None) -> None:
        self._link = link
        self._clock = clock
        self._options = options or BioShakeOptions()
        self._shaker = LinkedBioShake(link, clock)

    async def connect(self) -> Identity:
        """Ask who is there; nothing moves."""
        self._link.identity = await self._identify()
        self._link.identify = self._identify
        return self._link.identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> BioShake:
        """The thermoshaker itself."""
        check_role(self._link.name, self.provides, capability, role_options, channel)
        return self

    @command(Kind.SETPOINT, evidence="read_shaker", judge=reads_back(lambda post, t: abs(post.setpoint - t) < 0.051))
    async def set_temperature(self, temperature: float) -> None:
        """Control at `temperature` (degC, tenths); returns when target and state are read back."""
        with about(self._link.name, "set temperature"):
            finite(temperature, *PLAUSIBLE, unit="degC", what="temperature")
            low, high = await self._number("getTempMin"), await self._number("getTempMax")
            target = exact_tenths(finite(temperature, low, high, unit="degC", what="temperature"))
            with by_pylabrobot():
                await self._shaker.set_temperature(target)
            found, on = await self._number("getTempTarget"), await self._number("getTempState")
            if abs(found - target) > 0.051 or on != 1:
                raise DeviceFault("temperature was not taken over", value=found, bounds=f"{target:.1f}", remedy="retry")

    @command(Kind.SETPOINT, evidence="read_shaker", judge=reads_back(lambda post, closed: post.clamped is closed))
    async def clamp(self, closed: bool) -> None:
        """Close or open the plate clamp; refused while it shakes."""
        with about(self._link.name, "clamp"):
            if await self._number("getShakeState") != STOPPED_AT_HOME:
                raise Refused("the clamp moves at home only", remedy="stop shaking first")
            with by_pylabrobot():
                await (self._shaker.lock_plate() if closed else self._shaker.unlock_plate())
            if await self._is_clamped() is not closed:
                raise DeviceFault("the clamp did not move", remedy="check the plate")

    @command(
        Kind.SETPOINT,
        evidence="read_shaker",
        judge=reads_back(lambda post, speed: post.shaking and abs(post.speed_setpoint - speed) < 0.01),
    )
    async def shake(self, speed: float) -> None:
        """Shake at `speed` (1/s, whole rpm); returns when the measured speed is within 2 % of it."""
        with about(self._link.name, "shake"):
            rpm = round(finite(speed, 0.0, FASTEST, unit="1/s", what="speed") * 60.0)
            low, high = await self._number("getShakeMinRpm"), await self._number("getShakeMaxRpm")
            finite(rpm, low, high, unit="rpm", what="speed")
            if not await self._is_clamped():
                raise Refused("the plate is not clamped", remedy="close the clamp first")
            acceleration = await self._acceleration()
            with by_pylabrobot():
                await self._shaker.start_shaking(rpm, acceleration)
            await self._reach(rpm, acceleration + SETTLING)

    @command(Kind.SETPOINT, evidence="read_shaker", judge=reads_back(lambda post: not post.shaking), safe=True)
    async def stop(self) -> None:
        """Stop at home; returns when the state says so."""
        with about(self._link.name, "stop"):
            acceleration = await self._acceleration()
            with by_pylabrobot():
                await self._shaker.stop_shaking(acceleration)
            for _ in range(int(acceleration + SETTLING)):
                if await self._number("getShakeState") == STOPPED_AT_HOME:
                    return
                await self._clock.sleep(1.0)
            raise DeviceFault("did not stop at home", remedy="look at the shaker")

    @command(Kind.BLIND)
    async def home(self) -> None:
        """Reset and find home: the plate moves. For start-up by a person and after error `e`."""
        with about(self._link.name, "home"), by_pylabrobot():
            await self._shaker.reset()
            await self._shaker.home()

    @read
    async def read_shaker(self) -> ShakerState:
        """Temperature, speed, clamp; DeviceFault with the texts of the error list."""
        with about(self._link.name, "read shaker"):
            errors = decode_errors(await self._text("getErrorList"))
            if errors:
                raise DeviceFault(f"reports {', '.join(errors)}", remedy="look at the shaker")
            return ShakerState(
                await self.read_temperature(),
                await self._number("getTempTarget"),
                await self._number("getTempState") == 1,
                await self._number("getShakeActualSpeed") / 60.0,
                await self._number("getShakeTargetSpeed") / 60.0,
                await self._number("getShakeState") != STOPPED_AT_HOME,
                await self._is_clamped(),
            )

    @read
    async def read_temperature(self) -> Reading:
        """Measured temperature, degC."""
        with about(self._link.name, "read temperature"):
            return Reading(await self._number("getTempActual"), self._clock.now())

    async def _reach(self, rpm: int, limit: float) -> None:
        deadline = self._clock.now() + limit
        while True:
            found = await self._number("getShakeActualSpeed")
            if abs(found - rpm) <= SPEED_TOLERANCE * rpm:
                return
            if self._clock.now() >= deadline:
                raise DeviceFault(
                    "does not reach the speed", value=f"{found:g} rpm", bounds=f"{rpm} rpm", remedy="look"
                )
            await self._clock.sleep(0.5)

    async def _acceleration(self) -> int:
        low, high = await self._number("getShakeAccelerationMin"), await self._number("getShakeAccelerationMax")
        return int(min(max(self._options.acceleration, low), high))

    async def _is_clamped(self) -> bool:
        state = await self._number("getElmState")
        if state not in (self._options.clamp_closed, self._options.clamp_open):
            raise DeviceFault("the clamp is neither open nor closed", value=f"{state:g}", remedy="look at the clamp")
        return state == self._options.clamp_closed

    async def _number(self, name: str) -> float:
        return number(await self._text(name))

    async def _text(self, name: str) -> str:
        text = await self._shaker.ask(name)
        if text is None:
            raise BadReply("ok is no value", action=name, remedy="check the driver")
        return text

    async def _identify(self) -> Identity:
        with about(self._link.name, "identify"):
            model, serial = await self._text("getDescription"), await self._text("getSerial")
            return Identity("QInstruments", model, serial, await self._text("getVersion"))
