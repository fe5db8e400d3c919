"""Discontinuous diafiltration: dilute and concentrate back, as the closed form says."""

from __future__ import annotations

import pytest

from devices.line_file import load_line
from line.direct.line import manufacture
from protocols.check import check
from protocols.load import loads
from protocols.resolve import resolve
from sim.physics.tff_run import discontinuous_share

LINE = load_line("sim")
STEPS, RATIO = 3, 2.0
RECIPE = """\
recipe: washed
version: 1.0.0
source: {cells: MSC, donor: RB-071, passage: 4, oxygen: 5 %, medium: serum-free}
material:
  medium: {volume: 200 mL, particles: 2.5e9 1/mL, protein: 1 g/L, liquid: medium}
procedure:
  - tff:
      name: capture
      membrane: {cutoff: 300 kDa, area: 235 cm^2, fibres: 30, lumen: 0.5 mm, max_shear: 6000 1/s, max_tmp: 5 psi}
      operations:
        - install_module:
        - flush: {buffer: PBS, volume: 500 mL}
        - load: {source: medium}
        - concentrate: {to: 100 mL}
WASH        - recover: {product: capture}
        - clean: {agent: 0.5 M NaOH, volume: 250 mL, duration: 30 min}
"""
WASH = "        - dilute: {by: 2, buffer: PBS}\n        - concentrate: {to: 100 mL}\n"


def nutrients(steps: int) -> float:
    """Concentration of the medium's small molecules in the product, per m^3."""
    recipe = loads(RECIPE.replace("WASH", WASH * steps))
    assert not [finding for finding in check(recipe, LINE.profile) if finding.severity == "error"]
    made = manufacture(resolve(recipe, LINE.profile), LINE)
    assert made.complete, made.reason
    return made.plant.store.bottles["capture"].content.concentration("nutrients")


def test_steps_wash_as_the_closed_form_says() -> None:
    washed = nutrients(STEPS) / nutrients(0)
    assert washed == pytest.approx(discontinuous_share(STEPS, RATIO, 1.0), rel=0.06)


def test_a_reservoir_that_would_run_over_is_refused() -> None:
    twice = "".join(f"        - dilute: {{by: {by}, buffer: PBS}}\n" for by in (19, 2))
    findings = check(loads(RECIPE.replace("WASH", twice)), LINE.profile)
    assert any("in a reservoir of" in finding.reason for finding in findings if finding.severity == "error")
