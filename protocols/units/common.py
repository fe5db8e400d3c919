"""Operations of every unit: samples and approvals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import field_validator

from protocols import phases
from protocols.assays import ASSAYS
from protocols.fields import inside, key, monitored
from protocols.operation import Expanded, Operation, Site
from protocols.stock import Stock, placed
from vesiflow.quantities import Volume

MINUTE = 60.0
HOUR = 3600.0


class Sample(Operation):
    """Take a sample of a bottle and enter the results of its assays."""

    point: str = monitored("", "names the sampling point in the batch record")
    source: str = monitored("", "bottle the sample is taken from")
    assays: tuple[str, ...] = monitored("", "what is measured; names of the assay table")
    volume: Volume = key("0..20 mL", "leaves the batch and counts in the balance", default="0.2 mL")

    @field_validator("assays")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in value if name not in ASSAYS]
        if unknown:
            raise ValueError(f"unknown assay {', '.join(map(repr, unknown))}; known: {', '.join(ASSAYS)}")
        if not value:
            raise ValueError("name at least one assay")
        return value

    def after(self, site: Site[Any]) -> Stock:
        if self.source not in site.stock:
            return site.stock
        return placed(site.stock, self.source, site.holds(self.source).take(inside(self.volume, "m^3")))

    def expand(self, site: Site[Any]) -> Iterable[Expanded]:
        yield phases.Sample(self.point, self.source, self.assays, inside(self.volume, "m^3")), 5 * MINUTE


class Approve(Operation):
    """A named person approves going on."""

    question: str = monitored("", "what the person is asked to approve")

    def expand(self, site: Site[Any]) -> Iterable[Expanded]:
        yield phases.Approve(self.question), 2 * MINUTE
