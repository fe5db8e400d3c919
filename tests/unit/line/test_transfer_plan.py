"""Plans: volumes conserve, nothing overflows, pipettes keep their limits."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.deck import Layout
from devices.deck_file import load_deck_file
from devices.drivers.plr_deck import BOTTLES, sim_deck
from devices.drivers.plr_layout import layout as plr_layout
from line import transfer_plan
from line.transfer_plan import Stock, TransferPlan, Treatment
from vesiflow.errors import ConfigError, LimitExceeded

UL, ML = 1e-9, 1e-6
LAYOUTS = {
    "star": plr_layout(sim_deck(), BOTTLES, {"plate": 125.0}, 100 * UL),
    "ot2": load_deck_file("ot2").layout,
    "flex": load_deck_file("flex").layout,
    "hand": load_deck_file("hand").layout,
}
SAMPLE, CARGO, BUFFER = Stock("sample:A1", "EV"), Stock("cargo:A1", "siRNA", 20.0), Stock("buffer:A1", "buffer")
BULK = Stock("bulk:A1", "bulk")


def into(plan: TransferPlan, liquid: str) -> dict[str, float]:
    given_to: defaultdict[str, float] = defaultdict(float)
    for transfer in plan.transfers:
        if transfer.liquid == liquid:
            given_to[transfer.target] += transfer.volume
    return dict(given_to)


def sound(plan: TransferPlan, layout: Layout) -> None:
    """Every transfer fits a pipette, every well its limit, and the needs are what is drawn and what stays behind."""
    total: defaultdict[str, float] = defaultdict(float)
    drawn: defaultdict[str, float] = defaultdict(float)
    for transfer in plan.transfers:
        assert layout.smallest - 1e-12 <= transfer.volume <= layout.largest + 1e-12
        total[transfer.target] += transfer.volume
        drawn[transfer.source] += transfer.volume
    for place, volume in total.items():
        assert volume <= layout.at(place).fill + 1e-11
    assert plan.needs == {place: volume + layout.at(place).dead for place, volume in drawn.items()}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_plate_of_one_sample(name: str) -> None:
    layout = LAYOUTS[name]
    plan = transfer_plan.plate([Treatment(SAMPLE, 90 * UL, CARGO, 96, cargo_volume=10 * UL)], layout)
    sound(plan, layout)
    assert len(plan.transfers) == 192
    assert [transfer.liquid for transfer in plan.transfers[94:98]] == ["EV", "EV", "siRNA", "siRNA"]
    assert all(transfer.mix and transfer.tips == "new" for transfer in plan.transfers[96:])
    (first, second) = plan.rows()
    assert first[:4] == ("EV", "sample:A1", "plate:A1..H12", 96)
    assert first[5] == pytest.approx(8.64 * ML) and second[6] == "new, mixed"


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(sorted(LAYOUTS)),
    st.lists(
        st.tuples(st.floats(5.0, 110.0), st.floats(0.2, 6.0), st.integers(1, 12), st.floats(8.0, 50.0)),
        min_size=1,
        max_size=8,
    ),
)
def test_replicates_get_their_concentration(name: str, wanted: list[tuple[float, float, int, float]]) -> None:
    layout = LAYOUTS[name]
    treatments = [
        Treatment(Stock("sample:A1", f"EV {n}"), v * UL, Stock("cargo:A1", f"cargo {n}", stock), r, target=target)
        for n, (v, target, r, stock) in enumerate(wanted)
    ]
    try:
        plan = transfer_plan.plate(treatments, layout)
    except LimitExceeded as error:  # too much for a well, or too little for any pipette
        assert "overflows" in str(error) or "too little" in str(error)
        return
    sound(plan, layout)
    wells = iter(layout.wells("plate", sum(t.replicates for t in treatments)))
    for number, treatment in enumerate(treatments):
        sample, cargo = into(plan, f"EV {number}"), into(plan, f"cargo {number}")
        for _ in range(treatment.replicates):
            well = next(wells)
            assert sample[well] == pytest.approx(treatment.volume)
            got = cargo[well] * treatment.cargo.concentration / (cargo[well] + sample[well])
            assert got == pytest.approx(treatment.target, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(LAYOUTS)), st.floats(1.0, 12.0), st.floats(1.0, 9.0))
def test_dilution_conserves(name: str, volume: float, factor: float) -> None:
    layout = LAYOUTS[name]
    final = volume * factor
    try:
        plan = transfer_plan.diluted(Stock("pool:A1", "EV"), volume * ML, BUFFER, final * ML, layout, "bulk:A1")
    except LimitExceeded as error:
        assert "overflows" in str(error) or "too little" in str(error)
        return
    sound(plan, layout)
    assert sum(t.volume for t in plan.transfers) == pytest.approx(final * ML, abs=1e-9)
    assert plan.transfers[-1].liquid == "EV" and plan.transfers[-1].source == "pool:A1"


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(LAYOUTS)), st.integers(1, 72), st.floats(0.2, 3.0))
def test_vials_get_the_same(name: str, vials: int, volume: float) -> None:
    layout = LAYOUTS[name]
    plan = transfer_plan.filled(BULK, vials, volume * ML, layout)
    sound(plan, layout)
    given_to = into(plan, "bulk")
    assert len(given_to) == vials
    assert all(got == pytest.approx(volume * ML) for got in given_to.values())


def test_collecting_brings_all_wells_together() -> None:
    layout = LAYOUTS["star"]
    plan = transfer_plan.collected(96, 98 * UL, layout)
    sound(plan, layout)
    assert into(plan, "loaded") == {"pool:A1": pytest.approx(96 * 98 * UL)}


def test_what_cannot_be_planned() -> None:
    layout = LAYOUTS["ot2"]
    with pytest.raises(LimitExceeded, match=r"plate:A1 overflows .*126 uL.*125 uL"):
        transfer_plan.plate([Treatment(SAMPLE, 116 * UL, CARGO, 1, cargo_volume=10 * UL)], layout)
    with pytest.raises(LimitExceeded, match="too little for any pipette: siRNA"):
        transfer_plan.plate([Treatment(SAMPLE, 90 * UL, CARGO, 1, cargo_volume=0.5 * UL)], layout)
    with pytest.raises(ConfigError, match="stock is too weak"):
        transfer_plan.plate([Treatment(SAMPLE, 90 * UL, CARGO, 1, target=20.0)], layout)
    with pytest.raises(ConfigError, match="too few places"):
        transfer_plan.filled(BULK, 73, 1 * ML, layout)
    assert transfer_plan.plate([Treatment(SAMPLE, 90 * UL, CARGO, 2)], layout).needs.keys() == {"sample:A1"}
