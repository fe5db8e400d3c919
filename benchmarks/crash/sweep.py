"""Which places to die at, and the verdicts: a plan of trials, run one after the other or in several processes."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

from benchmarks.crash.judge import differences
from benchmarks.crash.trial import GAP, RECIPES, Result, run

BORDERS = ("journal",)
MOST_DEATHS = 3


@dataclass(frozen=True)
class Trial:
    """One batch and the places at which its controller dies, life after life."""

    recipe: str
    deaths: tuple[int, ...]
    gap: float = GAP


@dataclass(frozen=True)
class Verdict:
    """What a trial showed."""

    trial: Trial
    end: str
    where: tuple[str, ...]
    repeated: tuple[str, ...]
    lost: tuple[str, ...]
    chain: str

    @property
    def converged(self) -> bool:
        """Complete, or held with a reason."""
        return self.end == "Complete" or (self.end.startswith("Held: ") and len(self.end) > len("Held: "))

    @property
    def good(self) -> bool:
        """Nothing repeated, nothing lost, an end that says why, a journal that holds."""
        return self.converged and not self.repeated and not self.lost and not self.chain


@lru_cache
def whole(recipe: str) -> Result:
    """The batch without any death: what must happen, and where it can die."""
    result = run(recipe)
    if not result.complete:
        raise RuntimeError(f"{recipe} does not complete by itself: {result.end}")
    return result


def judged(trial: Trial) -> Verdict:
    """Run a trial and compare what happened with the uninterrupted batch."""
    expected = whole(trial.recipe)
    found = run(trial.recipe, trial.deaths, gap=trial.gap)
    repeated, lost = differences(expected.deeds, found.deeds, len(found.deaths), gap=trial.gap, over=found.complete)
    return Verdict(trial, found.end, tuple(found.deaths), tuple(repeated), tuple(lost), found.chain)


def enumerated(points: int, recipes: Sequence[str] = RECIPES) -> list[Trial]:
    """At least every journal border of every batch, and as many of the bytes as `points` leaves room for."""
    trials: list[Trial] = []
    bytes_: list[Trial] = []
    for recipe in recipes:
        for number, name in enumerate(whole(recipe).places, 1):
            (trials if name.startswith(BORDERS) else bytes_).append(Trial(recipe, (number,)))
    room = max(points - len(trials), 0)
    return trials + spread(bytes_, room)


def exchanges(recipes: Sequence[str]) -> list[Trial]:
    """Every exchange over HTTP, before and after it, of batches with a robot that has a network."""
    return [
        Trial(recipe, (number,))
        for recipe in recipes
        for number, name in enumerate(whole(recipe).places, 1)
        if name.startswith("http")
    ]


def spread(items: Sequence[Trial], count: int) -> list[Trial]:
    """`count` of them, evenly."""
    if count >= len(items):
        return list(items)
    return [items[int(n * len(items) / count)] for n in range(count)]


def at_random(count: int, seed: int, recipes: Sequence[str] = RECIPES) -> list[Trial]:
    """Trials with one to three deaths at any place, restarts included, after pauses of up to two minutes."""
    rng = random.Random(seed)
    trials = []
    for _ in range(count):
        recipe = rng.choice(list(recipes))
        first = rng.randint(1, len(whole(recipe).places))
        more = [rng.randint(1, 400) for _ in range(rng.choice((0, 0, 1, MOST_DEATHS - 1)))]
        trials.append(Trial(recipe, (first, *more), round(rng.uniform(0.0, 5.0), 2)))
    return trials


def verdicts(trials: Iterable[Trial], jobs: int = 1) -> Iterator[Verdict]:
    """All of them, in order."""
    if jobs == 1:
        yield from map(judged, trials)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(judged, trials, chunksize=4)


def summary(found: Sequence[Verdict]) -> Mapping[str, int]:
    """The counts of a table row."""
    return {
        "trials": len(found),
        "complete": sum(one.end == "Complete" for one in found),
        "held": sum(one.converged and one.end != "Complete" for one in found),
        "repeated": sum(bool(one.repeated) for one in found),
        "lost": sum(bool(one.lost) for one in found),
        "other": sum(not one.converged or bool(one.chain) for one in found),
    }
