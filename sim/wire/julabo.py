"""JULABO circulator (manuals SC2500, SL-26, CF40, F38-ME, CORIO CD).

4800 7E1. IN, STATUS and VERSION are answered by one line; OUT and whatever is not understood by nothing: the next
STATUS shows the error once. Commands within 250 ms of an OUT or 10 ms of a reply are lost. After a power cut the
unit stays stopped and set values must be sent again.
UNCONFIRMED and chosen here: any case is accepted; an absent external sensor reads `---.--`; watchdog off.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from sim.wire.emulator import Actuator, Now, Outbox, Sensor, WireSettings
from sim.wire.framing import Lines, number, text

INVALID, NOT_ALLOWED = "-08 INVALID COMMAND", "-09 COMMAND NOT ALLOWED IN CURRENT OPERATING MODE"
TOO_SMALL, TOO_LARGE = "-10 VALUE TOO SMALL", "-11 VALUE TOO LARGE"
OUTSIDE_WARNINGS = "-13 VALUE EXCEEDS TEMPERATURE LIMITS"
LOW_LEVEL, WATCHDOG = "-01 LOW LEVEL ALARM", "-1501 SERIAL WATCHDOG"
_STOPPING = (LOW_LEVEL, WATCHDOG)


class Julabo:
    """`bath` is degC, `setpoint` gets degC, `run` 1.0 or 0.0."""

    LATENCY = 0.03  # s
    AFTER_OUT = 0.25  # s
    AFTER_IN = 0.01  # s
    DEFAULT = 25.0  # degC set-point after power-up

    settings = WireSettings(4800, 7, "E", 1)

    def __init__(
        self,
        now: Now,
        bath: Sensor,
        setpoint: Actuator,
        run: Actuator,
        *,
        external: Sensor | None = None,
        low: float = -90.0,
        high: float = 200.0,
        decimals: int = 2,
        address: int | None = None,
        remote: bool = True,
        line_end: bytes = b"\r\n",
        watchdog: float | None = None,
        model: str = "JULABO CRYOCOMPACT CF41 VERSION 5.0",
    ) -> None:
        self._now = now
        self._bath = bath
        self._setpoint = setpoint
        self._run = run
        self._external = external
        self._range = (low, high)
        self._decimals = decimals
        self._prefix = "" if address is None else f"A{address:03d}_"
        self._remote = remote
        self._line_end = line_end
        self._watchdog = watchdog
        self._model = model
        self._out = Outbox(now, self.LATENCY)
        self._lines = Lines(b"\r", drop=b"\n\x11\x13")
        self._ready_at = 0.0
        self._fed_at = now()
        self._error = ""
        self.alarm = ""
        self.running = False
        self._defaults()
        self._queries: dict[str, Callable[[], str]] = {
            "VERSION": lambda: self._model,
            "STATUS": self._status,
            "IN_PV_00": lambda: self._shown(self._bath()),
            "IN_PV_01": lambda: self._heater(),
            "IN_PV_02": lambda: self._shown(self._external()) if self._external else "---.--",
            "IN_PV_03": lambda: self._shown(self._bath()),
            "IN_PV_04": lambda: self._shown(self._range[1] + 5),
            "IN_SP_00": lambda: self._shown(self._target),
            "IN_SP_03": lambda: self._shown(self._warnings[0]),
            "IN_SP_04": lambda: self._shown(self._warnings[1]),
            "IN_SP_07": lambda: str(self._pump_stage),
            "IN_MODE_05": lambda: str(int(self.running)),
        }
        self._settings: dict[str, Callable[[float], str]] = {
            "OUT_SP_00": self._set_target,
            "OUT_SP_03": lambda v: self._set_warning(v, self._warnings[1]),
            "OUT_SP_04": lambda v: self._set_warning(self._warnings[0], v),
            "OUT_SP_07": self._set_stage,
            "OUT_MODE_05": self._set_mode,
        }

    def _defaults(self) -> None:
        self._target = self.DEFAULT
        self._warnings = (self._range[1], self._range[0])
        self._pump_stage = 1
        self._error = ""

    # -- wire

    def receive(self, data: bytes) -> None:
        self.scan()
        for line in self._lines.feed(data):
            if self._now() >= self._ready_at - 1e-6:
                self._obey(text(line).upper())

    def transmit(self) -> bytes:
        return self._out.take()

    def due_in(self) -> float | None:
        return self._out.due_in()

    def scan(self) -> None:
        """The serial watchdog stops a run that is no longer fed with set-points."""
        if self._watchdog and self.running and self._now() - self._fed_at > self._watchdog:
            self.raise_alarm(WATCHDOG)

    def raise_alarm(self, alarm: str) -> None:
        """Show an alarm such as `-01 LOW LEVEL ALARM`, which also stops; an empty text ends it."""
        self.alarm = alarm
        if alarm in _STOPPING:
            self._switch(False)

    def press_start(self, on: bool) -> None:
        """The key of the panel."""
        self._switch(on and not self.alarm)

    def power_cycle(self) -> None:
        """Stopped, set values at their defaults, whatever they were."""
        self._out.clear()
        self._lines.clear()
        self._ready_at, self.alarm = 0.0, ""
        self._defaults()
        self._switch(False)
        self._setpoint(self._target)

    # -- commands

    def _obey(self, line: str) -> None:
        if not line.startswith(self._prefix):
            return
        name, _, value = line[len(self._prefix) :].partition(" ")
        query = self._queries.get(name)
        if query is not None and not value:
            self._out.put((self._prefix + query()).encode() + self._line_end)
            self._ready_at = self._now() + self.LATENCY + self.AFTER_IN
            return
        if name.startswith("OUT_"):
            self._ready_at = self._now() + self.AFTER_OUT
        self._error = self._take(name, value) or self._error

    def _take(self, name: str, value: str) -> str:
        """Carry out an OUT command; the error it leaves, or an empty text."""
        setting = self._settings.get(name)
        parsed = number(value)
        if setting is None or parsed is None or len(value.partition(".")[2]) > self._decimals:
            return INVALID
        return setting(parsed) if self._remote else NOT_ALLOWED

    def _status(self) -> str:
        if self._error:
            shown, self._error = self._error, ""
            return shown
        if self.alarm:
            return self.alarm
        mode, state = ("REMOTE" if self._remote else "MANUAL"), ("START" if self.running else "STOP")
        return f"{2 * self._remote + self.running:02d} {mode} {state}"

    def _shown(self, value: float) -> str:
        return f"{value:.{self._decimals}f}" if math.isfinite(value) else "---.--"

    def _heater(self) -> str:
        """Percent of heating (cooling below zero): a plain proportional band of 5 K."""
        percent = max(min((self._target - self._bath()) / 5.0, 1.0), -1.0) * 100 if self.running else 0.0
        return self._shown(percent)

    def _set_target(self, value: float) -> str:
        low, high = self._range
        if not low <= value <= high:
            return TOO_SMALL if value < low else TOO_LARGE
        if not self._warnings[1] <= value <= self._warnings[0]:
            return OUTSIDE_WARNINGS
        self._target = value
        self._fed_at = self._now()
        self._setpoint(value)
        return ""

    def _set_warning(self, high: float, low: float) -> str:
        if high > self._range[1] or low < self._range[0]:
            return TOO_LARGE if high > self._range[1] else TOO_SMALL
        if high <= low:
            return OUTSIDE_WARNINGS
        self._warnings = (high, low)
        return ""

    def _set_stage(self, value: float) -> str:
        if value not in (1, 2, 3, 4):
            return TOO_LARGE if value > 4 else TOO_SMALL
        self._pump_stage = int(value)
        return ""

    def _set_mode(self, value: float) -> str:
        if value not in (0, 1):
            return TOO_LARGE if value > 1 else TOO_SMALL
        if value and self.alarm:
            return NOT_ALLOWED
        self._fed_at = self._now()
        self._switch(bool(value))
        return ""

    def _switch(self, on: bool) -> None:
        self.running = on
        self._run(float(on))
