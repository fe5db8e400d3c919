"""Vessels: a content, a capacity beyond which it runs over, and a hold-up that no pump or tip gets out."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.material import EMPTY, Material


@dataclass(slots=True)
class Vessel:
    """`capacity` and `hold_up` in m^3."""

    name: str
    capacity: float = math.inf
    hold_up: float = 0.0
    content: Material = EMPTY

    @property
    def volume(self) -> float:
        """What is in it, m^3."""
        return self.content.volume

    def add(self, material: Material) -> Material:
        """Pour `material` in and mix; what runs over is returned."""
        self.content, spilled = (self.content + material).split(self.capacity)
        return spilled

    def take(self, volume: float) -> Material:
        """Draw `volume`, or what can be reached above the hold-up when there is less."""
        taken, self.content = self.content.split(min(volume, max(self.content.volume - self.hold_up, 0.0)))
        return taken

    def empty(self) -> Material:
        """Pour everything out, hold-up and all."""
        content, self.content = self.content, EMPTY
        return content
