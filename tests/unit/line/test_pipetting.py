"""Pipetting through the controller on the simulated line: crashes in the middle, and nothing is pipetted twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest

from devices.commands import read
from devices.deck import DeckState, Layout
from devices.http_link import HttpLink
from devices.labware.definition import definitions
from devices.labware.opentrons import schema2
from devices.line_file import LineFile, line_from_text
from line import deck_ledger as ledger
from line.host import Host, World, hosted, make_world
from line.state import Command, State
from protocols.control import ControlRecipe, Operation, Phase, UnitProcedure
from protocols.phases import FillVials, LoadVials, PreparePlate
from records import robot_runs
from records.batch_record import build
from records.journal_reader import JournalReader
from records.report import html
from records.store import Store
from vesiflow.errors import NoReply, Refused, VesiflowError
from vesiflow.ids import canonical

UL = 1e-9
ROLE = "electroporation.liquid_handler"
KEY = "1-electroporation/1-prepare/1"
PLR = 'robot:         {driver: plr, at: "sim://bench/robot"}'


def line(robot: str = PLR) -> LineFile:
    text = (files("deployments") / "lines" / "sim.yaml").read_text(encoding="utf-8")
    assert PLR in text
    return line_from_text(text.replace(PLR, robot), "sim.yaml")


def opentrons(kind: str) -> str:
    return f'robot: {{driver: opentrons_http, at: "sim://bench/{kind}", deck: {kind}, recovery: stop}}'


def recipe(wells: int = 16) -> ControlRecipe:
    params = PreparePlate("exchange", "siRNA", wells, 90 * UL, 10 * UL, 0.02)
    phase = Phase(KEY, "electroporation.prepare", "electroporation", params, 1.0)
    return ControlRecipe(
        "plate", "1", "sim", (UnitProcedure(1, "load", "electroporation", (Operation("prepare", (phase,)),)),)
    )


@dataclass
class Rig:
    """A controller that prepares a plate, and the world it does it in."""

    host: Host
    world: World

    @property
    def plant(self) -> Any:
        assert self.world.simulated is not None
        return self.world.simulated.plant

    def start(self) -> None:
        self.host.controller.create("b1", recipe(), "test")
        self.host.controller.start_phase("b1", KEY)

    async def until(self, *states: State, key: str = KEY) -> None:
        """Let time pass until the batch is in one of these states or its phase has ended."""
        clock = self.host.clock

        async def wait() -> None:
            batch = self.host.controller.batch("b1")
            end = clock.now() + 40_000.0
            while batch.state not in states and not batch.phases[key].finished.is_set():
                assert clock.now() < end, (batch.state, batch.reason)
                await clock.sleep(5.0)

        await clock.spawn(wait(), "watch")

    async def command(self, command: Command) -> None:
        await self.host.controller.command("b1", command, "Ada", "test")

    def volume(self, well: str) -> float:
        return float(self.plant.station.well(well).volume / UL)

    def drawn(self, place: str) -> int:
        return sum(1 for event in self.plant.ledger.of("aspirate") if event.details["place"] == place)

    def books(self) -> ledger.Books:
        journal = self.host.controller.journal
        roles = frozenset({"electroporation.liquid_handler", "lyophilization.liquid_handler"})
        return ledger.fold(journal.events(None, ledger.KINDS), journal.intents(None, ledger.VERB), roles)

    def transfers(self) -> Counter[str]:
        """Entries of single transfers by what became of them; none twice."""
        entries = self.host.controller.journal.events("b1", (ledger.TRANSFER,))
        assert len({(one.data["intent"], one.data["number"]) for one in entries}) == len(entries)
        return Counter(str(one.data["state"]) for one in entries)

    def doubts(self) -> list[str]:
        return [intent.id for intent in self.host.controller.journal.in_doubt("b1")]

    def state(self, key: str = KEY) -> str:
        return self.host.controller.batch("b1").phases[key].state


@asynccontextmanager
async def rigged(folder: Path, robot: str = PLR, world: World | None = None) -> AsyncIterator[Rig]:
    file = line(robot)
    here = world or make_world(file, 1)
    async with hosted(file, Store(folder), seed=1, world=here) as host:
        yield Rig(host, here)


def layout_of(rig: Rig) -> Layout:
    return rig.host.controller.line.roles[ROLE]._layout  # type: ignore[no-any-return]


def lose_after(rig: Rig, op: str, number: int) -> None:
    """Pull the robot's cable when it has done its `number`-th `op`."""
    deck, act = rig.plant.deck, rig.plant.deck.act
    left = [number]

    def counted(what: str, channels: Any, now: float) -> float:
        seconds: float = act(what, channels, now)
        left[0] -= what == op
        if left[0] == 0 and what == op:
            assert rig.world.simulated is not None
            rig.world.simulated.bench.unplugged.add("bench/robot")
        return seconds

    deck.act = counted


