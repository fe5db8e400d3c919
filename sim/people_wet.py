"""The person at the wet end: TFF skid and SEC skid. One method per action of docs/operator-actions.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sim.hands import Action, Answer, Details, Hands, in_unit, lot, number, word
from sim.physics.tff import Fibres
from sim.sec_skid import SecSkid
from sim.tff_skid import TffSkid


@dataclass(frozen=True)
class FilterHands:
    """At the TFF skid."""

    hands: Hands
    tff: TffSkid

    def actions(self) -> Mapping[str, Action]:
        return {
            "install module": self._install_module,
            "fill buffer": self._fill_buffer,
            "hang bottle": self._hang_bottle,
            "empty permeate": self._empty_permeate,
            "place bottle": self._place_bottle,
            "weigh bottle": self._weigh_bottle,
        }

    def _install_module(self, details: Details) -> Answer:
        fibres = Fibres(number(details, "fibres"), number(details, "lumen"), number(details, "length"))
        barcode = word(details, "barcode")
        self.tff.mount(barcode, number(details, "cutoff"), fibres, number(details, "area"), self.hands.now())
        return {"barcode": barcode}, self.hands.takes(walks=3, handles=5)

    def _fill_buffer(self, details: Details) -> Answer:
        name = word(details, "buffer")
        self.tff.refill(self.hands.store.buffer(name, number(details, "volume")), self.hands.now())
        return {"lot": lot(name)}, self.hands.takes(handles=1)

    def _hang_bottle(self, details: Details) -> Answer:
        name = word(details, "bottle")
        bottle = self.hands.full(name, number(details, "volume"))
        self.tff.pour(self.hands.poured(bottle.empty()), self.hands.now())
        return {"barcode": name}, self.hands.takes(handles=1)

    def _empty_permeate(self, details: Details) -> Answer:
        self.hands.ledger.discard(self.tff.empty_permeate(self.hands.now()))
        return {}, self.hands.takes()

    def _place_bottle(self, details: Details) -> Answer:
        name = word(details, "bottle")
        self.tff.place(self.hands.store.receiver(name), self.hands.now())
        return {"barcode": name}, self.hands.takes()

    def _weigh_bottle(self, details: Details) -> Answer:
        """Net mass on a bench balance to 0.01 g, told as mL of water."""
        name = word(details, "bottle")
        grams = round(self.hands.full(name).content.mass * 1e3 + 0.005 * self.hands.draw(), 2)
        return {"volume": grams}, self.hands.takes(handles=1)


@dataclass(frozen=True)
class ColumnHands:
    """At the SEC skid."""

    hands: Hands
    sec: SecSkid

    def actions(self) -> Mapping[str, Action]:
        return {
            "load loop": self._load_loop,
            "place tubes": self._place_tubes,
            "pool fractions": self._pool_fractions,
        }

    def _load_loop(self, details: Details) -> Answer:
        name = word(details, "bottle")
        self.sec.load_loop(self.hands.full(name).take(number(details, "volume")), self.hands.now())
        return {"barcode": name}, self.hands.takes(walks=2, handles=2)

    def _place_tubes(self, details: Details) -> Answer:
        self.sec.place_tubes(self.hands.now())
        return {}, self.hands.takes(handles=1)

    def _pool_fractions(self, details: Details) -> Answer:
        bottle = self.hands.store.receiver(word(details, "bottle"))
        tubes = [text.strip() for text in word(details, "tubes").split(",")]
        if not all(text.isdigit() for text in tubes):
            raise ValueError(f"tubes are numbers with commas between (got {details['tubes']!r})")
        before = bottle.volume
        for text in tubes:
            bottle.add(self.hands.poured(self.sec.take_tube(int(text), self.hands.now())))
        volume = in_unit(bottle.volume - before, "m^3", "mL")
        return {"volume": volume}, self.hands.takes(handles=1, seconds=10.0 * len(tubes))
