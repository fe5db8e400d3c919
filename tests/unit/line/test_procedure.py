"""The loop over phases that flows and command line share, on the simulated line."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path
from weakref import ref

import pytest

from devices.line_file import line_from_text
from line.api import BatchView
from line.backup import back_up
from line.connect import reached, refuse_known
from line.host import hosted
from line.prepare import Prepared, prepare
from line.procedure import Procedure
from line.record import record_of
from line.state import Command
from records.batch_record import comparable
from records.store import Store
from vesiflow.errors import ConfigError, NoReply

SHORT = Path(__file__).parents[2] / "data" / "recipes" / "short.yaml"

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def short() -> Prepared:
    return prepare(str(SHORT), "sim")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "data")


async def test_all_phases_in_order_and_the_batch_is_complete(short: Prepared, store: Store) -> None:
    seen: list[BatchView] = []
    order: list[str] = []

    async with reached(short.line, store, seed=1) as client:
        procedure = Procedure(client, short.recipe, "b", "me", seen.append)

        async def wrap(phase, run):  # type: ignore[no-untyped-def]
            order.append(phase.key)
            return await run(phase)

        procedure.wrap = wrap
        outcome = await procedure.run()
    assert outcome.complete
    assert outcome.reason == ""
    assert outcome.batch.state == "Complete"
    assert order == [phase.key for phase in short.recipe.phases()]
    assert seen[-1].phases[-1].state == "complete"


async def test_running_it_again_attaches_and_repeats_nothing(short: Prepared, store: Store) -> None:
    async with reached(short.line, store, seed=1) as client:
        first = await Procedure(client, short.recipe, "b", "me").run()
        second = await Procedure(client, short.recipe, "b", "somebody else").run()
    assert first.batch.phases == second.batch.phases


async def test_a_second_batch_of_the_same_seed_has_ids_of_its_own(short: Prepared, store: Store) -> None:
    names = ("batch-1", "batch-2")
    for batch in names:
        async with reached(short.line, store, seed=1) as client:
            assert (await Procedure(client, short.recipe, batch, "me").run()).complete
    first, second = ({action.id for action in record_of(store.batch("sim", name)).actions} for name in names)
    assert first
    assert not first & second


async def test_a_line_hosted_apart_gives_the_same_record(short: Prepared, tmp_path: Path) -> None:
    records = []
    for apart in (False, True):
        store = Store(tmp_path / str(apart))
        async with reached(short.line, store, seed=5, apart=apart) as client:
            await Procedure(client, short.recipe, "b", "me").run()
        records.append(comparable(record_of(store.batch("sim", "b"))))
    assert records[0] == records[1]


async def test_a_line_hosted_apart_that_cannot_be_opened(store: Store) -> None:
    text = prepare(str(SHORT), "sim").line.text.replace("sim://tff/feed", "sim://tff/nothing")
    with pytest.raises(ConfigError, match="feed"):
        async with reached(line_from_text(text), store, apart=True):
            raise AssertionError("opened an instrument that is not there")


async def test_a_unit_procedure_that_the_recipe_has_not(short: Prepared, store: Store) -> None:
    async with reached(short.line, store, seed=1) as client:
        with pytest.raises(ConfigError, match="no such unit procedure"):
            await Procedure(client, short.recipe, "b", "me").run(2)
        assert (await client.line())["batches"] == {}


@pytest.mark.parametrize("apart", [False, True])
async def test_cancelling_stops_the_batch(apart: bool, store: Store) -> None:
    long = prepare("exosome", "sim")
    running = asyncio.Event()

    def watch(view: BatchView) -> None:
        if view.running:
            running.set()

    async with reached(long.line, store, seed=1, apart=apart) as client:
        work = asyncio.create_task(Procedure(client, long.recipe, "b", "me", watch).run())
        await running.wait()
        work.cancel()
        await asyncio.wait({work})
        assert work.cancelled()
        view = await client.batch("b")
    assert (view.state, view.running) == ("Stopped", None)
    assert record_of(store.batch("sim", "b")).header.state == "Stopped"


async def test_a_hold_that_nobody_attends_ends_the_batch(store: Store) -> None:
    long = prepare("exosome", "sim")  # a phase of a short recipe is over before anybody looks
    holds: list[asyncio.Task[BatchView]] = []

    async with reached(long.line, store, seed=1) as client:

        def watch(view: BatchView) -> None:
            if view.state == "Execute" and view.running and not holds:
                holds.append(asyncio.create_task(client.command("b", Command.HOLD, "me", "look at this")))

        outcome = await Procedure(client, long.recipe, "b", "me", watch, attended=False).run()
        await holds[0]
    assert outcome.batch.state == "Stopped"
    assert outcome.failed is not None
    assert outcome.failed.reason == "held: look at this"


async def test_nothing_keeps_a_line_that_is_closed(short: Prepared, store: Store) -> None:
    async with hosted(short.line, store, seed=1) as host:
        await Procedure(host.client, short.recipe, "b", "me").run()
        held = ref(host.controller), ref(host.simulated)
    del host
    gc.collect()
    assert [one() for one in held] == [None, None]


async def test_a_batch_that_is_in_the_data_folder_is_refused(short: Prepared, store: Store) -> None:
    refuse_known(store, short.line, "b")
    async with reached(short.line, store, seed=1) as client:
        await client.create("b", short.recipe, "me")
    with pytest.raises(ConfigError, match="batch b is in"):
        refuse_known(store, short.line, "b")
    refuse_known(store, short.line, "c")


async def test_a_controller_that_is_not_there(short: Prepared, store: Store) -> None:
    with pytest.raises(NoReply, match="no answer from the line controller"):
        async with reached(short.line, store, controller="http://127.0.0.1:1"):
            raise AssertionError("reached a controller that is not there")


async def test_a_backup_verifies_and_reads_like_the_original(short: Prepared, store: Store, tmp_path: Path) -> None:
    async with reached(short.line, store, seed=1) as client:
        await Procedure(client, short.recipe, "b", "me").run()
        copied = back_up(store, tmp_path / "copy")  # while the controller still has the journal open
    assert {path.name for path in copied} == {"journal.sqlite", "telemetry.sqlite", "journal.pub"}
    copy = record_of(Store(tmp_path / "copy").batch("sim", "b"))
    original = record_of(store.batch("sim", "b"))
    assert copy == original
    with pytest.raises(ConfigError, match="exists already"):
        back_up(store, tmp_path / "copy")
