"""96 transfers by our layer and directly by each library, in one run: `python -m benchmarks.liquid_handling`.

What ours adds is planning, checks and read-back; the journal is measured apart, in wall time, for it waits for the
disk. Everything else runs in this process, so the processor's time is compared: a machine that others use slows
neither side. Rounds alternate and the fastest of each counts. Writes benchmarks/results/liquid_handling.json.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import platform
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from pylabrobot.liquid_handling import LiquidHandler
from pylabrobot.liquid_handling.backends.chatterbox import LiquidHandlerChatterboxBackend
from pylabrobot.liquid_handling.backends.hamilton.STAR_chatterbox import STARChatterboxBackend
from pylabrobot.resources import set_tip_tracking, set_volume_tracking

from devices.deck import DeckState
from devices.deck_file import load_deck_file
from devices.drivers.opentrons_http import OpentronsHttp, OpentronsOptions
from devices.drivers.plr import PlrLiquidHandler, PlrOptions
from devices.drivers.plr_deck import load_deck
from devices.http_link import open_http
from devices.labware.definition import well_names
from devices.opentrons.plan import moves
from devices.opentrons.protocol import custom_labware, protocol_text
from devices.readings import Transfer
from records.journal import Journal
from sim import bench, lines
from vesiflow.clock import VirtualClock

RESULTS = Path(__file__).parent / "results" / "liquid_handling.json"
ROUNDS = 15
WELLS = well_names(12, 8)
ORDER = [Transfer("sample:A1", f"plate:{well}", 50e-9, "EV", tips="same") for well in WELLS]
POLL = 5.0  # s of simulated time, the same on both sides

Timed = Callable[[], Awaitable[float]]


async def timed(work: Awaitable[Any]) -> float:
    """Seconds of computing that `work` takes, its chatter kept off the terminal."""
    with contextlib.redirect_stdout(io.StringIO()):
        begun = time.process_time()
        await work
        return time.process_time() - begun


def ours_plr(backend: str) -> Timed:
    """96 transfers as one order to our driver."""

    async def once() -> float:
        driver = PlrLiquidHandler(None, VirtualClock(), PlrOptions.model_validate({"backend": backend}))
        await driver.connect()

        async def work() -> None:
            await driver.transfer(ORDER)
            await driver.drop_tips()

        return await timed(work())

    return once


def direct_plr(make: Callable[[], Any]) -> Timed:
    """The same columns and tips, written against PyLabRobot."""

    async def once() -> float:
        set_volume_tracking(True)
        set_tip_tracking(True)
        with contextlib.redirect_stdout(io.StringIO()):
            handler = LiquidHandler(backend=make(), deck=load_deck("sim"))
            await handler.setup()
        plate, sample = handler.deck.get_resource("plate"), handler.deck.get_resource("sample")
        sample.tracker.set_volume(10_000.0)
        tips = handler.deck.get_resource("tips_50_1")
        channels = list(range(8))

        async def work() -> None:
            await handler.pick_up_tips([tips.get_item(f"{row}1") for row in "ABCDEFGH"], use_channels=channels)
            for column in range(1, 13):
                wells = [plate.get_item(f"{row}{column}") for row in "ABCDEFGH"]
                await handler.aspirate([sample] * 8, [50.0] * 8, use_channels=channels)
                await handler.dispense(wells, [50.0] * 8, use_channels=channels)
            await handler.discard_tips()

        return await timed(work())

    return once


async def _on_robot(work: Callable[[VirtualClock], Awaitable[Callable[[], Awaitable[Any]]]]) -> float:
    """Time `work` against a fresh emulated OT-2 with a sample and a plate."""
    clock = VirtualClock()
    simulated = lines.build({}, clock.now)

    async def act() -> float:
        with bench.using(simulated.bench):
            simulated.plant.people.act("place on deck", {"bottle": "exchange", "position": "sample"}, {})
            simulated.plant.people.act("place plate", {"plate": "P1"}, {})
            return await timed((await work(clock))())

    return await clock.spawn(act(), "robot")


async def ours_opentrons() -> float:
    """96 transfers as one order to our driver: planned, compared, run, read back."""

    async def prepare(clock: VirtualClock) -> Callable[[], Awaitable[Any]]:
        link = await open_http("sim://bench/ot2", "robot", clock, ())
        driver = OpentronsHttp(link, clock, OpentronsOptions.model_validate({"poll": f"{POLL} s"}))
        await driver.connect()
        return lambda: driver.transfer(ORDER)

    return await _on_robot(prepare)


async def direct_opentrons() -> float:
    """The same protocol file sent with plain httpx: upload, analysis, run, poll to the end."""
    deck = load_deck_file("ot2")
    found = moves(ORDER, deck, DeckState())
    text, labware = protocol_text(found, len(ORDER), deck), custom_labware(found, deck)
    files = [("files", ("protocol.py", text.encode(), "text/x-python"))]
    files += [("files", (name, json.dumps(data).encode(), "application/json")) for name, data in labware.items()]

    async def prepare(clock: VirtualClock) -> Callable[[], Awaitable[Any]]:
        link = await open_http("sim://bench/ot2", "robot", clock, ())
        http = link.transport.client
        http.headers["Opentrons-Version"] = "4"

        async def data(answer: Awaitable[httpx.Response]) -> Any:
            return (await answer).raise_for_status().json()["data"]

        async def work() -> None:
            protocol = (await data(http.post("/protocols", files=files)))["id"]
            while (await data(http.get(f"/protocols/{protocol}")))["analysisSummaries"][-1]["status"] != "completed":
                await clock.sleep(POLL)
            await data(http.get(f"/protocols/{protocol}/analyses/{protocol}-analysis"))
            run = (await data(http.post("/runs", json={"data": {"protocolId": protocol}})))["id"]
            await data(http.post(f"/runs/{run}/actions", json={"data": {"actionType": "play"}}))
            while (await data(http.get(f"/runs/{run}")))["status"] != "succeeded":
                await clock.sleep(POLL)
            for cursor in range(0, 600, 200):
                await http.get(f"/runs/{run}/commands", params={"cursor": cursor, "pageLength": 200})

        return work

    return await _on_robot(prepare)


def journal() -> float:
    """Intent and outcome of twelve orders of eight transfers, on the disk; s."""
    with tempfile.TemporaryDirectory() as folder:
        book = Journal(Path(folder) / "journal.sqlite", VirtualClock(), code_version="bench", boot_id="bench")
        begun = time.perf_counter()
        for first in range(0, 96, 8):
            intent = book.intent(
                "b", "p", "electroporation.liquid_handler", "transfer", [ORDER[first : first + 8]], "X", "reply",
                None, "", "sim", 1,
            )  # fmt: skip
            book.outcome(intent, "DONE", "reply", None, None, "read back")
        taken = time.perf_counter() - begun
        book.close()
    return taken


PAIRS: dict[str, tuple[Timed, Timed]] = {
    "PyLabRobot chatterbox": (ours_plr("chatterbox"), direct_plr(LiquidHandlerChatterboxBackend)),
    "STAR chatterbox": (ours_plr("star_chatterbox"), direct_plr(STARChatterboxBackend)),
    "emulated OT-2": (ours_opentrons, direct_opentrons),
}


def main() -> None:
    """Print a table and keep the results."""
    rows = {}
    print(f"{'96 transfers':24}{'ours':>10}{'direct':>10}{'overhead':>10}")
    for name, (ours, direct) in PAIRS.items():
        best = [float("inf"), float("inf")]
        for _ in range(ROUNDS):
            for side, work in enumerate((ours, direct)):
                best[side] = min(best[side], asyncio.run(_awaited(work)))
        rows[name] = {"ours_s": best[0], "direct_s": best[1], "overhead": best[0] / best[1] - 1.0}
        print(f"{name:24}{best[0]:9.3f}s{best[1]:9.3f}s{rows[name]['overhead']:10.1%}")
    written = min(journal() for _ in range(ROUNDS))
    print(f"{'journal, 12 orders':24}{written:9.3f}s")
    found = {"when": datetime.now(UTC).isoformat(), "python": platform.python_version(),
             "machine": platform.platform(), "rounds": ROUNDS, "pairs": rows, "journal_s": written}  # fmt: skip
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


async def _awaited(work: Timed) -> float:
    return await work()


if __name__ == "__main__":
    main()
