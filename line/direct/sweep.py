"""Samples of a study and all its batches, on all cores.

    study = Study("exosome", "sim", (variation, ...), samples=64)
    for row in run(study): ...

Workers are forked where that is safe: they begin with everything imported and read, in a hundredth of a second.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial

from scipy.stats import qmc

from line.direct.study import Row, Study, make, warm
from vesiflow.errors import VesiflowError

FORK = sys.platform == "linux"
"""Elsewhere a forked process may die in system libraries: workers are started anew."""
SHARES = 8
"""Shares of the work a worker fetches: few enough to cost nothing, many enough that all end together."""


def points(study: Study) -> list[tuple[float, ...]]:
    """The values of each sample; Sobol points are rounded up to a power of two, as their balance needs."""
    sampler: qmc.QMCEngine
    if study.method == "sobol":
        sampler = qmc.Sobol(len(study.variations), seed=study.seed)
        count = 1 << (study.samples - 1).bit_length()
    else:
        sampler, count = qmc.LatinHypercube(len(study.variations), seed=study.seed), study.samples
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # scipy warns of unbalanced counts only
        shares = sampler.random(count)
    return [tuple(v.value(float(s)) for v, s in zip(study.variations, row, strict=True)) for row in shares]


def run(study: Study, cores: int | None = None) -> Iterator[Row]:
    """All rows in the order of the samples; on one core nothing is spawned.

    Workers start at the call, before whoever shows the progress starts a thread. VesiflowError when one dies.
    """
    numbered = list(enumerate(points(study), 1))
    workers = min(cores or os.cpu_count() or 1, len(numbered))
    one = partial(make, study)
    warm(study)
    if workers == 1:
        return map(one, numbered)
    context = multiprocessing.get_context("fork" if FORK else "spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(study,))
    return _rows(pool, pool.map(one, numbered, chunksize=max(1, len(numbered) // (SHARES * workers))))


def _begin(study: Study) -> None:
    """A worker leaves Ctrl-C to the process that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warm(study)


def _rows(pool: ProcessPoolExecutor, made: Iterable[Row]) -> Iterator[Row]:
    with pool:
        try:
            yield from made
        except BrokenProcessPool:
            raise VesiflowError(
                "a worker process died", action="explore", remedy="is there enough memory? try fewer --cores"
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
