"""Master recipe and line to control recipe: pure, nothing is asked and nothing is written.

Shear becomes flow, column volumes become litres, a field becomes volts on the instrument's scale; every phase gets
its key and expected duration. `walk` gives the operations one by one with the stock expected before and after, which
is also what the checks read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from protocols.control import ControlRecipe, HoldTime, Operation, Phase, UnitProcedure
from protocols.fields import inside
from protocols.model import Recipe
from protocols.model import UnitProcedure as MasterUnitProcedure
from protocols.operation import Operation as MasterOperation
from protocols.operation import Site
from protocols.phases import KINDS
from protocols.stock import Content, Stock, emptied
from vesiflow.documents import Place
from vesiflow.errors import ConfigError
from vesiflow.line_profile import LineProfile
from vesiflow.quantities import written

_KIND_OF: Mapping[type, str] = {params: kind for kind, params in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Step:
    """One operation where it stands: path in the recipe, site (with the stock before) and stock after."""

    path: Place
    number: int
    ordinal: int
    unit: str
    name: str
    operation: MasterOperation
    site: Site[object]
    after: Stock


def walk(recipe: Recipe, profile: LineProfile) -> Iterator[Step]:
    """Every operation in order with the expected stock; ConfigError when the line lacks a unit it needs."""
    stock = initial_stock(recipe)
    for number, entry in enumerate(recipe.procedure, 1):
        for ordinal, (name, operation) in enumerate(entry.operations(), 1):
            site = Site(entry.value, profile, stock)
            after = operation.after(site)
            path: Place = ("procedure", number - 1, entry.name, "operations", ordinal - 1, name)
            yield Step(path, number, ordinal, entry.name, name, operation, site, after)
            stock = without_empty(after)


def initial_stock(recipe: Recipe) -> Stock:
    """The bottles the recipe's material names."""
    bottles = {}
    for name, material in recipe.material.items():
        volume = inside(material.volume, "m^3")
        particles, protein = inside(material.particles, "1/m^3"), inside(material.protein, "kg/m^3")
        bottles[name] = Content(volume, particles * volume, protein * volume, {material.liquid: 1.0})
    return bottles


def without_empty(stock: Stock) -> Stock:
    """Drop what would come out as nothing but rounding."""
    for name in [name for name, content in stock.items() if content.volume < 1e-12 and not content.liquids]:
        stock = emptied(stock, name)
    return stock


def resolve(recipe: Recipe, profile: LineProfile, *, volume: float | None = None) -> ControlRecipe:
    """The control recipe for `profile`; `volume` m^3 of the first material scales the batch.

    Raises ConfigError when the line lacks a unit; values are not judged here but in `protocols.check`.
    """
    master = for_volume(recipe, volume)
    procedures = _operations(master, profile)
    return ControlRecipe(
        recipe=master.recipe,
        version=master.version,
        line=profile.name,
        unit_procedures=tuple(
            _procedure(number, master.procedure[number - 1], operations) for number, operations in procedures.items()
        ),
        release=master.release.criteria(),
        hold_times=tuple(HoldTime(hold.after, hold.before, inside(hold.limit, "s")) for hold in master.hold_times),
        header=_header(master),
        material=_material(master),
        source=recipe.document.text,
    )


def _operations(master: Recipe, profile: LineProfile) -> dict[int, list[Operation]]:
    procedures: dict[int, list[Operation]] = {}
    try:
        for step in walk(master, profile):
            procedures.setdefault(step.number, []).append(Operation(step.name, tuple(_phases(step))))
    except (ArithmeticError, ValueError) as error:  # a zero diameter, a negative concentration
        reason = f"its values cannot be computed with ({error})"
        raise ConfigError(reason, device=master.recipe, remedy="see `vesiflow check`") from error
    return procedures


def for_volume(recipe: Recipe, volume: float | None) -> Recipe:
    """The recipe scaled so that its first material has `volume` m^3."""
    if volume is None:
        return recipe
    if not recipe.material:
        raise ConfigError("this recipe names no material to scale", action="batch volume", value=volume)
    written_volume = inside(next(iter(recipe.material.values())).volume, "m^3")
    if not 0 < volume < 1e3:
        raise ConfigError("must be greater than 0", action="batch volume", value=f"{volume} m^3")
    return recipe.scaled(volume / written_volume)


def _phases(step: Step) -> Iterator[Phase]:
    prefix = f"{step.number}-{step.unit}/{step.ordinal}-{step.name}"
    for index, (params, duration) in enumerate(step.operation.expand(step.site), 1):
        yield Phase(f"{prefix}/{index}", _KIND_OF[type(params)], step.unit, params, float(duration))


def _procedure(number: int, entry: MasterUnitProcedure, operations: list[Operation]) -> UnitProcedure:
    return UnitProcedure(number, entry.value.name, entry.name, tuple(operations))


def _header(recipe: Recipe) -> dict[str, str]:
    """Source as text, and what each bottle of the material is in: "medium.liquid"."""
    liquids = {f"{name}.liquid": material.liquid for name, material in recipe.material.items()}
    if recipe.source is None:
        return liquids
    given = {name: getattr(recipe.source, name) for name in type(recipe.source).model_fields}
    texts = {name: value for name, value in given.items() if value is not None}
    source = {name: str(value) if isinstance(value, str | int) else written(value) for name, value in texts.items()}
    return source | liquids


def _material(recipe: Recipe) -> dict[str, float]:
    """Flat: "medium.volume" m^3, "medium.particles" 1/m^3, "medium.protein" kg/m^3."""
    flat = {}
    for name, material in recipe.material.items():
        flat[f"{name}.volume"] = inside(material.volume, "m^3")
        flat[f"{name}.particles"] = inside(material.particles, "1/m^3")
        flat[f"{name}.protein"] = inside(material.protein, "kg/m^3")
    return flat
