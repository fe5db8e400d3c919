"""One channel of a Reglo ICC: settings, motion and totals. mL, mL/min, rpm; set times in tenths of a second."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import ClassVar

TUBINGS = frozenset(
    {13, 19, 25, 38, 44, 51, 57, 64, 76, 89, 95, 102, 109, 114, 122, 130, 142, 152, 165, 175, 185, 206, 229, 254}
    | {279, 317}
)
"""Inner diameters the pump knows, in 0.01 mm (manual 18.4.1)."""

_BOUND_MODES = "OGQNP"


def volume(value: float) -> str:
    """Volume type 1, `mmmmEse` = m.mmm x 10^se."""
    if value <= 0:
        return "0000E+0"
    exponent = max(-9, math.floor(math.log10(value)))
    mantissa = round(value / 10.0**exponent * 1000)
    if mantissa >= 10000:
        mantissa, exponent = mantissa // 10, exponent + 1
    return f"{mantissa:04d}E{exponent:+d}"


def parse_volume(argument: str) -> float | None:
    """Volume type 2, `mmmmse`: "2750+0" is 2.75. None when it is anything else."""
    mantissa, sign, exponent = argument[:4], argument[4:5], argument[5:]
    if len(argument) != 6 or sign not in ("+", "-") or not (mantissa + exponent).isdigit() or not argument.isascii():
        return None
    return int(mantissa) / 1000 * 10.0 ** int(sign + exponent)


@dataclass
class Channel:
    """Settings first (they can be saved), then what moves."""

    MAX_RPM: ClassVar[float] = 100.0
    MAX_VOLUME: ClassVar[float] = 1e6

    number: int
    full_flow: float  # mL/min of the widest tubing at MAX_RPM
    mode: str = "L"
    rate_is_flow: bool = False
    direction: str = "J"
    rpm: float = 100.0
    flow: float = 0.0
    volume: float = 0.0
    run_time: int = 0
    pause_time: int = 0
    cycles: int = 0
    tubing: int = 317
    backsteps: int = 0
    correction: float = 1.0
    calibration_direction: str = "J"
    calibration_time: int = 600
    target: float = 0.0
    measured: float = 0.0
    running: bool = False
    calibrating: bool = False
    awaiting: bool = False
    total_ml: float = 0.0
    run_since_calibration: float = 0.0
    driven: float = 0.0
    ends_at: float | None = None
    _started: float = 0.0
    _at: float = 0.0

    @property
    def ml_per_rev(self) -> float:
        """Volume of one revolution: grows with the tubing's cross section, corrected by calibration."""
        return self.full_flow / self.MAX_RPM * (self.tubing / 317) ** 2 * self.correction

    @property
    def bound(self) -> bool:
        """Whether a volume or time run is under way, whose settings may not change."""
        return self.running and (self.mode in _BOUND_MODES or self.calibrating)

    def default_max(self) -> float:
        return self.ml_per_rev / self.correction * self.MAX_RPM

    def max_flow(self) -> float:
        return self.ml_per_rev * self.MAX_RPM

    def rate(self) -> float:
        """mL/min while pumping, without sign."""
        if self.mode == "M" or (self.mode in "OQNP" and self.rate_is_flow):
            return self.flow
        if self.mode == "G":
            return self.volume / self.run_time * 600 if self.run_time else 0.0
        return self.rpm * self.ml_per_rev

    def signed_rate(self, now: float) -> float:
        """mL/min at this moment, clockwise positive."""
        if not self.running or self._pausing(now):
            return 0.0
        rate = self._calibration_rate() if self.calibrating else self.rate()
        return rate if self.direction == "J" else -rate

    def refusal(self) -> str:
        """Why the settings cannot be run: `C`, `R max` or `V max` (manual 2.7); empty when they can."""
        if self.mode in "QP" and self.cycles == 0:
            return "C"
        if not 0 < self.rate() <= self.max_flow() * 1.0001:
            return f"R {volume(self.max_flow())}"
        if self.mode in "OGQ" and not 0 < self.volume <= self.MAX_VOLUME:
            return f"V {volume(self.MAX_VOLUME)}"
        return "" if self.mode not in "NP" or self.run_time else f"V {volume(self.MAX_VOLUME)}"

    def start(self, now: float) -> None:
        self.running = True
        self._started = self._at = now
        seconds = self._dispense_seconds()
        if seconds is None:
            self.ends_at = None
        else:
            times = self.cycles if self.mode in "QP" else 1
            self.ends_at = now + times * seconds + (times - 1) * self.pause_time / 10

    def start_calibration(self, now: float) -> None:
        self.running = self.calibrating = True
        self._started = self._at = now
        self.ends_at = now + self.calibration_time / 10

    def advance(self, now: float) -> bool:
        """Add up what was pumped; True when the run ended by itself (and has been stopped)."""
        until = now if self.ends_at is None else min(now, self.ends_at)
        rate = self._calibration_rate() if self.calibrating else self.rate()
        pumped = max(self._pumping(until) - self._pumping(self._at), 0.0)
        self.total_ml += rate * pumped / 60
        self.run_since_calibration += pumped
        self._at = max(until, self._at)
        if self.ends_at is None or now < self.ends_at - 1e-9:
            return False
        self.running, self.ends_at = False, None
        return True

    def stop(self, now: float) -> None:
        if self.running:
            self.advance(now)
        self.running, self.ends_at = False, None
        self.calibrating = False

    def correct(self, measured: float) -> None:
        """End a calibration with the volume that was measured."""
        expected = self._calibration_rate() * self.calibration_time / 600
        if expected > 0 and measured > 0:
            self.correction *= measured / expected
        self.measured, self.awaiting, self.run_since_calibration = measured, False, 0.0

    def snapshot(self) -> Channel:
        return replace(self)

    def restore(self, saved: Channel) -> None:
        """The saved settings, standing still; totals and the last commanded drive stay."""
        for field in fields(saved):
            if field.name not in ("total_ml", "run_since_calibration", "driven"):
                setattr(self, field.name, getattr(saved, field.name))
        self.running = self.calibrating = self.awaiting = False
        self.ends_at = None

    def _calibration_rate(self) -> float:
        return self.target / self.calibration_time * 600 if self.target and self.calibration_time else self.rate()

    def _dispense_seconds(self) -> float | None:
        if self.mode in "GNP":
            return self.run_time / 10
        return self.volume / self.rate() * 60 if self.mode in "OQ" else None

    def _pausing(self, now: float) -> bool:
        if self.mode not in "QP" or self.calibrating:
            return False
        on = self._dispense_seconds() or 0.0
        return (now - self._started) % (on + self.pause_time / 10) >= on

    def _pumping(self, at: float) -> float:
        """Seconds of pumping from the start until `at`."""
        elapsed = at - self._started
        if self.mode not in "QP" or self.calibrating:
            return elapsed
        on = self._dispense_seconds() or 0.0
        cycle = on + self.pause_time / 10
        return (elapsed // cycle) * on + min(elapsed % cycle, on)
