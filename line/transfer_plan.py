"""Transfer plans: what the liquid handler will do, computed before anything moves. Pure.

Samples, cargo and replicates become transfers that respect pipettes, wells and dead volumes, ordered so that channels
work together and tips are few: one liquid after the other, empty wells before filled ones, column by column.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from devices.deck import Layout
from devices.readings import Transfer
from vesiflow.errors import ConfigError, LimitExceeded

SLACK = 1e-12  # m^3
LEAST = 1e-9  # m^3, less is nothing


@dataclass(frozen=True, slots=True)
class Stock:
    """A liquid at a position of the deck; `concentration` mol/m^3 where it matters."""

    place: str
    liquid: str
    concentration: float = 0.0


@dataclass(frozen=True, slots=True)
class Treatment:
    """`replicates` wells with `volume` m^3 of a sample and cargo to `target` mol/m^3 (or `cargo_volume` m^3 of it)."""

    sample: Stock
    volume: float
    cargo: Stock
    replicates: int
    target: float = 0.0
    cargo_volume: float = 0.0

    @property
    def cargo_needed(self) -> float:
        """Cargo in one well, m^3; ConfigError when the stock is too weak for the target."""
        if not self.target:
            return self.cargo_volume
        if self.cargo.concentration <= self.target:
            raise ConfigError(
                f"{self.cargo.liquid} stock is too weak", value=f"{self.cargo.concentration:g} mol/m^3",
                bounds=f"> {self.target:g} mol/m^3", remedy="use a stronger stock or aim lower",
            )  # fmt: skip
        return self.volume * self.target / (self.cargo.concentration - self.target)


@dataclass(frozen=True, slots=True)
class TransferPlan:
    """Transfers in order; `needs` is what every source must hold at least, dead volume included (m^3)."""

    transfers: tuple[Transfer, ...]
    needs: Mapping[str, float]

    def rows(self) -> Iterator[tuple[str, str, str, int, float, float, str]]:
        """For a table: (liquid, source, targets, transfers, m^3 each, m^3 in all, tips), consecutive ones together."""
        block: list[Transfer] = []
        for transfer in self.transfers:
            if block and _kind(transfer) != _kind(block[0]):
                yield _row(block)
                block = []
            block.append(transfer)
        if block:
            yield _row(block)


def plate(treatments: Sequence[Treatment], layout: Layout, name: str = "plate") -> TransferPlan:
    """Samples into the wells of a plate in order, then cargo on top, mixed with a fresh tip each."""
    wells = iter(layout.wells(name, sum(treatment.replicates for treatment in treatments)))
    filled = [(treatment, next(wells)) for treatment in treatments for _ in range(treatment.replicates)]
    transfers = [
        part for item, well in filled for part in portions(item.sample.place, well, item.volume, item.sample, layout)
    ]
    for item, well in filled:
        if item.cargo_needed > LEAST / 1e3:
            transfers += portions(item.cargo.place, well, item.cargo_needed, item.cargo, layout, mix=True, tips="new")
    return checked(transfers, layout)


def collected(wells: int, volume: float, layout: Layout, name: str = "plate", pool: str = "pool:A1") -> TransferPlan:
    """`volume` m^3 from each of the first wells into one bottle; it all comes together, so tips may go on."""
    loaded = Stock("", "loaded")
    transfers = [
        part for well in layout.wells(name, wells) for part in portions(well, pool, volume, loaded, layout, tips="same")
    ]
    return checked(transfers, layout)


def diluted(source: Stock, volume: float, buffer: Stock, final: float, layout: Layout, target: str) -> TransferPlan:
    """Buffer first, into the empty bottle, then the product: the buffer stays clean and tips are few."""
    transfers = portions(buffer.place, target, final - volume, buffer, layout, tips="same")
    transfers += portions(source.place, target, volume, source, layout, tips="same")
    return checked(transfers, layout)


def filled(bulk: Stock, vials: int, volume: float, layout: Layout, name: str = "vials") -> TransferPlan:
    """The same volume into each of the first vials; a column of vials gets its first portion, then the next."""
    channels = max(pipette.channels for pipette in layout.pipettes)
    places = layout.wells(name, vials)
    transfers: list[Transfer] = []
    for first in range(0, vials, channels):
        columns = [
            portions(bulk.place, vial, volume, bulk, layout, tips="same") for vial in places[first : first + channels]
        ]
        transfers += [part for turn in zip(*columns, strict=True) for part in turn]
    return checked(transfers, layout)


def portions(
    source: str, target: str, volume: float, stock: Stock, layout: Layout, *, mix: bool = False, tips: str = "auto"
) -> list[Transfer]:
    """A volume as equal transfers that a pipette can carry; the last one mixes. Nothing for nothing."""
    if volume <= LEAST / 1e3:
        return []
    count = max(-int(-(volume - SLACK) // layout.largest), 1)
    each = volume / count
    if each < layout.smallest - SLACK:
        raise LimitExceeded(
            f"too little for any pipette: {stock.liquid} into {target}", value=f"{each * 1e9:.3g} uL",
            bounds=f"{layout.smallest * 1e9:g}..{layout.largest * 1e9:g} uL",
            remedy="use a weaker stock or larger wells",
        )  # fmt: skip
    return [Transfer(source, target, each, stock.liquid, mix and last == count - 1, tips) for last in range(count)]


def checked(transfers: Sequence[Transfer], layout: Layout) -> TransferPlan:
    """The plan, with no well that starts empty above its fill limit; LimitExceeded names the first one."""
    given: defaultdict[str, float] = defaultdict(float)
    drawn: defaultdict[str, float] = defaultdict(float)
    for transfer in transfers:
        drawn[transfer.source] += transfer.volume
        given[transfer.target] += transfer.volume
        top = layout.at(transfer.target).fill
        if given[transfer.target] > top + SLACK:
            raise LimitExceeded(
                f"{transfer.target} overflows", action="plan", value=f"{given[transfer.target] * 1e9:.4g} uL",
                bounds=f"at most {top * 1e9:.4g} uL", remedy="plan less per well",
            )  # fmt: skip
    needs = {place: volume + layout.at(place).dead for place, volume in drawn.items()}
    return TransferPlan(tuple(transfers), needs)


def _kind(transfer: Transfer) -> tuple[object, ...]:
    labware = transfer.target.partition(":")[0], transfer.source.partition(":")[0]
    return (*labware, transfer.liquid, round(transfer.volume * 1e12), transfer.tips)


def _row(block: Sequence[Transfer]) -> tuple[str, str, str, int, float, float, str]:
    first, last = block[0], block[-1]
    sources = first.source if first.source == last.source else f"{first.source}..{last.source.partition(':')[2]}"
    targets = first.target if first.target == last.target else f"{first.target}..{last.target.partition(':')[2]}"
    tips = first.tips + (", mixed" if last.mix else "")
    return first.liquid, sources, targets, len(block), first.volume, sum(one.volume for one in block), tips
