"""QInstruments BioShake 3000-T elm thermoshaker.

`<cmd>[number]\\r` -> one line: `ok`, a value, `e` (refused) or `u -> <cmd>` (unknown). A reset streams text until
`Initialization complete` and takes seconds. The clamp moves only at home, and only a locked plate is shaken.
UNCONFIRMED and chosen here: states 0 shaking, 2 stopped anywhere, 5 accelerating, 7 stopping; clamp 1 locked, 3 not;
decimals of replies.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.wire.emulator import Actuator, Now, Outbox, Sensor, WireSettings
from sim.wire.framing import Lines, text

OK, REFUSED = "ok", "e"
_SHAKING, _ASTRAY, _HOME, _ACCELERATING, _STOPPING = 0, 2, 3, 5, 7


class BioShake:
    """`temperature` is degC of the block; `shake` gets rev/s at each change, `setpoint` degC or None (off)."""

    LATENCY = 0.05  # s
    HOMING = 3.0  # s
    RESET = 10.0  # s
    HOME_AFTER_STOP = 2.5  # s from standstill to home and locked
    SPEEDS, ACCELERATIONS, TEMPERATURES = (200, 3000), (1, 30), (0.0, 99.0)

    settings = WireSettings()

    def __init__(
        self,
        now: Now,
        *,
        temperature: Sensor | None = None,
        shake: Actuator | None = None,
        setpoint: Callable[[float | None], None] | None = None,
        serial_number: str = "1808-0000-0042",
    ) -> None:
        self._now = now
        self._temperature = temperature or (lambda: 22.0)
        self._shake = shake or (lambda _: None)
        self._setpoint = setpoint or (lambda _: None)
        self._serial_number = serial_number
        self._out = Outbox(now, self.LATENCY)
        self._lines = Lines(b"\r", drop=b"\n")
        self._deaf_until = 0.0
        self.errors: list[int] = []
        self._defaults()
        self._commands = self._plain_commands()
        self._numbered: dict[str, Callable[[int], str]] = {
            "shakeOnWithRuntime": self._timed,
            "setShakeTargetSpeed": self._set_speed,
            "setShakeAcceleration": self._set_acceleration,
            "setShakeDirection": lambda n: OK if n in (0, 1) else REFUSED,
            "setTempTarget": self._set_temperature,
        }

    def _defaults(self) -> None:
        self._target, self._ramp = self.SPEEDS[0], float(self.ACCELERATIONS[0])
        self._from, self._to, self._since = 0.0, 0.0, self._now()  # rpm, rpm, s
        self._ends: float | None = None
        self._astray = False
        self._locked, self._tempering, self._celsius = True, False, 25.0

    # -- wire

    def receive(self, data: bytes) -> None:
        self.scan()
        if self._now() < self._deaf_until:
            self._lines.clear()
            return
        for line in self._lines.feed(data):
            answer = self._obey(text(line))
            if answer is not None:
                self._out.put(answer.encode("latin-1") + b"\r\n")

    def transmit(self) -> bytes:
        return self._out.take()

    def due_in(self) -> float | None:
        return self._out.due_in()

    def scan(self) -> None:
        """End a timed run; the plant calls it as it advances."""
        if self._ends is not None and self._now() >= self._ends:
            self._stop()

    def power_cycle(self) -> None:
        """Boots as after a reset, but without a word."""
        self._out.clear()
        self._lines.clear()
        self._halt()
        self._deaf_until = self._now() + self.RESET

    # -- commands

    def _plain_commands(self) -> dict[str, Callable[[], str | None]]:
        low, high = self.SPEEDS
        return {
            "resetDevice": self._reset,
            "shakeGoHome": self._home,
            "getShakeMinRpm": lambda: str(low),
            "getShakeMaxRpm": lambda: str(high),
            "getShakeAccelerationMin": lambda: str(self.ACCELERATIONS[0]),
            "getShakeAccelerationMax": lambda: str(self.ACCELERATIONS[1]),
            "shakeOn": lambda: self._start(None),
            "shakeOff": self._stop,
            "shakeEmergencyOff": self._emergency,
            "getShakeState": lambda: str(self._state()),
            "getShakeActualSpeed": lambda: f"{self._speed():.0f}",
            "getShakeTargetSpeed": lambda: str(self._target),
            "getShakeRemainingTime": lambda: f"{max((self._ends or 0.0) - self._now(), 0.0):.0f}",
            "setElmLockPos": lambda: self._clamp(True),
            "setElmUnlockPos": lambda: self._clamp(False),
            "getElmState": lambda: "1" if self._locked else "3",
            "tempOn": lambda: self._temper(True),
            "tempOff": lambda: self._temper(False),
            "getTempActual": lambda: f"{self._temperature():.1f}",
            "getTempTarget": lambda: f"{self._celsius:.1f}",
            "getTempMin": lambda: f"{self.TEMPERATURES[0]:.1f}",
            "getTempMax": lambda: f"{self.TEMPERATURES[1]:.1f}",
            "getTempState": lambda: str(int(self._tempering)),
            "getErrorList": lambda: "{" + "; ".join(str(e) for e in self.errors) + "}",
            "getVersion": lambda: "V1.8.04",
            "getSerial": lambda: self._serial_number,
            "getDescription": lambda: "BioShake 3000-T elm",
        }

    def _obey(self, line: str) -> str | None:
        command = self._commands.get(line)
        if command is not None:
            return command()
        name = line.rstrip("0123456789")
        numbered = self._numbered.get(name)
        if numbered is not None and line.isascii() and 0 < len(line) - len(name) <= 6:
            return numbered(int(line[len(name) :]))
        return f"u -> {line}"

    def _reset(self) -> None:
        self._halt()
        self._out.put(b"BioShake 3000-T elm\r\nInitialization ...\r\n", 1.0)
        self._out.put(b"Initialization complete\r\n", self.RESET)
        self._deaf_until = self._now() + self.RESET

    def _halt(self) -> None:
        self._defaults()
        self._shake(0.0)
        self._setpoint(None)

    def _home(self) -> None:
        self._stop()
        self._astray = False
        self._out.put(b"ok\r\n", self.HOMING)

    # -- motion

    def _speed(self) -> float:
        share = min((self._now() - self._since) / self._ramp, 1.0)
        return self._from + (self._to - self._from) * share

    def _state(self) -> int:
        done = self._now() - self._since
        if self._to:
            return _SHAKING if done >= self._ramp else _ACCELERATING
        if self._astray:
            return _ASTRAY
        moved = self._from > 0
        return _STOPPING if moved and done < self._ramp + self.HOME_AFTER_STOP else _HOME

    def _drive(self, rpm: float) -> None:
        self._from, self._to, self._since = self._speed(), rpm, self._now()
        self._shake(rpm / 60.0)

    def _start(self, seconds: float | None) -> str:
        if not self._locked:
            return REFUSED
        self._ends = None if seconds is None else self._now() + seconds
        self._astray = False
        if self._to != self._target:
            self._drive(float(self._target))
        return OK

    def _timed(self, seconds: int) -> str:
        return self._start(float(seconds))

    def _stop(self) -> str:
        self._ends = None
        if self._to:
            self._drive(0.0)
        return OK

    def _emergency(self) -> str:
        self._astray = self._astray or self._state() != _HOME
        self._from = self._to = 0.0
        self._ends = None
        self._shake(0.0)
        return OK

    def _clamp(self, lock: bool) -> str:
        if self._state() != _HOME:
            return REFUSED
        self._locked = lock
        return OK

    def _set_speed(self, rpm: int) -> str:
        if not self.SPEEDS[0] <= rpm <= self.SPEEDS[1]:
            return REFUSED
        self._target = rpm
        if self._to:
            self._drive(float(rpm))
        return OK

    def _set_acceleration(self, seconds: int) -> str:
        if not self.ACCELERATIONS[0] <= seconds <= self.ACCELERATIONS[1]:
            return REFUSED
        self._ramp = float(seconds)
        return OK

    # -- temperature

    def _set_temperature(self, tenths: int) -> str:
        if not self.TEMPERATURES[0] <= tenths / 10 <= self.TEMPERATURES[1]:
            return REFUSED
        self._celsius = tenths / 10
        if self._tempering:
            self._setpoint(self._celsius)
        return OK

    def _temper(self, on: bool) -> str:
        self._tempering = on
        self._setpoint(self._celsius if on else None)
        return OK
