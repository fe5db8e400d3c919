"""Progress as people see it: shares, process times, readings, plain lines."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from console.progress import Lines, done, elapsed, readings, shown
from line.api import BatchView, PhaseView
from line.prepare import prepare
from protocols.control import ControlRecipe

from .conftest import SHORT


@pytest.fixture(scope="module")
def recipe() -> ControlRecipe:
    return prepare(str(SHORT), "sim").recipe


def view(recipe: ControlRecipe, complete: int, running: bool, **changes: object) -> BatchView:
    """A batch with `complete` phases behind it, 100 s each, and perhaps the next one running since 50 s."""
    phases = []
    for number, phase in enumerate(recipe.phases()):
        state = "complete" if number < complete else "running" if running and number == complete else "idle"
        started = 100.0 * number if state != "idle" else None
        ended = 100.0 * (number + 1) if state == "complete" else None
        phases.append(PhaseView(key=phase.key, kind=phase.kind, state=state, started=started, ended=ended, reason=""))
    batch = BatchView(
        id="b",
        recipe=recipe.recipe,
        state="Execute",
        reason="",
        now=100.0 * complete + 50.0,
        running=phases[complete].key if running else None,
        progress=0.5,
        readings={"tff.tmp": 13790.0, "tff.flux": 1.1e-5, "something.else": 1.0},
        phases=phases,
    )
    return batch.model_copy(update=changes)


def test_done_is_weighted_by_expected_durations(recipe: ControlRecipe) -> None:
    (procedure,) = recipe.unit_procedures
    assert done(procedure, view(recipe, 0, False)) == 0.0
    assert done(procedure, view(recipe, 4, False)) == 1.0
    durations = [phase.duration for phase in procedure.phases()]
    half_way = (durations[0] + durations[1] / 2) / sum(durations)
    assert done(procedure, view(recipe, 1, True)) == pytest.approx(half_way)


def test_elapsed_counts_process_time(recipe: ControlRecipe) -> None:
    (procedure,) = recipe.unit_procedures
    assert elapsed(procedure, view(recipe, 0, False)) == 0.0
    assert elapsed(procedure, view(recipe, 1, True)) == 150.0
    assert elapsed(procedure, view(recipe, 4, False)) == 400.0


def test_readings_are_in_units_of_the_bench(recipe: ControlRecipe) -> None:
    assert readings(view(recipe, 1, True)) == "transmembrane pressure 2 psi, permeate flux 39.6 LMH"


def test_plain_lines_tell_every_operation_once_and_a_hold(recipe: ControlRecipe) -> None:
    out = io.StringIO()
    lines = Lines(Console(file=out, width=100))
    lines(view(recipe, 1, True))
    lines(view(recipe, 1, True))
    lines(view(recipe, 2, True))
    lines(view(recipe, 2, True, state="Held", reason="TMP too high"))
    lines(view(recipe, 2, True, state="Held", reason="TMP too high"))
    told = [line.split("  ", 1)[-1].strip() for line in out.getvalue().splitlines()]
    assert [line.rpartition("  ")[2] for line in told] == [
        "1-tff/1-install_module",
        "1-tff/2-load",
        "1-tff/3-concentrate",
        "Held: TMP too high",
    ]


def test_bars_on_a_terminal(recipe: ControlRecipe) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=160, color_system=None)
    with shown(recipe, quiet=False, console=console) as watch:
        assert watch is not None
        watch(view(recipe, 2, True))
    text = out.getvalue()
    assert "1 capture" in text
    assert "1-tff/3-concentrate" in text
    assert "transmembrane pressure 2 psi" in text


def test_quiet_watches_nothing(recipe: ControlRecipe) -> None:
    with shown(recipe, quiet=True) as watch:
        assert watch is None
