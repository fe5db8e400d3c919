"""The master recipe, ISA-88 from top to bottom: recipe, unit procedures, operations (phases come by resolving)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from protocols.fields import Strict, critical, monitored
from protocols.operation import OneOf, Operation, scale
from protocols.release import Release
from protocols.stock import PLACES
from protocols.units.electroporation import Electroporation
from protocols.units.lyophilization import Lyophilization
from protocols.units.sec import Sec
from protocols.units.tff import Tff
from vesiflow.documents import Document
from vesiflow.ids import is_safe
from vesiflow.quantities import Concentration, Duration, Fraction, ParticleConcentration, Volume


class Source(Strict):
    """Where the vesicles come from."""

    cells: str = monitored("", "cell type and tissue")
    donor: str | None = monitored("", "donor or bank", default=None)
    passage: int | None = monitored("0..50", "passage of the cells", default=None)
    oxygen: Fraction | None = monitored("0.1..25 %", "oxygen in culture", default=None)
    medium: str | None = monitored("", "culture medium", default=None)


class Material(Strict):
    """A bottle the batch starts with."""

    volume: Volume = critical("0.1..20000 mL", "decides the size of the batch")
    particles: ParticleConcentration = monitored("1e5..1e14 1/mL", "expected particle concentration")
    protein: Concentration = monitored("0..100 g/L", "expected total protein", default="0 g/L")
    liquid: str = monitored("", "what the vesicles are in; decides conductivity and collapse", default="medium")


class HoldTime(Strict):
    """No more than `limit` between the end of unit procedure `after` and the start of `before`."""

    after: int = Field(ge=1)
    before: int = Field(ge=2)
    limit: Duration = critical("0.1..720 h", "vesicles aggregate and stick while they wait")


class UnitProcedure(OneOf):
    """One unit procedure: `- tff: {...}`."""

    tff: Tff | None = None
    sec: Sec | None = None
    electroporation: Electroporation | None = None
    lyophilization: Lyophilization | None = None

    def operations(self) -> Iterator[tuple[str, Operation]]:
        """Names and operations in order."""
        for entry in self.value.operations:
            yield entry.name, entry.value


class Recipe(Strict):
    """A master recipe."""

    recipe: str = monitored("", "name; becomes part of file names")
    version: str = monitored("", "version of the recipe")
    source: Source | None = None
    material: dict[str, Material] = Field(default_factory=dict)
    procedure: tuple[UnitProcedure, ...]
    release: Release = Release()
    hold_times: tuple[HoldTime, ...] = ()
    _document: Document = PrivateAttr(default=Document("<recipe>", "", None, {}))

    @field_validator("recipe")
    @classmethod
    def _name_is_safe(cls, value: str) -> str:
        if not is_safe(value):
            raise ValueError(f"{value!r} cannot be a file name; use letters, digits, dot, dash and underscore")
        return value

    @field_validator("procedure")
    @classmethod
    def _something_is_done(cls, value: tuple[UnitProcedure, ...]) -> tuple[UnitProcedure, ...]:
        if not value:
            raise ValueError("a recipe has at least one unit procedure")
        return value

    @field_validator("material")
    @classmethod
    def _bottles_are_bottles(cls, value: dict[str, Material]) -> dict[str, Material]:
        taken = [name for name in value if name in PLACES]
        if taken:
            raise ValueError(f"{taken[0]!r} is a place on the line and no bottle; choose another name")
        return value

    @model_validator(mode="after")
    def _hold_times_point_forward(self) -> Self:
        for hold in self.hold_times:
            if not hold.after < hold.before <= len(self.procedure):
                raise ValueError(
                    f"hold time after {hold.after} before {hold.before}: unit procedures are numbered 1 to "
                    f"{len(self.procedure)} and `after` comes first"
                )
        return self

    @property
    def document(self) -> Document:
        """Text and lines the recipe was read from."""
        return self._document

    def read_from(self, document: Document) -> Self:
        """The same recipe, remembering where it stands."""
        self._document = document
        return self

    def scaled(self, factor: float) -> Recipe:
        """For a batch `factor` times as large: material, target volumes, wells and vials; not the equipment."""
        update = {
            "material": {
                name: material.model_copy(update={"volume": scale(material.volume, factor)})
                for name, material in self.material.items()
            },
            "procedure": tuple(_scaled(entry, factor) for entry in self.procedure),
        }
        return self.model_copy(update=update)


def _scaled(entry: UnitProcedure, factor: float) -> UnitProcedure:
    operations = tuple(op.model_copy(update={op.name: op.value.scaled(factor)}) for op in entry.value.operations)
    return entry.model_copy(update={entry.name: entry.value.model_copy(update={"operations": operations})})
