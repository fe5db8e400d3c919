"""Random recipes on the direct line: whatever comes of them, nothing is lost and nothing is made."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.line_file import load_line
from line.direct.line import manufacture
from protocols.load import load
from protocols.resolve import resolve
from protocols.vary import find, varied
from sim.ledger import balance
from vesiflow.errors import ConfigError

LINE, MASTER = load_line("sim"), load("exosome")


def value(low: float, high: float, unit: str) -> st.SearchStrategy[str]:
    return st.floats(low, high).map(lambda number: f"{number:.4g} {unit}".rstrip())


PARAMETERS = {
    "medium.volume": value(0.5, 2.2, "L"),
    "medium.particles": value(1e8, 1e10, "1/mL"),
    "medium.protein": value(0.05, 5.0, "g/L"),
    "procedure[0].tff.shear": value(1000.0, 7900.0, "1/s"),
    "procedure[0].tff.tmp": value(0.5, 4.0, "psi"),
    "procedure[0].tff.operations[3].concentrate.to": value(50.0, 300.0, "mL"),
    "procedure[0].tff.operations[4].diafilter.volumes": value(1.0, 9.0, ""),
    "procedure[0].tff.operations[5].concentrate.to": value(8.0, 40.0, "mL"),
    "inject.volume": value(5.0, 28.0, "mL"),
    "elute.fraction": value(2.0, 14.0, "mL"),
    "pulse.field": value(200.0, 2000.0, "V/cm"),
    "formulate.concentration": value(5e9, 1e11, "1/mL"),
    "primary_drying.temperature": value(-38.0, 20.0, "degC"),
    "primary_drying.max_duration": value(5.0, 60.0, "h"),
    "secondary_drying.duration": value(0.5, 8.0, "h"),
}
STRATEGY = st.fixed_dictionaries({}, optional=PARAMETERS)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(STRATEGY, st.integers(0, 3))
def test_a_batch_neither_makes_nor_loses_anything(values: dict[str, str], seed: int) -> None:
    """Volume, vesicles, proteins, lipoproteins, cargo and every salt, to 1e-6 over the whole batch."""
    recipe = varied(MASTER, {find(MASTER, path): text for path, text in values.items()})
    try:
        control = resolve(recipe, LINE.profile)
    except ConfigError:
        return
    made = manufacture(control, LINE, seed=seed)
    assert made.complete or made.reason
    assert "internal error" not in made.reason
    for name, account in balance(made.plant.ledger, made.plant.contents()).items():
        assert account.error < 1e-6, name
