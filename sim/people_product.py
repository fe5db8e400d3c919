"""The person at the product end: electroporation station, robot deck, freeze dryer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sim.electroporation_station import ElectroporationStation
from sim.freeze_dryer import FreezeDryer
from sim.hands import Action, Answer, Details, Hands, in_unit, lot, number, word
from sim.material import solution
from sim.robot_deck import RobotDeck

_STEP = re.compile(r"(\S+:\S+) > (\S+:\S+) ([\d.e+-]+) uL ")
PLACES = ("electroporator", "deck", "cold block")


def _no_pulser(program: str) -> float:
    raise ValueError("there is no electroporator on this bench")


@dataclass
class PulseHands:
    """At the electroporation station and the deck. `press` is the GO key: (program) -> seconds until its log."""

    hands: Hands
    station: ElectroporationStation
    deck: RobotDeck
    press: Callable[[str], float] = _no_pulser

    def actions(self) -> Mapping[str, Action]:
        return {
            "dip probe": self._dip_probe,
            "place on deck": self._place_on_deck,
            "prepare cargo": self._prepare_cargo,
            "place plate": self._place_plate,
            "place vials": self._place_vials,
            "pipette worklist": self._pipette_worklist,
            "chill plate": self._chill_plate,
            "move plate": self._move_plate,
            "press GO": self._press_go,
        }

    def _dip_probe(self, details: Details) -> Answer:
        self.station.probe = self.hands.full(word(details, "bottle"))
        return {}, self.hands.takes(handles=1)

    def _place_on_deck(self, details: Details) -> Answer:
        name = word(details, "bottle")
        self.deck.place(name, word(details, "position"))
        return {"barcode": name}, self.hands.takes(handles=1)

    def _prepare_cargo(self, details: Details) -> Answer:
        """Cargo in its stock buffer; at concentration 0 what stands there is a buffer of that name."""
        name, strength = word(details, "cargo"), number(details, "concentration", 0.0)
        store = self.hands.store
        recipe = dict(store.buffer_recipe("cargo" if strength > 0.0 else name))
        if strength > 0.0:
            recipe["cargo_free"] = strength
        bottle = store.receiver(f"{name} at {word(details, 'position')}")
        self.hands.ledger.discard(bottle.empty())
        # Nobody fills a trough to the drop: a little more than asked for, so that tips reach it all.
        volume = number(details, "volume") + 1e-6
        bottle.add(self.hands.ledger.bring_in(solution(volume, recipe)))
        self.deck.place(bottle.name, word(details, "position"))
        return {"lot": lot(name)}, self.hands.takes(walks=2, handles=2)

    def _place_plate(self, details: Details) -> Answer:
        barcode = word(details, "plate")
        self.station.place_plate(barcode, self.hands.now())
        self.deck.fill_racks()
        return {"barcode": barcode}, self.hands.takes(handles=1)

    def _place_vials(self, details: Details) -> Answer:
        """A rack of empty vials and full tip racks; filled ones still on the deck go to waste."""
        rack = next((name for name in sorted(details) if name.startswith("vials")), "vials")
        barcode = word(details, rack)
        for vial in self.deck.take_vials():
            self.hands.ledger.discard(vial.empty())
        self.deck.fill_racks()
        return {"barcode": barcode}, self.hands.takes(walks=2, handles=1)

    def _pipette_worklist(self, details: Details) -> Answer:
        """By hand, step by step: a fresh tip each, what is there is taken."""
        seconds = 0.0
        for count in range(1, len(details) + 1):
            step = _STEP.match(word(details, f"step {count}"))
            if step is None:
                raise ValueError(f"step {count} cannot be read")
            seconds += self.deck.by_hand(step[1], step[2], float(step[3]) * 1e-9, self.hands.now())
        return {"done": "yes"}, self.hands.takes(seconds=seconds)

    def _chill_plate(self, details: Details) -> Answer:
        duration = number(details, "duration")
        temperature = self.station.chill(duration, self.hands.now())
        return {"temperature": in_unit(temperature + 0.2 * self.hands.draw(), "degC", "degC")}, duration + 30.0

    def _move_plate(self, details: Details) -> Answer:
        to = word(details, "to")
        if to not in PLACES:
            raise ValueError(f"the plate cannot go to {to!r}; there is {', '.join(PLACES)}")
        self.station.move(to, self.hands.now())
        return {}, self.hands.takes(walks=0.5)

    def _press_go(self, details: Details) -> Answer:
        program = word(details, "program")
        self.station.column = int(number(details, "column"))
        try:
            busy = self.press(program)
        except KeyError:
            raise ValueError(f"the electroporator has no program {program!r}") from None
        return {}, busy + self.hands.takes(walks=0.0, handles=0.5)


@dataclass(frozen=True)
class DryerHands:
    """At the freeze dryer."""

    hands: Hands
    dryer: FreezeDryer
    deck: RobotDeck

    def actions(self) -> Mapping[str, Action]:
        return {
            "load vials": self._load_vials,
            "stopper vials": self._stopper_vials,
            "unload vials": self._unload_vials,
        }

    def _load_vials(self, details: Details) -> Answer:
        """What the robot has filled; in a run that begins here, vials of the formulated bulk."""
        apart = str(details.get("left_out", "")).split()
        vials = self.deck.take_vials(apart) or self.deck.filled_by_hand(int(number(details, "vials")))
        return {"count": self.dryer.load(vials, self.hands.now())}, self.hands.takes(walks=2, seconds=10.0 * len(vials))

    def _stopper_vials(self, details: Details) -> Answer:
        return {"count": self.dryer.stopper()}, self.hands.takes(handles=1)

    def _unload_vials(self, details: Details) -> Answer:
        count = self.dryer.unload(self.hands.now())
        return {"count": count}, self.hands.takes(walks=2, seconds=6.0 * count)
