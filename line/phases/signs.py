"""Signs that something is wrong, as small functions of what was seen: no clock, no instrument, no alarm in here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Sample = tuple[float, float]
"""(time s, value)."""


def slope(samples: Sequence[Sample]) -> float:
    """Least-squares slope, per second; 0 with fewer than two moments."""
    if len(samples) < 2 or samples[-1][0] <= samples[0][0]:
        return 0.0
    n = len(samples)
    mean_t, mean_v = sum(t for t, _ in samples) / n, sum(v for _, v in samples) / n
    spread = sum((t - mean_t) ** 2 for t, _ in samples)
    return float(sum((t - mean_t) * (v - mean_v) for t, v in samples) / spread)


def noise(samples: Sequence[Sample]) -> float:
    """Standard deviation around the straight line through `samples`."""
    if len(samples) < 3:
        return 0.0
    rise, n = slope(samples), len(samples)
    mean_t, mean_v = sum(t for t, _ in samples) / n, sum(v for _, v in samples) / n
    rest: float = sum((v - mean_v - rise * (t - mean_t)) ** 2 for t, v in samples)
    return math.sqrt(rest / (n - 2))


def off(ordered: float, found: float, share: float) -> bool:
    """Whether `found` differs from `ordered` by more than `share` of it; no number is always off."""
    return not abs(found - ordered) <= share * abs(ordered)


def burst(tmp: float, usual_tmp: float, rise: float, ordered: float) -> bool:
    """Whether permeate comes faster than its pump moves (m^3/s both) while the pressure has collapsed."""
    return usual_tmp > 0.0 and tmp < 0.5 * usual_tmp and rise > 1.5 * ordered > 0.0


def stepped(before: float, after: float, most: float) -> bool:
    """Whether a value moved by more than anything could have moved it."""
    return abs(after - before) > most


@dataclass
class Frozen:
    """Counts equal readings in a row: noise makes a live sensor move, the last digit of its display hides some."""

    most: int
    count: int = 0
    last: float | None = None

    def see(self, value: float) -> bool:
        """Whether the sensor has shown the same value `most` times in a row."""
        self.count = self.count + 1 if value == self.last else 1
        self.last = value
        return self.count >= self.most


def peaks(means: Sequence[float], least: float, dip: float = 0.8) -> int:
    """How many peaks of at least `least` stand in `means`: each falls below `dip` of its top before the next rises.

    What still rises at the end belongs to whatever comes next, unless it is all there is.
    """
    count, high, low, rising = 0, 0.0, 0.0, True
    for value in means:
        if rising:
            high = max(high, value)
            if value < dip * high and high >= least:
                count, low, rising = count + 1, value, False
        else:
            low = min(low, value)
            if dip * value > low:
                high, rising = value, True
    return max(count, int(high >= least))
