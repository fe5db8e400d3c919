"""Volume, particles and protein from feed to vial: one row a sample, and the batch in a few numbers.

A sample says how much is in a millilitre; how many millilitres there are comes from the batch's own measurements
(recovered, pooled, collected and filled volumes), which the phases left in the journal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from records.model import BalanceRow, SampleResult, Summary
from records.timeline import Timeline, number
from vesiflow.quantities import convert

VIALS = "vials"
_UG = 1e9  # micrograms in a kilogram


def balance(line: Timeline, samples: Sequence[SampleResult]) -> tuple[BalanceRow, ...]:
    """The starting material, then every sample point that counted particles, in order."""
    rows = [row for row in (_material(line),) if row is not None]
    for point in dict.fromkeys(item.point for item in samples):
        assays = {item.assay: item for item in samples if item.point == point}
        if "particles" in assays:
            rows.append(_row(line, point, assays, rows))
    return tuple(rows)


def summarise(line: Timeline, rows: Sequence[BalanceRow]) -> Summary:
    """What came in and what came out; counts of criteria and findings are filled in by the record."""
    doses = _doses(line)
    out = rows[-1].particles if len(rows) > 1 else None
    particles_in = rows[0].particles if rows and rows[0].source == "" else None
    pure = next((row for row in reversed(rows[1:]) if row.particles_per_ug is not None), None)
    return Summary(
        particles_in=particles_in,
        particles_out=out,
        overall_yield=out / particles_in if out is not None and particles_in else None,
        doses=doses,
        particles_per_dose=out / doses if out is not None and doses else None,
        particles_per_ug=pure.particles_per_ug if pure else None,
        particles_at=rows[-1].point if out is not None else "",
        purity_at=pure.point if pure else "",
        passed=0,
        failed=0,
        missing=0,
        findings={},
    )


def _material(line: Timeline) -> BalanceRow | None:
    """The nominal starting material: the sum of what the recipe starts with."""
    flat: Mapping[str, object] = line.recipe.get("material", {})
    names = [name.rpartition(".")[0] for name in flat if name.endswith(".volume")]
    if not names:
        return None

    def total(quantity: str) -> float:
        return sum(number(flat.get(f"{name}.{quantity}", 0.0)) * number(flat[f"{name}.volume"]) for name in names)

    volume = sum(number(flat[f"{name}.volume"]) for name in names)
    particles, protein = total("particles"), total("protein")
    return BalanceRow(
        point="start (nominal)",
        source="",
        volume=volume,
        concentration=particles / volume if volume else None,
        particles=particles,
        protein=protein or None,
        particles_per_ug=_purity(particles, protein),
        step_yield=None,
        overall_yield=1.0 if particles else None,
    )


def _row(line: Timeline, point: str, assays: Mapping[str, SampleResult], rows: Sequence[BalanceRow]) -> BalanceRow:
    count = assays["particles"]
    concentration = convert(count.value, count.unit, "1/m^3")
    volume = _volume(line, count, assays)
    particles = concentration * volume if volume is not None else None
    protein = None
    if "protein" in assays and volume is not None:
        protein = convert(assays["protein"].value, assays["protein"].unit, "kg/m^3") * volume
    before = next((row.particles for row in reversed(rows) if row.particles), None)
    first = rows[0].particles if rows and rows[0].source == "" else None
    return BalanceRow(
        point=point,
        source=count.source,
        volume=volume,
        concentration=concentration,
        particles=particles,
        protein=protein,
        particles_per_ug=_purity(particles, protein),
        step_yield=particles / before if particles is not None and before else None,
        overall_yield=particles / first if particles is not None and first else None,
    )


def _purity(particles: float | None, protein: float | None) -> float | None:
    return particles / (protein * _UG) if particles is not None and protein else None


def _volume(line: Timeline, count: SampleResult, assays: Mapping[str, SampleResult]) -> float | None:
    """What stood in the sampled bottle, m^3: as entered with the sample, else as the batch measured it."""
    if "volume" in assays:
        return convert(assays["volume"].value, assays["volume"].unit, "m^3")
    entry = next(
        entry
        for entry in line.of("sample")
        if entry.data.get("point") == count.point and entry.data.get("assay") == "particles"
    )
    facts = line.facts(entry.seq)
    if count.source == VIALS:
        fill = _fill_volume(line)
        vials = facts.get("lyophilization.unloaded", facts.get("lyophilization.vials"))
        return fill * vials if fill is not None and vials is not None else None
    return facts.get(f"bottle.{count.source}.volume")


def _fill_volume(line: Timeline) -> float | None:
    for entry in line.of("phase.ended"):
        found = (entry.data.get("results") or {}).get("fill volume")
        if found:
            return number(found[0])
    return None


def _doses(line: Timeline) -> float | None:
    """Vials that left the dryer, else vials that were filled."""
    facts = line.facts(line.entries[-1].seq + 1)
    return facts.get("lyophilization.unloaded", facts.get("lyophilization.vials"))
