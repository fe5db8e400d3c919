"""The pipetting robot on the plant: tips, bottles put down at positions, the electroporation plate, a rack of vials.

A channel takes up what is there: when the liquid ends it draws air, as a robot without liquid detection does. What
cannot be done at all (no tip, no such place, a tip too small) stops the robot with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sim.electroporation_station import ElectroporationStation
from sim.ledger import Ledger
from sim.material import EMPTY, Material
from sim.store import Store
from sim.vessels import Vessel

SECONDS = {"pick_up_tips": 4.0, "drop_tips": 3.0, "aspirate": 3.0, "dispense": 3.0}
PER_VOLUME = 1.0 / 500e-9  # s per m^3 and channel, 500 uL/s
DEAD = 100e-9  # m^3 at the bottom of a trough that no tip reaches
SPREAD = 0.004  # relative standard deviation of an aspiration
HAND_FILL = 2e-6  # m^3
HAND = 999  # the channel number of a person's pipette
HAND_SECONDS = 12.0
_CAPACITY = re.compile(r"tips?_(\d+)")


class ChannelErrors(ValueError):
    """Some channels could not do their part; the others have done it."""

    def __init__(self, channels: Mapping[int, str]) -> None:
        super().__init__("; ".join(channels.values()))
        self.channels = channels


@dataclass
class Tip:
    """A tip on a channel: how much it takes, m^3, and what is in it."""

    capacity: float
    content: Material = EMPTY


@dataclass
class RobotDeck:
    """`slots` maps a position to the name of the bottle that stands there."""

    ledger: Ledger
    store: Store
    station: ElectroporationStation
    rng: Random
    vial_volume: float
    slots: dict[str, str] = field(default_factory=dict)
    vials: dict[tuple[str, int], Vessel] = field(default_factory=dict)
    tips: dict[int, Tip] = field(default_factory=dict)
    taken: set[tuple[str, str]] = field(default_factory=set)

    # -- people

    def place(self, bottle: str, position: str) -> None:
        """A bottle stands at `position` from now on."""
        self.slots[position] = bottle

    def fill_racks(self) -> None:
        """Fresh tips in every rack."""
        self.taken.clear()

    def take_vials(self, left_out: Collection[str] = ()) -> list[Vessel]:
        """The filled vials leave the deck, rack by rack and in order; those at `left_out` ("vials:A1") go to waste."""
        for place in left_out:
            rack, _, well = place.partition(":")
            self.ledger.discard(self.vials.pop((rack, _number(well))).empty())
        filled = [self.vials[place] for place in sorted(self.vials) if self.vials[place].volume > 0.0]
        self.vials = {}
        return filled

    def filled_by_hand(self, count: int) -> list[Vessel]:
        """`count` vials of 2 mL formulated bulk, for a run that begins with full vials."""
        bulk = self.store.bottle("bulk", 1.05 * HAND_FILL * count)
        vials = [Vessel(f"vial {n}", self.vial_volume) for n in range(1, count + 1)]
        for vial in vials:
            vial.add(bulk.take(HAND_FILL))
        return [vial for vial in vials if vial.volume > 0.0]

    def by_hand(self, source: str, target: str, volume: float, now: float) -> float:
        """A person with a pipette moves `volume` m^3 between two places; the seconds it takes."""
        self.tips[HAND] = Tip(max(volume, 1e-6))
        for op, place in (("aspirate", source), ("dispense", target)):
            resource, _, well = place.partition(":")
            getattr(self, f"_{op}")(HAND, resource, well, volume, now)
        self.ledger.discard(self.tips.pop(HAND).content)
        return HAND_SECONDS

    def put_back(self, place: str, content: Material) -> None:
        """A person empties a tip into a place."""
        resource, _, well = place.partition(":")
        self.ledger.discard(self._vessel(resource, well, drawing=False).add(content))

    # -- robot

    def act(self, op: str, channels: Sequence[Mapping[str, Any]], now: float) -> float:
        """Carry out one operation, channel by channel; the seconds it takes. ChannelErrors names those that failed."""
        volumes = [float(c.get("volume_ul", 0.0)) * 1e-9 for c in channels]
        if op == "clear_tips":
            for number in list(self.tips):
                self._drop(number)
            return SECONDS["drop_tips"]
        failed: dict[int, str] = {}
        for channel, volume in zip(channels, volumes, strict=True):
            number, resource, well = int(channel["channel"]), str(channel["resource"]), str(channel["well"])
            try:
                if op == "pick_up_tips":
                    self._pick_up(number, resource, well)
                elif op == "drop_tips":
                    self._drop(number)
                elif op == "aspirate":
                    self._aspirate(number, resource, well, volume, now)
                else:
                    self._dispense(number, resource, well, volume, now)
            except ValueError as error:
                failed[number] = str(error)
        if failed:
            raise ChannelErrors(failed)
        return SECONDS[op] + max(volumes) * PER_VOLUME

    def contents(self) -> Iterator[Material]:
        """What is in tips and vials."""
        yield from (tip.content for tip in self.tips.values())
        yield from (vial.content for vial in self.vials.values())

    def _pick_up(self, number: int, rack: str, spot: str) -> None:
        match = _CAPACITY.match(rack)
        if not match:
            raise ValueError(f"{rack!r} is no tip rack")
        if number in self.tips:
            raise ValueError(f"channel {number} already has a tip")
        if (rack, spot) in self.taken:
            raise ValueError(f"there is no tip at {rack}:{spot}")
        self.taken.add((rack, spot))
        # Racks are named by their tips; a number too small for a tip only counts the racks.
        capacity = float(match[1]) * 1e-9
        self.tips[number] = Tip(capacity if capacity >= 10e-9 else 1000e-9)

    def _drop(self, number: int) -> None:
        self.ledger.discard(self._tip(number).content)
        del self.tips[number]

    def _tip(self, number: int) -> Tip:
        if number not in self.tips:
            raise ValueError(f"channel {number} has no tip")
        return self.tips[number]

    def _aspirate(self, number: int, resource: str, well: str, volume: float, now: float) -> None:
        tip = self._tip(number)
        if tip.content.volume + volume > tip.capacity * 1.15:
            raise ValueError(f"{volume * 1e9:.0f} uL do not fit the tip on channel {number}")
        vessel = self._vessel(resource, well, drawing=True)
        wanted = volume * (1.0 + SPREAD * self.rng.gauss(0.0, 1.0))
        reach = max(vessel.volume - (DEAD if resource in self.slots else 0.0), 0.0)
        drawn = vessel.take(min(wanted, reach))
        tip.content = tip.content + drawn
        short = drawn.volume < 0.9 * volume
        self.ledger.record(now, "aspirate", place=f"{resource}:{well}", volume=drawn.volume, wanted=volume, air=short)

    def _dispense(self, number: int, resource: str, well: str, volume: float, now: float) -> None:
        tip = self._tip(number)
        # A dispense pushes the plunger: what was drawn goes out, in the proportion asked for.
        share = min(volume / tip.content.volume, 1.0) if tip.content.volume > 0.0 else 0.0
        out, tip.content = tip.content.split(tip.content.volume * (1.0 if share > 0.97 else share))
        vessel = self._vessel(resource, well, drawing=False)
        spilled = vessel.add(out)
        self.ledger.discard(spilled)
        self.ledger.record(
            now, "dispense", place=f"{resource}:{well}", volume=out.volume, wanted=volume, spilled=spilled.volume
        )

    def _vessel(self, resource: str, well: str, drawing: bool) -> Vessel:
        if resource in self.slots:
            name = self.slots[resource]
            return self.store.bottle(name) if drawing else self.store.receiver(name)
        if resource == "plate":
            return self.station.well(well)
        if resource.startswith("vial"):
            place = resource, _number(well)
            return self.vials.setdefault(place, Vessel(f"vial {len(self.vials) + 1}", self.vial_volume))
        raise ValueError(f"nothing stands at {resource!r}; there is {', '.join([*self.slots, 'plate', 'vials'])}")


def _number(well: str) -> int:
    """Places of a rack counted column by column: A1 is 1, H1 is 8, A2 is 9; a plain number counts itself."""
    if well.isdigit():
        return int(well)
    row, column = well[:1].upper(), well[1:]
    if row not in "ABCDEFGH" or not column.isdigit():
        raise ValueError(f"a rack has no place {well!r}")
    return (int(column) - 1) * 8 + "ABCDEFGH".index(row) + 1
