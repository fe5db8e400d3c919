"""A short recipe, and the command line called in this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import pytest

from console.cli import execute
from devices.line_file import load_line
from devices.readdress import readdressed
from sim import lines
from sim.wire import server
from vesiflow.clock import ScaledClock

SHORT = Path(__file__).parents[2] / "data" / "recipes" / "short.yaml"


class Result(NamedTuple):
    """What a command left: exit code and both outputs."""

    code: int
    out: str
    err: str


SICK_BALANCE = "sensors: {tff.retentate_balance: {gain: -0.6}}"
"""Reads less than half of what is loaded: the phase `load` refuses."""
SICK_PRESSURE = "sensors: {tff.feed_pressure: {bias: 120000}}"
"""Reads 1.2 bar too much: the membrane's limit of TMP is exceeded and the unit is held."""

Cli = Callable[..., Result]


@pytest.fixture
def short() -> str:
    """Path of a recipe of a few minutes."""
    return str(SHORT)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """`cli("check", "exosome")` as if typed in a shell, in this process."""

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        code = execute([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture
def line_with(tmp_path: Path) -> Callable[[str], Path]:
    """`line_with("sensors: {...}")`: the packaged simulated line with another truth behind it."""

    def write(truth: str) -> Path:
        text = files("deployments").joinpath("lines/sim.yaml").read_text(encoding="utf-8")
        changed = text[: text.index("\nsimulation: ")] + f"\nsimulation: {{{truth}, seed: 1}}\n"
        path = tmp_path / "line.yaml"
        path.write_text(changed, encoding="utf-8")
        return path

    return write


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Path]:
    """A line file whose instruments answer over TCP, each at a port of its own; real time, 20 times as fast."""
    ready, over = threading.Event(), threading.Event()
    path = tmp_path / "served.yaml"
    addresses: dict[str, str] = {}
    thread = threading.Thread(target=lambda: asyncio.run(_serve(addresses, ready, over)), name="served line")
    thread.start()
    assert ready.wait(30.0)
    path.write_text(readdressed(load_line("sim"), addresses, "served", 1.0), encoding="utf-8")
    yield path
    over.set()
    thread.join()


async def _serve(addresses: dict[str, str], ready: threading.Event, over: threading.Event) -> None:
    line = load_line("sim")
    assert line.simulation is not None
    clock = ScaledClock(20.0)
    bench = lines.build(line.simulation, clock.now, seed=1, utc=clock.utc).bench
    endpoints = await server.serve(bench, clock, tcp_base=0)
    addresses.update({f"sim://{item.address}": item.where for item in endpoints})
    ready.set()
    await asyncio.get_running_loop().run_in_executor(None, over.wait)
    await server.close(endpoints)
