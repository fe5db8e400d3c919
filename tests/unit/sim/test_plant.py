"""The whole plant: whatever people, pumps, valves, robot and pulser do, nothing is lost and nothing is made."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.physics.electroporation import Settings

ML_MIN = 1e-6 / 60.0
BOTTLES = ("medium", "capture", "pool", "exchange", "loaded", "washed", "bulk", "product")

bottle = st.sampled_from(BOTTLES)
volume = st.floats(1e-6, 2e-4)
step = st.one_of(
    st.tuples(st.just("hang"), bottle, volume),
    st.tuples(st.just("recover"), bottle, st.floats(10.0, 400.0)),
    st.tuples(st.just("filter"), st.floats(0.0, 30.0), st.floats(10.0, 2000.0)),
    st.tuples(st.just("buffer"), st.sampled_from(["PBS", "0.5 M NaOH", "pulse buffer"]), volume),
    st.tuples(st.just("loop"), bottle, volume),
    st.tuples(st.just("elute"), st.integers(0, 4), st.floats(60.0, 3000.0)),
    st.tuples(st.just("valves"), st.integers(1, 4), st.integers(1, 2)),
    st.tuples(st.just("pool"), bottle, st.integers(1, 4)),
    st.tuples(st.just("pipette"), bottle, st.sampled_from(["plate", "vials", "pool"])),
    st.tuples(st.just("pulse"), st.integers(1, 12), st.floats(10.0, 500.0)),
    st.tuples(st.just("plate"), st.just(0), st.just(0)),
    st.tuples(st.just("dry"), st.floats(0.1, 30.0), st.floats(-50.0, 30.0)),
    st.tuples(st.just("unload"), st.just(0), st.just(0)),
    st.tuples(st.just("sample"), bottle, st.just(0)),
)


class Chaos:
    """Carries out random steps; what people refuse is refused."""

    def __init__(self, rig: Any) -> None:
        self.rig = rig
        self.plant = rig.plant
        rig.mount()
        rig.ask("place plate", plate="P")

    def do(self, what: str, first: Any, second: Any) -> None:
        try:
            getattr(self, f"_{what}")(first, second)
        except ValueError as refusal:
            assert str(refusal)

    def _hang(self, name: str, amount: float) -> None:
        self.rig.ask("hang bottle", bottle=name, volume=amount)

    def _recover(self, name: str, seconds: float) -> None:
        self.rig.drain(name, seconds)

    def _filter(self, flow: float, seconds: float) -> None:
        self.rig.run(permeate=flow)
        self.rig.skid.set_pump(1, 0.9 * flow * ML_MIN, self.rig.t)
        self.rig.wait(seconds, 30.0)
        self.rig.stop()

    def _buffer(self, name: str, amount: float) -> None:
        self.rig.ask("fill buffer", buffer=name, volume=amount)

    def _loop(self, name: str, amount: float) -> None:
        self.rig.ask("load loop", bottle=name, volume=amount)

    def _elute(self, tube: int, seconds: float) -> None:
        sec = self.plant.sec
        sec.go_to(tube, self.rig.t)
        sec.divert(tube == 0, self.rig.t)
        sec.set_flow((5.0 + tube / 10.0) * ML_MIN, self.rig.t)
        self.rig.t += seconds
        assert sec.absorbance(self.rig.t) >= 0.0
        sec.set_flow(0.0, self.rig.t)

    def _valves(self, selector: int, injector: int) -> None:
        self.plant.sec.select(selector, self.rig.t)
        self.plant.sec.inject(injector, self.rig.t)

    def _pool(self, name: str, tube: int) -> None:
        self.rig.ask("pool fractions", bottle=name, tubes=str(tube))

    def _pipette(self, name: str, target: str) -> None:
        self.rig.ask("place on deck", bottle=name, position="sample")
        self.rig.ask("place on deck", bottle="product", position="pool")
        deck = self.plant.deck
        if 0 in deck.tips:  # a refusal left it there
            deck.act("drop_tips", [{"channel": 0, "resource": "trash", "well": "A1"}], self.rig.t)
        spot = f"A{len(deck.taken) % 12 + 1}"
        place = {"channel": 0, "resource": "tips_1000_1", "well": spot}
        for op, resource, ul in (
            ("pick_up_tips", "", 0),
            ("aspirate", "sample", 90),
            ("dispense", target, 90),
            ("drop_tips", "trash", 0),
        ):
            where = (
                place if op == "pick_up_tips" else {"channel": 0, "resource": resource, "well": "A1", "volume_ul": ul}
            )
            self.rig.t += deck.act(op, [where], self.rig.t)

    def _pulse(self, column: int, voltage: float) -> None:
        self.rig.ask("move plate", to="electroporator")
        self.plant.station.column = 1 if column < 7 else column
        self.plant.station.fire(Settings(voltage, 2e-3, 125e-6), self.rig.t)

    def _plate(self, *_: Any) -> None:
        self.rig.ask("place plate", plate="P")

    def _dry(self, hours: float, temperature: float) -> None:
        dryer = self.plant.dryer
        if not dryer.count:
            self.rig.ask("load vials", vials=4)
        dryer.run_shelf(True, self.rig.t)
        dryer.set_shelf(temperature, self.rig.t)
        dryer.switch(2, temperature < 0.0, self.rig.t)
        self.rig.t += hours * 3600.0
        dryer.advance(self.rig.t)

    def _unload(self, *_: Any) -> None:
        self.rig.ask("unload vials", vials=4)

    def _sample(self, name: str, _: Any) -> None:
        self.rig.ask("sample", {"particles": "1/mL", "protein": "ug/mL"}, bottle=name, point="x")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(step, min_size=3, max_size=25))
def test_the_balance_closes_over_the_whole_plant(new_rig: Any, script: list[tuple[str, Any, Any]]) -> None:
    chaos = Chaos(new_rig())
    for one in script:
        chaos.do(*one)
    for name, account in chaos.plant.balance().items():
        assert account.error < 1e-6, (name, account)
    for content in chaos.plant.contents():
        assert min(content.amounts.values(), default=0.0) >= -1e-9
        assert content.volume >= 0.0


def test_the_balance_notices_a_loss(rig: Any) -> None:
    rig.plant.store.bottle("medium", 1e-3)
    assert rig.closed()
    rig.plant.store.bottles["medium"].take(1e-6)  # nobody wrote down where it went
    accounts = rig.plant.balance()
    assert accounts["particles"].error == pytest.approx(1e-3, rel=1e-6)
    assert accounts["volume"].error > 1e-4


def test_units_stand_still_until_somebody_looks(rig: Any) -> None:
    rig.mount()
    rig.ask("hang bottle", bottle="medium", volume=1e-3)
    rig.run()
    at = rig.skid.at
    rig.t += 600.0
    assert rig.skid.at == at
    rig.plant.advance()
    assert rig.skid.at == rig.t
    assert rig.skid.permeate_mass(rig.t) == pytest.approx(0.2, rel=0.05)
