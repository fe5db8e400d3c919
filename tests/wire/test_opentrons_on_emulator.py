"""The Opentrons driver against the emulated robot and its plant: judged by what the plant's ledger says happened."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from devices.commands import Verdict, declared
from devices.deck import DeckState
from devices.drivers.opentrons_http import OpentronsHttp, OpentronsOptions
from devices.http_address import Resolve
from devices.http_link import HttpLink, HttpTransport, open_http
from devices.line_file import InstrumentSpec
from devices.open_line import open_instrument
from devices.opentrons.runs import progress
from devices.readings import Attention, Transfer, TransferReport
from devices.roles import Interruptible, LiquidHandler
from sim import bench, lines
from sim.opentrons.machine import Machine, Run
from sim.plant import Plant
from vesiflow.clock import VirtualClock, WallClock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, NoReply, NotSent, Refused

UL = 1e-9
COLUMN = [f"{row}1" for row in "ABCDEFGH"]
TWO = [f"{row}{column}" for column in (1, 2) for row in "ABCDEFGH"]
BOTH = pytest.mark.parametrize("kind", ["ot2", "flex"])


@dataclass
class Rig:
    """An emulated robot with a sample of 9 mL and a fresh plate, and a driver on it."""

    clock: VirtualClock
    plant: Plant
    machine: Machine
    driver: OpentronsHttp

    def volume(self, well: str) -> float:
        return self.plant.station.well(well).volume / UL

    def moved(self, op: str) -> int:
        return len(self.plant.ledger.of(op))


def samples(wells: list[str], volume: float = 90.0) -> list[Transfer]:
    return [Transfer("sample:A1", f"plate:{well}", volume * UL, "EV") for well in wells]


def on(
    kind: str, talk: Callable[[Rig], Awaitable[Any]], before: Callable[[Machine], None] = lambda _: None, **options: Any
) -> Any:
    async def inside() -> Any:
        clock = VirtualClock()
        simulated = lines.build({}, clock.now)
        plant, machine = simulated.plant, simulated.robots[f"bench/{kind}"]
        before(machine)

        async def act() -> Any:
            with bench.using(simulated.bench):
                chosen = OpentronsOptions.model_validate({"deck": kind, **options})
                spec = InstrumentSpec("robot", "opentrons_http", OpentronsHttp, f"sim://bench/{kind}", chosen, None)
                instrument = await open_instrument(spec, clock)
                plant.people.act("place on deck", {"bottle": "exchange", "position": "sample"}, {})
                plant.people.act("place plate", {"plate": "P1"}, {})
                try:
                    return await talk(Rig(clock, plant, machine, instrument.driver))
                finally:
                    await instrument.close()

        return await clock.spawn(act(), "robot")

    return asyncio.run(inside())


@BOTH
def test_a_plate_arrives_in_the_plant(kind: str) -> None:
    async def talk(rig: Rig) -> None:
        assert isinstance(rig.driver.role("liquid_handler"), LiquidHandler) and isinstance(rig.driver, Interruptible)
        report = await rig.driver.transfer(samples(TWO))
        assert (report.total, report.done, report.doubt) == (16, 16, 0)
        assert len(report.tips) == (8 if kind == "flex" else 1)
        assert rig.volume("H2") == pytest.approx(90.0, rel=0.03) and rig.volume("A3") == 0.0
        back = await rig.driver.read_progress()
        assert (back.run, back.total, back.done, back.tips) == (report.run, 16, 16, report.tips)
        assert await rig.driver.read_run() == {}
        (protocol,) = rig.machine.protocols
        assert protocol.key is not None and protocol.key.startswith("vesiflow ")

    on(kind, talk)


@BOTH
def test_the_same_order_again_is_a_new_run_of_the_known_protocol(kind: str) -> None:
    async def talk(rig: Rig) -> None:
        first = await rig.driver.transfer(samples(COLUMN, 20.0))
        second = await rig.driver.transfer(samples(COLUMN, 20.0))
        assert first.run != second.run
        assert rig.volume("A1") == pytest.approx(40.0, rel=0.03)

    on(kind, talk)


@BOTH
def test_an_error_tells_what_happened_and_what_is_in_doubt(kind: str) -> None:
    async def talk(rig: Rig) -> None:
        rig.machine.fail("dispense", 2)
        how = declared(rig.driver.transfer)
        before = await rig.driver.read_progress()
        with pytest.raises(DeviceFault, match="overpressure"):
            await rig.driver.transfer(samples(TWO))
        after = await rig.driver.read_progress()
        step = 8 if kind == "flex" else 1
        assert (after.total, after.done, after.doubt) == (16, step, step)
        assert how is not None and how.judge is not None
        assert how.judge(before, after, (samples(TWO),)) is Verdict.UNKNOWN

    on(kind, talk, recovery="stop")


def test_a_new_driver_finds_the_run_of_one_that_died() -> None:
    async def talk(rig: Rig) -> None:
        before = await rig.driver.read_progress()
        task = rig.clock.spawn(rig.driver.transfer(samples(TWO)), "transfer")
        await rig.clock.sleep(25.0)
        task.cancel()  # the process dies, the robot goes on
        with pytest.raises(asyncio.CancelledError):
            await rig.clock.join(task)
        heir = OpentronsHttp(rig.driver._link, rig.clock, OpentronsOptions(deck="flex"))
        await heir.connect()
        after = await heir.read_progress()
        how = declared(heir.transfer)
        assert how is not None and how.judge is not None
        assert how.judge(before, after, (samples(TWO),)) is Verdict.DONE
        assert len(rig.machine.runs) == 1 and rig.volume("H2") == pytest.approx(90.0, rel=0.03)

    on("flex", talk)


def test_judge_of_runs() -> None:
    judge = declared(OpentronsHttp.transfer)
    assert judge is not None and judge.judge is not None
    order = (samples(TWO),)
    old, done = TransferReport(16, 16, run="a"), TransferReport(16, 16, run="b")
    assert judge.judge(old, old, order) is Verdict.NOT_DONE
    assert judge.judge(old, done, order) is Verdict.DONE
    assert judge.judge(old, TransferReport(16, 4, run="b"), order) is Verdict.NOT_DONE
    assert judge.judge(old, TransferReport(8, 8, run="b"), order) is Verdict.UNKNOWN


def test_retry_in_recovery_is_one_fix_and_the_run_goes_on() -> None:
    async def talk(rig: Rig) -> None:
        rig.machine.fail("aspirate", 2)
        task = rig.clock.spawn(rig.driver.transfer(samples(TWO)), "transfer")
        while (await rig.driver.read_run()).get("status") != "awaiting-recovery":
            await rig.clock.sleep(1.0)
        with pytest.raises(Refused, match="in error recovery"):
            await rig.driver.resume()
        await rig.clock.sleep(2.0)
        assert await rig.driver.read_attention() == Attention(
            "the robot is awaiting-recovery: overpressure: overpressure injected", stands=True
        )
        await rig.driver.retry()
        await rig.driver.resume()
        report = await rig.clock.join(task)
        assert (report.done, report.doubt) == (16, 0)
        assert rig.volume("A2") == pytest.approx(90.0, rel=0.03)
        fixes = [c for c in rig.machine.runs[-1].commands if c["intent"] == "fixit"]
        assert [fix["commandType"] for fix in fixes] == ["aspirate"]

    on("flex", talk)


async def in_recovery(rig: Rig, kind: str, number: int) -> asyncio.Task[Any]:
    """An order whose `number`-th command of this kind fails; the run waits for a person."""
    rig.machine.fail(kind, number)
    task = rig.clock.spawn(rig.driver.transfer(samples(TWO)), "transfer")
    while (await rig.driver.read_run()).get("status") != "awaiting-recovery":
        await rig.clock.sleep(1.0)
    return task


def test_a_fix_that_fails_is_not_tried_again() -> None:
    async def talk(rig: Rig) -> None:
        task = await in_recovery(rig, "dispense", 1)
        rig.machine.fail("dispense")
        with pytest.raises(DeviceFault, match="dispense failed: overpressure"):
            await rig.driver.retry()
        with pytest.raises(Refused, match="was tried again already"):
            await rig.driver.retry()
        await rig.driver.stop()
        with pytest.raises(DeviceFault, match="the run stopped after 0 of 16"):
            await rig.clock.join(task)

    on("flex", talk)


def test_a_door_opened_in_recovery_is_closed_first() -> None:
    async def talk(rig: Rig) -> None:
        task = await in_recovery(rig, "aspirate", 1)
        rig.machine.door_open = True
        with pytest.raises(Refused, match="the door is open"):
            await rig.driver.retry()
        rig.machine.door_open = False
        assert (await rig.driver.read_run())["status"] == "awaiting-recovery-paused"
        await rig.driver.retry()
        await rig.driver.resume()
        assert (await rig.clock.join(task)).done == 16

    on("flex", talk)


def test_a_move_broken_off_by_a_stop_is_in_doubt() -> None:
    async def talk(rig: Rig) -> None:
        task = rig.clock.spawn(rig.driver.transfer(samples(TWO)), "transfer")
        while not rig.moved("aspirate"):
            await rig.clock.sleep(1.0)
        await rig.driver.stop()
        with pytest.raises(DeviceFault, match="the run stopped"):
            await rig.clock.join(task)
        broken = [c for c in rig.machine.runs[-1].commands if c["status"] == "failed"]
        assert [one["error"]["errorType"] for one in broken] == ["RunStoppedError"]
        after = await rig.driver.read_progress()
        assert (after.done, after.doubt) == (0, 1)

    on("ot2", talk)


def test_a_file_that_a_person_sent_first_is_sent_again_as_ours() -> None:
    async def talk(rig: Rig) -> None:
        await rig.driver.transfer(samples(COLUMN, 20.0))
        (sent,) = rig.machine.protocols
        sent.key = "the App"
        rig.machine.runs.clear()
        report = await rig.driver.transfer(samples(COLUMN, 20.0))
        assert [one.key == "the App" for one in rig.machine.protocols] == [True, False]
        assert (await rig.driver.read_progress()).run == report.run

    on("ot2", talk)


def test_the_same_file_while_it_is_analysed_waits() -> None:
    async def talk(rig: Rig) -> None:
        rig.machine.analysis_time = 20.0
        task = rig.clock.spawn(rig.driver.transfer(samples(COLUMN, 20.0)), "transfer")
        await rig.clock.sleep(5.0)
        task.cancel()  # the process dies while the robot analyses
        with pytest.raises(asyncio.CancelledError):
            await rig.clock.join(task)
        assert (await rig.driver.transfer(samples(COLUMN, 20.0))).done == 8
        assert len(rig.machine.protocols) == len(rig.machine.runs) == 1

    on("ot2", talk)


def test_a_run_that_was_made_and_never_played_has_moved_nothing() -> None:
    async def talk(rig: Rig) -> None:
        how = declared(rig.driver.transfer)
        await rig.driver.transfer(samples(COLUMN, 20.0))
        before = await rig.driver.read_progress()
        rig.machine.create(rig.machine.protocols[0])  # and then the answer is lost
        after = await rig.driver.read_progress()
        assert how is not None and how.judge is not None
        assert how.judge(before, after, (samples(COLUMN, 20.0),)) is Verdict.NOT_DONE
        assert (await rig.driver.transfer(samples(COLUMN, 20.0))).done == 8

    on("ot2", talk)


def test_somebody_who_calibrates_is_left_alone() -> None:
    async def talk(rig: Rig) -> None:
        rig.machine.maintenance = Run("m-1", None)
        with pytest.raises(Refused, match=r"busy with a maintenance run .got m-1"):
            await rig.driver.transfer(samples(COLUMN))
        assert rig.machine.maintenance is not None and rig.machine.runs == []

    on("flex", talk)


def test_skipped_moves_stay_in_doubt() -> None:
    async def talk(rig: Rig) -> None:
        rig.machine.fail("dispense", 1)
        task = rig.clock.spawn(rig.driver.transfer(samples(TWO)), "transfer")
        while (await rig.driver.read_run()).get("status") != "awaiting-recovery":
            await rig.clock.sleep(1.0)
        await rig.driver.skip()
        await rig.driver.resume()
        with pytest.raises(DeviceFault, match="after 0 of 16 transfers"):
            await rig.clock.join(task)
        after = await rig.driver.read_progress()
        assert (after.done, after.doubt) == (0, 16)

    on("flex", talk)


@BOTH
def test_hold_and_go_on(kind: str) -> None:
    async def talk(rig: Rig) -> None:
        task = rig.clock.spawn(rig.driver.transfer(samples(TWO)), "transfer")
        await rig.clock.sleep(22.0)
        await rig.driver.pause()
        assert (await rig.driver.read_run())["status"] == "paused"
        moved = rig.moved("aspirate")
        await rig.clock.sleep(2400.0)
        assert rig.moved("aspirate") == moved
        await rig.driver.resume()
        assert (await rig.clock.join(task)).done == 16

    on(kind, talk, poll="10 s")


def test_stop_ends_the_run() -> None:
    async def talk(rig: Rig) -> None:
        task = rig.clock.spawn(rig.driver.transfer(samples(TWO)), "transfer")
        await rig.clock.sleep(40.0)
        await rig.driver.stop()
        with pytest.raises(DeviceFault, match="the run stopped after"):
            await rig.clock.join(task)
        await rig.driver.stop()  # nothing to stop any more

    on("ot2", talk)


@pytest.mark.parametrize("cause", ["door", "paused on the robot"])
def test_a_run_that_nobody_attends_is_stopped(cause: str) -> None:
    async def talk(rig: Rig) -> None:
        task = rig.clock.spawn(rig.driver.transfer(samples(TWO)), "transfer")
        await rig.clock.sleep(30.0)
        if cause == "door":
            rig.machine.door_open = True
        else:
            rig.machine.pause(rig.machine.runs[-1])
        with pytest.raises(DeviceFault, match="the run stopped"):
            await rig.clock.join(task)
        assert rig.clock.now() > 600.0
        assert rig.machine.runs[-1].status == "stopped"

    on("ot2", talk, attention="10 min", poll="10 s")


def test_a_robot_that_restarts_forgets_the_run_and_nothing_is_sent_again() -> None:
    async def talk(rig: Rig) -> None:
        task = rig.clock.spawn(rig.driver.transfer(samples(TWO)), "transfer")
        await rig.clock.sleep(60.0)
        rig.machine.restart()
        with pytest.raises(DeviceFault, match="the run lost after"):
            await rig.clock.join(task)
        moved = rig.moved("aspirate")
        await rig.clock.sleep(600.0)
        assert rig.moved("aspirate") == moved and len(rig.machine.runs) == 1

    on("ot2", talk)


def test_a_robot_without_network_goes_on_and_is_read_back() -> None:
    async def talk(rig: Rig) -> None:
        link = rig.driver._link
        real = link.transport.client
        task = rig.clock.spawn(rig.driver.transfer(samples(TWO)), "transfer")
        await rig.clock.sleep(30.0)

        def dead(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("no route to host")

        link.transport.client = httpx.AsyncClient(transport=httpx.MockTransport(dead), base_url="http://robot")
        await rig.clock.sleep(600.0)
        assert not task.done()
        await link.transport.client.aclose()
        link.transport.client = real
        assert (await rig.clock.join(task)).done == 16

    on("flex", talk)


REFUSED_AT_CONNECT: list[tuple[dict[str, Any], dict[str, Any], type[Exception], str]] = [
    ({"model": "OT-3 Standard"}, {}, ConfigError, "another robot model"),
    ({"api_version": "6.3.1"}, {}, ConfigError, "not supported"),
    ({"api_version": "10.0.0"}, {}, ConfigError, "not supported"),
    ({"serial": "OTHER"}, {"serial_number": "OT2SIM01"}, BadReply, "another instrument"),
    ({"pipettes": {"left": "p1000_single_gen2"}}, {}, ConfigError, "another pipette"),
    ({"starts_at": 1e9}, {"startup": "60 s"}, Refused, "does not finish starting"),
]


@pytest.mark.parametrize(("machine", "options", "error", "reason"), REFUSED_AT_CONNECT)
def test_the_wrong_robot_is_refused(
    machine: dict[str, Any], options: dict[str, Any], error: type[Exception], reason: str
) -> None:
    def change(robot: Machine) -> None:
        for name, value in machine.items():
            setattr(robot, name, value)

    async def nothing(rig: Rig) -> None:
        raise AssertionError("connected")

    with pytest.raises(error, match=reason):
        on("ot2", nothing, change, **options)


def test_a_robot_that_is_starting_is_waited_for() -> None:
    async def talk(rig: Rig) -> float:
        return rig.clock.now()

    assert on("ot2", talk, lambda robot: setattr(robot, "starts_at", 40.0)) >= 40.0


@pytest.mark.parametrize("status", ["idle", "running"])
def test_a_foreign_run_is_left_alone(status: str) -> None:
    async def talk(rig: Rig) -> None:
        foreign = rig.machine.create(None)
        foreign.planned = [{"commandType": "waitForResume", "params": {}, "result": {}}]
        if status == "running":
            rig.machine.play(foreign)
        with pytest.raises(Refused, match=f"busy with another run .*{foreign.id}"):
            await rig.driver.transfer(samples(COLUMN))
        assert foreign.current and rig.machine.protocols == [] and rig.moved("aspirate") == 0

    on("ot2", talk)


@pytest.mark.parametrize(("name", "value", "reason"), [
    ("door_open", True, "door is open"), ("estop", "physicallyEngaged", "emergency stop"),
])  # fmt: skip
def test_door_and_emergency_stop(name: str, value: Any, reason: str) -> None:
    async def talk(rig: Rig) -> None:
        setattr(rig.machine, name, value)
        with pytest.raises(Refused, match=reason):
            await rig.driver.transfer(samples(COLUMN))
        assert rig.machine.runs == []

    on("flex", talk)


def test_what_the_books_say_counts() -> None:
    async def talk(rig: Rig) -> None:
        await rig.driver.know(DeckState({"sample:A1": 100 * UL}, used_tips=frozenset({"tips_300_1:A1"})))
        with pytest.raises(Refused, match="runs dry"):
            await rig.driver.transfer(samples(COLUMN))
        await rig.driver.know(DeckState(used_tips=frozenset({"tips_300_1:A1"})))
        assert (await rig.driver.transfer(samples(COLUMN))).tips == ("tips_300_1:B1",)
        deck = await rig.driver.read_deck()
        assert deck["tips_300_1"] == "94 of 96 tips" and deck["plate"] == "btx_plate_96_2mm in slot 1"

    on("ot2", talk)


def test_single_commands_and_their_failure() -> None:
    async def talk(rig: Rig) -> None:
        await rig.driver.home()
        assert rig.machine.maintenance is None
        rig.machine.fail("home", error_type="stallOrCollision")
        with pytest.raises(DeviceFault, match="stallOrCollision"):
            await rig.driver.home()
        assert rig.machine.maintenance is None
        with pytest.raises(ConfigError, match="unknown commandType"):
            await rig.driver.single("fly", {})

    on("ot2", talk)


def test_a_protocol_the_robot_cannot_do_makes_no_run() -> None:
    async def talk(rig: Rig) -> None:
        rig.machine.model = "OT-3 Standard"  # somebody exchanged the robot meanwhile
        with pytest.raises(ConfigError, match="ProtocolRobotTypeMismatch"):
            await rig.driver.transfer(samples(COLUMN))
        assert rig.machine.runs == []

    on("ot2", talk)


def test_hundreds_of_commands_are_read_page_by_page() -> None:
    async def talk(rig: Rig) -> None:
        wells = [f"{row}{column}" for column in range(1, 13) for row in "ABCDEFGH"]
        report = await rig.driver.transfer(samples(wells, 30.0))
        commands = await rig.driver._robot.commands(report.run)
        assert report.done == 96 and len(commands) == len(rig.machine.runs[-1].commands) > 200

    on("ot2", talk)


ANSWERS: list[tuple[httpx.Response | Exception, type[Exception], str]] = [
    (httpx.ConnectError("refused"), NotSent, "refused"),
    (httpx.ReadTimeout("slow"), NoReply, "slow"),
    (httpx.Response(302, headers={"location": "http://evil/health"}), BadReply, "redirects"),
    (httpx.Response(200, text="<html>proxy</html>"), BadReply, "without JSON"),
    (httpx.Response(200, text='{"name": "x"'), BadReply, "without JSON"),
    (httpx.Response(200, json={"name": "x"}), BadReply, "not the answer of an Opentrons robot"),
    (httpx.Response(200, json=[1]), BadReply, "not the answer of an Opentrons robot"),
    (httpx.Response(200), BadReply, "not the answer of an Opentrons robot"),
    (httpx.Response(422, json={"message": "header missing", "errorCode": "4000"}), ConfigError, "header missing"),
    (httpx.Response(500, json={"errors": [{"id": "Oops", "detail": "boom"}]}), DeviceFault, "500 Oops: boom"),
    (httpx.Response(404, json={"errors": []}), Refused, "404"),
    (httpx.Response(200, content=b" " * (33 * 1024 * 1024)), BadReply, "endless"),
]


@pytest.mark.parametrize(("answer", "error", "reason"), ANSWERS)
async def test_strange_answers_end_in_typed_errors(
    answer: httpx.Response | Exception, error: type[Exception], reason: str
) -> None:
    def give(request: httpx.Request) -> httpx.Response:
        assert request.headers["Opentrons-Version"] == "4"
        if isinstance(answer, Exception):
            raise answer
        return answer

    clock = WallClock()
    client = httpx.AsyncClient(transport=httpx.MockTransport(give), base_url="http://robot")
    link = HttpLink(HttpTransport("http://robot", client), clock, "robot")
    driver = OpentronsHttp(link, clock)
    with pytest.raises(error, match=reason) as caught:
        await driver.connect()
    assert "robot" in str(caught.value)
    await link.transport.close()


@pytest.mark.parametrize(("at", "hosts", "reason"), [
    ("http://8.8.8.8:31950", (), "not on the internet"),
    ("http://robot.example:31950", (), "must be listed"),
    ("http://10.0.0.5:31950", ("10.0.0.6",), "host not allowed"),
    ("ftp://10.0.0.5", (), "nothing answers ftp"),
    ("sim://bench/ot2", (), "no simulated line"),
])  # fmt: skip
async def test_hosts_that_are_not_allowed(at: str, hosts: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        await open_http(at, "robot", WallClock(), hosts)


async def test_a_real_robot_needs_real_time() -> None:
    with pytest.raises(ConfigError, match="virtual time"):
        await open_http("http://10.0.0.5:31950", "robot", VirtualClock(), ())


def names(*answers: str) -> Resolve:
    """A resolver whose answers are these, one after the other; "" for a name that has none."""
    left = list(answers)

    async def resolve(host: str) -> list[str]:
        found = left.pop(0) if len(left) > 1 else left[0]
        if not found:
            raise OSError("no such host")
        return [found]

    return resolve


async def test_a_name_is_resolved_once_and_that_address_is_spoken_to(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str | None, Any]] = []

    async def handle(self: Any, request: httpx.Request) -> httpx.Response:
        seen.append((request.url.host, request.headers.get("Host"), request.extensions.get("sni_hostname")))
        return httpx.Response(200, json={})

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
    resolve = names("10.0.0.5", "10.0.0.66")
    link = await open_http("https://ot2.local:31950", "robot", WallClock(), (), resolve=resolve)
    for _ in range(2):
        await link.exchange("GET", "/health", headers={})
    assert seen == [("10.0.0.5", "ot2.local:31950", "ot2.local")] * 2
    await link.transport.close()


@pytest.mark.parametrize(("answers", "hosts", "error", "reason"), [
    (("8.8.8.8",), (), ConfigError, "not on the internet .got ot2.local is 8.8.8.8"),
    (("169.254.169.254",), (), ConfigError, "not on the internet .got ot2.local is 169.254.169.254"),
    (("8.8.8.8",), ("ot2.local",), ConfigError, "not on the internet"),
    (("",), (), NotSent, "the name has no address .got ot2.local"),
])  # fmt: skip
async def test_a_name_that_leads_astray(
    answers: tuple[str, ...], hosts: tuple[str, ...], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        await open_http("http://ot2.local:31950", "robot", WallClock(), hosts, resolve=names(*answers))


@pytest.mark.parametrize(("later", "reason"), [
    ("10.0.0.66", r"ot2.local is 10\.0\.0\.66 now, it was 10\.0\.0\.5.*start the line again"),
    ("10.0.0.5", "no route.*check address"), ("", "no route.*check address"),
])  # fmt: skip
async def test_a_name_that_means_another_address_later_is_told(
    monkeypatch: pytest.MonkeyPatch, later: str, reason: str
) -> None:
    async def handle(self: Any, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route to host")

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
    link = await open_http("http://ot2.local:31950", "robot", WallClock(), (), resolve=names("10.0.0.5", later))
    with pytest.raises(NotSent, match=reason):
        await link.exchange("GET", "/health", headers={})
    await link.transport.close()


def test_progress_is_conservative() -> None:
    def said(text: str) -> dict[str, Any]:
        return {"commandType": "comment", "status": "succeeded", "params": {"message": text}}

    def did(kind: str, status: str = "succeeded", intent: str = "protocol") -> dict[str, Any]:
        return {"commandType": kind, "status": status, "intent": intent, "params": {"wellName": "A1"}}

    one, two, three = (said(f"transfer {n} of 3: x") for n in (1, 2, 3))
    good = [did("aspirate"), did("dispense")]
    assert progress([], 3, "stopped") == (0, 0)
    assert progress([one, *good, two, *good, three, *good], 3, "succeeded") == (3, 0)
    assert progress([one, *good, two, *good, three, *good], 3, "failed") == (2, 1)
    assert progress([one, *good, two], 3, "stopped") == (1, 0)
    assert progress([one, *good, two, did("aspirate")], 3, "stopped") == (1, 1)
    assert progress([one, did("aspirate", "failed"), did("dispense"), two, *good], 3, "succeeded") == (0, 2)
    fixed = [did("aspirate", "failed"), did("aspirate", intent="fixit"), did("dispense")]
    assert progress([one, *fixed, two, *good], 2, "succeeded") == (2, 0)
