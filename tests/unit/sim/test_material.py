"""The material model: mixing and splitting lose nothing; buffers read what buffers read."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.material import GROUPS, SPECIES, Material, aggregated, lysed, mix, solution
from sim.vessels import Vessel

amounts = st.dictionaries(st.sampled_from(sorted(SPECIES)), st.floats(0, 1e15), max_size=8)
materials = st.builds(Material, st.floats(1e-9, 10.0), amounts, st.integers(0, 3))


def same(one: Material, other: Material) -> bool:
    names = one.amounts.keys() | other.amounts.keys()
    return math.isclose(one.volume, other.volume, rel_tol=1e-12, abs_tol=1e-18) and all(
        math.isclose(one.amount(name), other.amount(name), rel_tol=1e-9, abs_tol=1e-12) for name in names
    )


@given(materials, st.floats(0, 12.0))
def test_split_and_mix_again_is_the_same(material: Material, volume: float) -> None:
    taken, rest = material.split(volume)
    assert 0.0 <= taken.volume <= material.volume
    assert rest.volume >= 0.0
    assert min([*taken.amounts.values(), *rest.amounts.values()], default=0.0) >= 0.0
    assert same(taken + rest, material)


@given(st.lists(materials, min_size=1, max_size=5))
def test_mixing_adds_everything_and_remembers_the_worst_history(parts: list[Material]) -> None:
    whole = mix(parts)
    assert whole.volume == pytest.approx(sum(p.volume for p in parts), rel=1e-12)
    assert whole.mass == pytest.approx(sum(p.mass for p in parts), rel=1e-9)
    assert whole.freeze_thaws == max(p.freeze_thaws for p in parts)


@given(materials, st.floats(0, 1))
def test_damage_stays_within_its_group(material: Material, share: float) -> None:
    hurt = aggregated(lysed(material, share), share)
    for names in GROUPS.values():
        assert hurt.total(names) == pytest.approx(material.total(names), rel=1e-9, abs=1e-12)
    assert hurt.particles <= material.particles * (1 + 1e-9)
    assert hurt.intactness <= material.intactness + 1e-9


@given(materials, st.floats(0, 5), st.floats(0, 1), st.floats(0, 12))
def test_a_vessel_runs_over_and_keeps_its_hold_up(
    material: Material, capacity: float, hold_up: float, want: float
) -> None:
    vessel = Vessel("bottle", capacity, hold_up)
    spilled = vessel.add(material)
    assert vessel.volume <= capacity
    assert same(spilled + vessel.content, material)
    before = vessel.volume
    taken = vessel.take(want)
    assert vessel.volume >= min(before, hold_up) - 1e-12
    assert taken.volume <= want
    assert same(taken + vessel.content + spilled, material)


def test_pbs_conducts_as_pbs_and_sugar_does_not() -> None:
    pbs = solution(1e-3, {"nacl": 137.0, "phosphate": 10.0})
    sugar = solution(1e-3, {"trehalose": 146.0, "histidine": 10.0})
    assert pbs.conductivity == pytest.approx(1.6, abs=0.05)
    assert pbs.osmolality == pytest.approx(0.29, abs=0.02)
    assert pbs.mass == pytest.approx(1.0067, abs=0.001)
    assert 0.01 < sugar.conductivity < 0.06
    assert sugar.relative_viscosity > 1.1


def test_an_unknown_species_is_refused() -> None:
    with pytest.raises(KeyError, match="unobtainium"):
        solution(1e-3, {"unobtainium": 1.0})


def test_empty_reads_zero_everywhere() -> None:
    empty = Material()
    assert (empty.conductivity, empty.osmolality, empty.concentration("nacl"), empty.mass) == (0.0, 0.0, 0.0, 0.0)
    assert empty.intactness == 1.0