async def test_a_plate_as_the_books_say(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        rig.start()
        await rig.until()
        assert rig.state() == "complete"
        books = rig.books()
        for well in ("A1", "H2"):
            assert books.content(f"plate:{well}").volume == pytest.approx(100 * UL)
            assert rig.volume(well) == pytest.approx(100.0, rel=0.03)
        assert books.content("plate:A1").liquids == pytest.approx({"exchange": 90 * UL, "siRNA": 10 * UL})
        assert books.used_tips and rig.volume("A3") == 0.0
        record = build(JournalReader(rig.host.controller.journal.path), "b1")
        (deck,) = record.decks
        assert deck.phase == KEY and deck.volumes["plate:A1"] == pytest.approx(100 * UL)
        assert deck.layout.labware["plate"].centres["H12"] == pytest.approx(
            layout_of(rig).labware["plate"].centres["H12"]
        )
        assert set(deck.used_tips) == books.used_tips
        assert "deck sim" in html(record) and "electroporation.liquid_handler after" in html(record)


async def test_cable_lost_between_aspirate_and_dispense(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        lose_after(rig, "aspirate", 2)
        rig.start()
        await rig.until(State.HELD)
        (doubt,) = rig.doubts()
        books = rig.books()
        assert books.content("plate:A1").volume == pytest.approx(90 * UL)
        assert books.content("sample:A1").volume is None
        assert books.content("plate:A2").volume == 0.0  # the robot was never told to give
        with pytest.raises(Exception, match="in doubt"):
            await rig.command(Command.UNHOLD)
        assert rig.transfers() == {"DONE": 8, "UNKNOWN": 8}
        moved = rig.drawn("sample:A1")
        rig.host.controller.resolve(doubt, "not_done", "Ada", "column 2 is empty")
        assert rig.books().content("plate:A2").volume == 0.0
        assert rig.drawn("sample:A1") == moved  # deciding moves nothing


@pytest.mark.parametrize("kind", ["ot2", "flex"])
@pytest.mark.parametrize(("verdict", "again"), [("not_done", 1), ("done", 0)])
async def test_opentrons_goes_on_where_its_run_ended(tmp_path: Path, kind: str, verdict: str, again: int) -> None:
    step = 8 if kind == "flex" else 1
    async with rigged(tmp_path, opentrons(kind)) as rig:
        assert rig.world.simulated is not None
        machine = rig.world.simulated.robots[f"bench/{kind}"]
        machine.fail("dispense", 2)
        rig.start()
        await rig.until(State.HELD)
        (doubt,) = rig.doubts()
        books = rig.books()
        assert books.content("plate:A1").volume == pytest.approx(90 * UL)
        unsure = "plate:A2" if kind == "flex" else "plate:B1"
        assert books.content(unsure).volume is None
        rig.host.controller.resolve(doubt, verdict, "Ada", "looked at the plate")
        sample = rig.plant.store.bottle("exchange").volume
        rig.host.controller.journal.event(
            ledger.DECLARED, "b1", role="electroporation.liquid_handler", place="sample:A1", volume=sample,
            liquid="exchange", by="Ada",
        )  # fmt: skip
        await rig.command(Command.UNHOLD)
        await rig.until()
        assert rig.state() == "complete"
        assert rig.volume("A1") == pytest.approx(100.0, rel=0.03)  # never twice
        assert rig.volume("H2" if kind == "ot2" else "H1") == pytest.approx(100.0, rel=0.03)
        assert rig.transfers()["DONE"] == 32 - (0 if again else step) and rig.transfers()["UNKNOWN"] == step
        first, second = machine.runs
        assert rig.drawn("sample:A1") == 16 + step * again
        assert first.status == ("stopped" if kind == "flex" else "failed") and second.status == "succeeded"


async def test_protocol_analysis_and_run_of_the_robot_are_in_the_record(tmp_path: Path) -> None:
    async with rigged(tmp_path, opentrons("ot2")) as rig:
        assert rig.world.simulated is not None
        machine = rig.world.simulated.robots["bench/ot2"]
        rig.start()
        await rig.until()
        record = build(JournalReader(rig.host.controller.journal.path), "b1")
        (sent,) = record.robot_runs
        (protocol,), (run,) = machine.protocols, machine.runs
        assert sent.text == protocol.text and sent.sha256 == sha256(protocol.text.encode()).hexdigest()
        plate = canonical(schema2(definitions()["btx_plate_96_2mm"]))
        assert sent.definitions == {"btx_plate_96_2mm.json": sha256(plate.encode()).hexdigest()}
        robot = sent.robot
        assert (robot["run"], robot["status"], robot["protocol"]) == (run.id, "succeeded", protocol.id)
        assert robot["software"] == "8.1.0" and robot["analysis"] == f"{protocol.id}-analysis"
        assert robot["analysis_result"] == "ok" and len(robot["analysis_sha256"]) == 64
        assert robot["definitions"]["btx_plate_96_2mm"] == sent.definitions["btx_plate_96_2mm.json"]
        assert robot["offsets"] == robot["parameters"] == robot["errors"] == []
        assert [c["id"] for c in robot["commands"]] == [c["id"] for c in run.commands]
        journal = rig.host.controller.journal
        (document,), (copy,) = (journal.events("b1", (kind,)) for kind in robot_runs.KINDS)
        (order,) = journal.intents("b1", ledger.VERB)
        assert document.seq < order.seq < copy.seq  # on record before it is sent
        page = html(record)
        assert sent.sha256 in page and run.id in page


async def test_a_run_that_could_not_be_copied_is_copied_when_the_phase_goes_on(tmp_path: Path) -> None:
    async with rigged(tmp_path, opentrons("flex")) as rig:
        assert rig.world.simulated is not None
        machine = rig.world.simulated.robots["bench/flex"]
        machine.fail("dispense", 2)
        robot = rig.host.controller.line.roles[ROLE]
        right = robot.read_record

        @read
        async def away(run: str) -> Any:
            robot.read_record = right
            raise NoReply("the network is away", device="robot")

        robot.read_record = away
        rig.start()
        await rig.until(State.HELD)
        journal = rig.host.controller.journal
        assert journal.events("b1", (robot_runs.RUN,)) == []
        (doubt,) = rig.doubts()
        rig.host.controller.resolve(doubt, "done", "Ada", "looked")
        await rig.host.client.declare("sample:A1", 8e-6, "exchange", "Ada", "weighed")
        await rig.command(Command.UNHOLD)
        await rig.until()
        first, second = journal.events("b1", (robot_runs.RUN,))
        assert [one.data["record"]["run"] for one in (first, second)] == [run.id for run in machine.runs]
        assert "overpressure" in first.data["record"]["errors"][0] and first.data["record"]["recovered"] is True


async def test_a_held_batch_holds_the_robots_run(tmp_path: Path) -> None:
    file = line(opentrons("flex"))
    world = make_world(file, 1)
    assert world.simulated is not None
    machine = world.simulated.robots["bench/flex"]
    async with rigged(tmp_path, opentrons("flex"), world) as rig:
        rig.start()

        async def running() -> None:
            while not machine.runs or not any(c["commandType"] == "aspirate" for c in machine.runs[0].commands):
                await rig.host.clock.sleep(1.0)

        await rig.host.clock.spawn(running(), "running")
        before = len(machine.runs)
        await rig.command(Command.HOLD)
        await rig.until(State.HELD)
        assert machine.runs[0].status == "paused"
        await rig.command(Command.UNHOLD)
        await rig.until()
        assert rig.state() == "complete" and len(machine.runs) == before == 1
        assert rig.volume("A1") == pytest.approx(100.0, rel=0.03)


async def test_ten_minutes_without_network_are_an_alarm_and_the_robot_goes_on(tmp_path: Path) -> None:
    robot = 'robot: {driver: opentrons_http, at: "sim://bench/flex", deck: flex}'
    async with rigged(tmp_path, robot) as rig:
        assert rig.world.simulated is not None
        machine = rig.world.simulated.robots["bench/flex"]
        link, clock = rig.host.controller.line.instruments["robot"].link, rig.host.clock
        assert isinstance(link, HttpLink)
        right = link.transport.client
        rig.start()

        async def outage() -> float:
            while not machine.runs or not any(c["commandType"] == "aspirate" for c in machine.runs[0].commands):
                await clock.sleep(1.0)
            began = clock.now()
            away = httpx.AsyncClient(transport=httpx.MockTransport(unreachable), base_url="http://robot")
            link.transport.client = away
            while not [one for one in (await rig.host.client.alarms()).alarms if one.name == "lh.attention"]:
                await clock.sleep(0.5)
            noticed = clock.now() - began
            await clock.sleep(600.0 - noticed)
            await away.aclose()
            link.transport.client = right
            return noticed

        assert await clock.spawn(outage(), "outage") <= 2 * 2.0 + 1.0  # two looks
        await rig.until()
        assert rig.state() == "complete" and len(machine.runs) == 1 and machine.runs[0].status == "succeeded"
        assert rig.transfers() == {"DONE": 32} and rig.volume("H2") == pytest.approx(100.0, rel=0.03)
        journal = rig.host.controller.journal
        assert [e for e in journal.events("b1") if "cannot be reached" in str(e.data)]
        (copy,) = journal.events("b1", (robot_runs.RUN,))  # what happened meanwhile is on record all the same
        assert len(copy.data["record"]["commands"]) == len(machine.runs[0].commands)


def unreachable(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route to host")


@pytest.mark.parametrize("how", ["retry", "skip"])
async def test_a_robot_in_recovery_holds_the_batch_until_a_person_has_decided(tmp_path: Path, how: str) -> None:
    robot = 'robot: {driver: opentrons_http, at: "sim://bench/flex", deck: flex}'
    world = make_world(line(robot), 1)
    assert world.simulated is not None
    machine = world.simulated.robots["bench/flex"]
    machine.fail("dispense", 2)
    async with rigged(tmp_path, robot, world) as rig:
        client = rig.host.client
        rig.start()
        await rig.until(State.HELD)
        (alarm,) = [one for one in (await client.alarms()).alarms if one.name == "lh.attention"]
        assert "awaiting-recovery: overpressure" in alarm.what
        with pytest.raises(Refused, match="retry or skip"):  # nobody has decided
            await rig.host.clock.spawn(rig.host.controller.line.roles[ROLE].resume(), "resume")
        assert await client.recover(how, "Ada", "clot removed") == "b1"
        if how == "retry":
            with pytest.raises(Refused, match="tried again already"):
                await client.recover("retry", "Ada", "once more")
        moved = rig.drawn("sample:A1")
        assert machine.runs[0].status == "awaiting-recovery"  # it moves only when the batch goes on
        await rig.command(Command.UNHOLD)
        await rig.host.clock.spawn(rig.host.clock.sleep(60.0), "a minute")
        await rig.until(State.HELD)
        fixes = [c["commandType"] for c in machine.runs[0].commands if c["intent"] == "fixit"]
        assert rig.drawn("sample:A1") == moved == 16 and len(machine.runs) == 1
        if how == "retry":
            assert fixes == ["dispense"] and rig.state() == "complete"
            assert rig.volume("A2") == pytest.approx(100.0, rel=0.03)
        else:
            assert len(rig.doubts()) == 1 and fixes == [] and rig.books().content("plate:A2").volume is None


async def test_what_people_say_about_the_deck(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        client = rig.host.client
        await client.declare("plate:A1", 90 * UL, "EV", "Ada", "looked")
        await client.fresh_tips("tips_50_1", "Ada", "exchanged")
        assert rig.books().content("plate:A1") == ledger.Content(90 * UL, {"EV": 90 * UL})
        await client.declare("plate:A1", None, "", "Ada", "spilt")
        assert rig.books().content("plate:A1").volume is None
        for place, volume, liquid, error in (
            ("plate:A1", 200 * UL, "EV", "does not hold that"), ("plate:Z1", 0.0, "", "no such well"),
            ("plate:A1", 5 * UL, "", "which liquid"),
        ):  # fmt: skip
            with pytest.raises(VesiflowError, match=error):
                await client.declare(place, volume, liquid, "Ada", "looked")
        with pytest.raises(VesiflowError, match="no such rack"):
            await client.fresh_tips("tips_7", "Ada", "exchanged")
        with pytest.raises(Refused, match="no robot works for a batch"):
            await client.recover("retry", "Ada", "looked")
        rig.start()
        with pytest.raises(Refused, match="is running"):
            await client.declare("plate:A1", 0.0, "", "Ada", "looked")


async def test_used_plates_and_wrong_bottles_are_refused(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        label = "plate-b1-1-electroporation"
        role = "electroporation.liquid_handler"
        journal = rig.host.controller.journal
        journal.event(ledger.PLACED, "b0", key="p0", role=role, position="plate", item=label, volume=None, liquid="")
        journal.event(ledger.DECLARED, "b0", role=role, place="plate:C3", volume=90 * UL, liquid="old", by="Ada")
        rig.start()
        await rig.until(State.HELD)
        assert "was used before" in rig.host.controller.batch("b1").reason
        assert rig.plant.ledger.of("aspirate") == []


WRONG_LABWARE = [
    ('barcodes: {plate: "BTX-*"}', None, "place plate: wrong labware .got plate-b1-1-electroporation, allowed BTX-"),
    ("backend: wire", "vials", "plate-b1-1-electroporation stands at vials"),
]


@pytest.mark.parametrize(("option", "elsewhere", "reason"), WRONG_LABWARE)
async def test_wrong_labware_is_refused_before_the_robot_moves(
    tmp_path: Path, option: str, elsewhere: str | None, reason: str
) -> None:
    async with rigged(tmp_path, f'robot: {{driver: plr, at: "sim://bench/robot", {option}}}') as rig:
        if elsewhere:
            rig.host.controller.journal.event(
                ledger.PLACED, "b0", key="p0", role="electroporation.liquid_handler", position=elsewhere,
                item="plate-b1-1-electroporation", volume=None, liquid="",
            )  # fmt: skip
        rig.start()
        await rig.until(State.HELD)
        assert re.search(reason, rig.host.controller.batch("b1").reason)
        assert rig.plant.ledger.of("aspirate") == [] and "plate" not in rig.books().at


async def test_a_real_robot_drives_into_no_labware_that_nobody_has_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("line.gateway.Gateway.simulated", lambda gateway, role: False)
    async with rigged(tmp_path) as rig:
        rig.start()
        await rig.until(State.HELD)
        batch = rig.host.controller.batch("b1")
        assert re.search(r"nobody has measured this labware .got btx_96_wellplate_125uL_Fb_2mm", batch.reason)
        assert rig.plant.ledger.of("aspirate") == []
        client = rig.host.client
        with pytest.raises(VesiflowError, match="no such provisional labware on the deck"):
            await client.measured("troughs", "Ada", "report 17")
        await client.measured("btx_96_wellplate_125uL_Fb_2mm", "Ada", "report 17")
        await rig.command(Command.UNHOLD)
        await rig.until()
        assert rig.state() == "complete"


async def test_too_few_tips_for_the_whole_plan_are_noticed_before_the_first_move(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        robot = rig.host.controller.line.roles[ROLE]
        know = robot.know
        gone = frozenset(f"tips_{size}:{row}{column}" for size in ("50_1", "50_2", "300_2", "300_3", "1000_1", "1000_2", "1000_3",
                         "1000_4", "1000_5") for row in "ABCDEFGH" for column in range(1, 13))  # fmt: skip
        few = gone | {f"tips_300_1:{row}{column}" for row in "ABCDEFGH" for column in range(3, 13)}

        @read
        async def told(state: DeckState) -> None:
            await know(DeckState(state.volumes, state.unknown, few))

        robot.know = told
        rig.start()
        await rig.until(State.HELD)
        assert "not enough tips" in rig.host.controller.batch("b1").reason
        assert rig.plant.ledger.of("aspirate") == []


def vials_recipe(count: int) -> ControlRecipe:
    params = FillVials("bulk", count, 2e-6)
    phase = Phase(KEY, "lyophilization.fill", "lyophilization", params, 20_000.0)
    return ControlRecipe(
        "vials", "1", "sim", (UnitProcedure(1, "dry", "lyophilization", (Operation("fill", (phase,)),)),)
    )


@pytest.mark.parametrize("kind", ["ot2", "flex"])
async def test_fifty_vials_stand_in_three_racks_of_24(tmp_path: Path, kind: str) -> None:
    async with rigged(tmp_path, opentrons(kind)) as rig:
        journal = rig.host.controller.journal
        rig.plant.store.bottle("bulk", 110e-6)
        rig.host.controller.create("b1", vials_recipe(50), "test")
        rig.host.controller.batch("b1").facts["bottle.bulk.volume"] = 110e-6
        journal.event(ledger.PLACED, "b1", key=KEY, role="lyophilization.liquid_handler", position="bulk", item="bulk",
                      volume=110e-6, liquid="bulk")  # fmt: skip
        rig.plant.deck.place("bulk", "bulk")
        rig.host.controller.start_phase("b1", KEY)
        await rig.until()
        assert rig.state() == "complete", rig.host.controller.batch("b1").reason
        books = rig.books()
        assert {books.item(rack) for rack in ("vials", "vials_2", "vials_3")} == {
            f"{rack}-b1-1-electroporation" for rack in ("vials", "vials_2", "vials_3")
        }
        assert books.content("vials_3:B1").volume == pytest.approx(2e-6)
        assert "C1" not in books.items["vials_3-b1-1-electroporation"]
        filled = rig.plant.deck.take_vials()
        assert len(filled) == 50 and all(vial.volume == pytest.approx(2e-6, rel=0.02) for vial in filled)


FILL, LOAD = "1-lyophilization/1-fill/1", "1-lyophilization/2-load/1"


def drying_recipe(count: int) -> ControlRecipe:
    unit = "lyophilization"
    fill = Phase(FILL, f"{unit}.fill", unit, FillVials("bulk", count, 2e-6), 2_000.0)
    load = Phase(LOAD, f"{unit}.load", unit, LoadVials(count), 600.0)
    return ControlRecipe("vials", "1", "sim", (UnitProcedure(1, "dry", unit, (Operation("fill", (fill, load)),)),))


async def filled_up_to(rig: Rig, count: int) -> str:
    """Fill vials until the cable is lost after the second draw from the bulk; the action in doubt."""
    rig.plant.store.bottle("bulk", 40e-6)
    rig.plant.deck.place("bulk", "bulk")
    controller = rig.host.controller
    controller.create("b1", drying_recipe(count), "test")
    controller.batch("b1").facts["bottle.bulk.volume"] = 40e-6
    controller.journal.event(ledger.PLACED, "b1", key=FILL, role="lyophilization.liquid_handler", position="bulk",
                             item="bulk", volume=40e-6, liquid="bulk")  # fmt: skip
    lose_after(rig, "aspirate", 2)
    controller.start_phase("b1", FILL)
    await rig.until(State.HELD, key=FILL)
    (doubt,) = rig.doubts()
    assert rig.world.simulated is not None
    rig.world.simulated.bench.unplugged.clear()
    return doubt


async def test_vials_whose_filling_was_given_up_are_left_out_of_the_dryer(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        doubt = await filled_up_to(rig, 12)
        rig.host.controller.resolve(doubt, "discard", "Ada", "nobody knows")
        await rig.host.client.declare("bulk:A1", 30e-6, "bulk", "Ada", "weighed")
        await rig.command(Command.UNHOLD)
        await rig.until(key=FILL)
        batch = rig.host.controller.batch("b1")
        assert rig.state(FILL) == "complete", batch.reason
        left_out = sorted(name.rpartition(".")[2] for name in batch.facts if "left_out" in name)
        assert left_out and batch.facts["lyophilization.vials"] == 12 - len(left_out)
        (told,) = rig.host.controller.journal.events("b1", ("deviation",))
        assert "vials left out: " + ", ".join(left_out) in told.data["what"] and told.data["severity"] == "major"
        rig.host.controller.start_phase("b1", LOAD)
        await rig.until(key=LOAD)
        asked = rig.host.controller.journal.events("b1", ("prompt.asked",))[-1]
        assert asked.data["text"].startswith(f"Take {', '.join(left_out)} out of the rack")
        assert rig.plant.dryer.count == 12 - len(left_out)


async def test_vials_that_are_all_in_doubt_end_the_filling_until_somebody_says_what_is_in_them(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        doubt = await filled_up_to(rig, 4)
        rig.host.controller.resolve(doubt, "discard", "Ada", "nobody knows")
        await rig.command(Command.UNHOLD)
        await rig.until(State.HELD, key=FILL)
        assert "no vial holds what it should" in rig.host.controller.batch("b1").reason
        for well in "ABCD":
            await rig.host.client.declare(f"vials:{well}1", 2e-6, "bulk", "Ada", "weighed")
        await rig.command(Command.UNHOLD)
        await rig.until(key=FILL)
        assert rig.state(FILL) == "complete" and rig.host.controller.batch("b1").facts["lyophilization.vials"] == 4


def jam(rig: Rig, op: str, place: str) -> None:
    """The channel that works at `place` fails there, once; the others do their part."""
    deck, right = rig.plant.deck, getattr(rig.plant.deck, f"_{op}")

    def wrong(number: int, resource: str, well: str, volume: float, now: float) -> None:
        if f"{resource}:{well}" == place or (op == "aspirate" and number == int(place)):
            setattr(deck, f"_{op}", right)
            raise ValueError(f"channel {number}: a clot")
        right(number, resource, well, volume, now)

    setattr(deck, f"_{op}", wrong)


@pytest.mark.parametrize(("op", "place", "source_known"), [("aspirate", "2", False), ("dispense", "plate:C1", True)])
async def test_of_eight_channels_only_the_one_that_failed_is_asked_about(
    tmp_path: Path, op: str, place: str, source_known: bool
) -> None:
    async with rigged(tmp_path) as rig:
        jam(rig, op, place)
        rig.start()
        await rig.until(State.HELD)
        (doubt,) = rig.doubts()
        books = rig.books()
        assert rig.transfers() == {"DONE": 7, "UNKNOWN": 1}
        for row in "ABDEFGH":  # what the books know is what is there
            assert books.content(f"plate:{row}1").volume == pytest.approx(90 * UL)
            assert rig.volume(f"{row}1") == pytest.approx(90.0, rel=0.03)
        assert (books.content("sample:A1").volume is not None) is source_known
        rig.host.controller.resolve(doubt, "not_done", "Ada", "C1 is empty")
        await rig.command(Command.UNHOLD)
        await rig.until()
        assert rig.state() == "complete"
        given = Counter(e.details["place"] for e in rig.plant.ledger.of("dispense"))
        assert given["plate:C1"] == given["plate:A1"] == given["plate:H2"]  # sample, cargo and two for mixing
        assert all(rig.volume(f"{row}{n}") == pytest.approx(100.0, rel=0.03) for row in "ABCDEFGH" for n in (1, 2))
        lost = [e for e in rig.host.controller.journal.events("b1", (ledger.TRANSFER,)) if e.data["state"] == "UNKNOWN"]
        assert [e.data["target"] for e in lost] == ["plate:C1"]


async def test_one_column_of_tips_fills_all_vials(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        rig.plant.store.bottle("bulk", 60e-6)
        rig.plant.deck.place("bulk", "bulk")
        controller = rig.host.controller
        controller.create("b1", vials_recipe(24), "test")
        controller.batch("b1").facts["bottle.bulk.volume"] = 60e-6
        controller.journal.event(ledger.PLACED, "b1", key=KEY, role="lyophilization.liquid_handler", position="bulk",
                                 item="bulk", volume=60e-6, liquid="bulk")  # fmt: skip
        controller.start_phase("b1", KEY)
        await rig.until()
        assert rig.state() == "complete"
        assert len(rig.books().used_tips) == 8 and rig.plant.deck.tips == {}  # kept through six orders, then put down
        assert [i.verb for i in controller.journal.intents("b1")] == ["transfer"] * 6 + ["drop_tips"]


async def test_after_a_hold_fresh_tips_are_taken(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        rig.start()
        clock = rig.host.clock

        async def begun() -> None:
            while not rig.drawn("sample:A1"):
                await clock.sleep(1.0)

        await clock.spawn(begun(), "begun")
        await rig.command(Command.HOLD)
        await rig.until(State.HELD)
        assert rig.drawn("sample:A1") == 8 and len(rig.plant.deck.tips) == 8
        await rig.command(Command.UNHOLD)
        await rig.until()
        assert rig.state() == "complete" and rig.plant.deck.tips == {}
        sample = [tip for tip in rig.books().used_tips if tip.startswith("tips_300")]
        assert len(sample) == 16
