"""The person at the simulated bench: carries out what the line asks for, on the plant, and answers.

One method per action of docs/operator-actions.md. Each returns the answer and how long it took; what cannot be done
(no such bottle, no module, wrong name) is refused by ValueError with the reason. The act happens when it is asked
for; the answer comes when the time it takes has passed.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sim.assays import Specimen, measure
from sim.config import SimulationConfig
from sim.ledger import Ledger
from sim.material import Material
from sim.physics.tff import Fibres
from sim.sec_skid import SecSkid
from sim.sensing import generator
from sim.store import Store
from sim.tff_skid import TffSkid
from vesiflow.quantities import convert

Details = Mapping[str, Any]
Answer = tuple[dict[str, Any], float]

SAMPLE = 50e-9  # m^3 per assay
SAMPLE_SHARE = 0.02  # of a bottle at most


def number(details: Details, name: str, default: float | None = None) -> float:
    """The detail `name` as a number; ValueError when it is missing or no number."""
    value: Any = details.get(name, default)
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is not a number (got {value!r})") from None


def word(details: Details, name: str) -> str:
    """The detail `name` as text; ValueError when it is missing."""
    value = details.get(name)
    if value is None or str(value).strip() == "":
        raise ValueError(f"{name} is missing")
    return str(value)


@dataclass
class People:
    """Everyone who works at this line."""

    config: SimulationConfig
    ledger: Ledger
    store: Store
    now: Callable[[], float]
    tff: TffSkid
    sec: SecSkid

    def __post_init__(self) -> None:
        self._random = generator(self.config.seed, "laboratory")
        self._actions: dict[str, Callable[[Details], Answer]] = {
            "install module": self._install_module,
            "fill buffer": self._fill_buffer,
            "hang bottle": self._hang_bottle,
            "empty permeate": self._empty_permeate,
            "place bottle": self._place_bottle,
            "weigh bottle": self._weigh_bottle,
            "load loop": self._load_loop,
            "place tubes": self._place_tubes,
            "pool fractions": self._pool_fractions,
        }

    def act(self, action: str, details: Details, fields: Mapping[str, Any]) -> Answer:
        """Do `action`; the answer holds every field that was asked for, as far as the person knows it."""
        if action == "sample":
            return self._sample(details, fields)
        if action == "approve":
            return dict.fromkeys(fields or ("approved",), "yes"), self.config.people.handle
        if action not in self._actions:
            raise ValueError(f"nobody here knows how to {action!r}")
        values, seconds = self._actions[action](details)
        self.ledger.record(self.now(), action, **{str(k): v for k, v in details.items()})
        return values, seconds

    def _draw(self) -> float:
        return self._random.gauss(0.0, 1.0)

    @property
    def _walk(self) -> float:
        return self.config.people.walk

    @property
    def _handle(self) -> float:
        return self.config.people.walk + self.config.people.handle

    def _vary(self, seconds: float) -> float:
        """People are not clocks: 15 % more or less."""
        return seconds * max(1.0 + 0.15 * self._draw(), 0.4)

    # -- TFF

    def _install_module(self, details: Details) -> Answer:
        fibres = Fibres(number(details, "fibres"), number(details, "lumen"), number(details, "length"))
        barcode = word(details, "barcode")
        self.tff.mount(barcode, number(details, "cutoff"), fibres, number(details, "area"), self.now())
        return {"barcode": barcode}, self._vary(4.0 * self._handle)

    def _fill_buffer(self, details: Details) -> Answer:
        name = word(details, "buffer")
        self.tff.refill(self.store.buffer(name, number(details, "volume")), self.now())
        return {"lot": lot(name)}, self._vary(self._handle)

    def _hang_bottle(self, details: Details) -> Answer:
        name = word(details, "bottle")
        bottle = self.store.bottle(name, number(details, "volume"))
        self._wet(bottle.content)
        self.tff.pour(self._poured(bottle.empty()), self.now())
        return {"barcode": name}, self._vary(self._handle)

    def _empty_permeate(self, details: Details) -> Answer:
        self.ledger.discard(self.tff.empty_permeate(self.now()))
        return {}, self._vary(self._walk)

    def _place_bottle(self, details: Details) -> Answer:
        name = word(details, "bottle")
        self.tff.place(self.store.receiver(name), self.now())
        return {"barcode": name}, self._vary(self._walk)

    def _weigh_bottle(self, details: Details) -> Answer:
        """On the bench balance, read to 0.01 g, at the density of water as everywhere in the record."""
        grams = self.store.bottle(word(details, "bottle")).content.volume * 1e6 + 0.01 * self._draw()
        return {"volume": f"{grams:.2f}"}, self._vary(self._handle)

    # -- SEC

    def _load_loop(self, details: Details) -> Answer:
        name = word(details, "bottle")
        bottle = self.store.bottle(name)
        self._wet(bottle.content)
        self.sec.load_loop(bottle.take(number(details, "volume")), self.now())
        return {"barcode": name}, self._vary(2.0 * self._handle)

    def _place_tubes(self, details: Details) -> Answer:
        self.sec.place_tubes(self.now())
        return {}, self._vary(self._handle)

    def _pool_fractions(self, details: Details) -> Answer:
        bottle = self.store.receiver(word(details, "bottle"))
        tubes = [text.strip() for text in word(details, "tubes").split(",")]
        if not all(text.isdigit() for text in tubes):
            raise ValueError(f"tubes are numbers with commas between (got {details['tubes']!r})")
        before = bottle.volume
        for text in tubes:
            bottle.add(self._poured(self.sec.take_tube(int(text), self.now())))
        return {"volume": in_unit(bottle.volume - before, "m^3", "mL")}, self._vary(self._handle + 10.0 * len(tubes))

    # -- laboratory

    def _sample(self, details: Details, fields: Mapping[str, Any]) -> Answer:
        name = word(details, "bottle")
        bottle = self.store.bottle(name)
        self._wet(bottle.content)
        taken = bottle.take(min(SAMPLE * max(len(fields), 1), SAMPLE_SHARE * bottle.volume))
        self.ledger.discard(taken)
        self.ledger.record(self.now(), "sample", bottle=name, point=details.get("point"), volume=taken.volume)
        values = {
            assay: self._assay(assay, unit, Specimen(self._whole(assay, bottle.content, taken)))
            for assay, unit in fields.items()
        }
        return values, self._vary(self._handle + self.config.people.assay)

    def _whole(self, assay: str, rest: Material, taken: Material) -> Material:
        """The volume asked for is that of the bottle, before the sample; everything else is found in the sample."""
        return rest + taken if assay == "volume" else taken

    def _assay(self, name: str, unit: Any, specimen: Specimen) -> float:
        value, inside = measure(name, specimen, self.config.people, self._draw)
        return in_unit(value, inside, str(unit))

    # -- hands

    def _wet(self, content: Material) -> None:
        if content.volume <= 0.0:
            raise ValueError("the bottle is empty")

    def _poured(self, material: Material) -> Material:
        """What arrives when a bottle is poured out: some clings to the wall."""
        clinging, arrived = material.split(min(self.config.people.pouring_loss, 0.01 * material.volume))
        self.ledger.discard(clinging)
        return arrived


def lot(name: str) -> str:
    """A lot number as it would stand on the label."""
    return f"L{zlib.crc32(name.encode()) % 10**6:06d}"


def in_unit(value: float, inside: str, unit: str) -> float:
    """`value` in the unit a prompt asks for, with five digits as a laboratory reports."""
    target = "" if unit in ("1", "", "text") else unit
    return float(f"{convert(value, inside, target):.5g}")
