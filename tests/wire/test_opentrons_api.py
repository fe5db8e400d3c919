"""The emulated robot's HTTP answers, status by status and error by error, as the real server's routes give them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sim.opentrons.app import create_app
from sim.opentrons.machine import Machine

VERSION = {"Opentrons-Version": "4"}
PROTOCOL = """\
requirements = {"robotType": "Flex", "apiLevel": "2.20"}
def run(protocol):
    rack = protocol.load_labware("opentrons_flex_96_filtertiprack_200ul", "A1", "tips_200")
    protocol.load_trash_bin("A3")
    pipette = protocol.load_instrument("flex_1channel_1000", "left")
    pipette.pick_up_tip(rack["A1"])
    protocol.pause("look")
    pipette.drop_tip()
"""


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Api:
    """The application and its clock."""

    def __init__(self) -> None:
        self.time = Time()
        self.machine = Machine("OT-3 Standard", self.time, lambda op, channels: 1.0)
        transport = httpx.ASGITransport(app=create_app(self.machine))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://robot", headers=VERSION)

    async def ask(self, method: str, path: str, data: object = None, **more: Any) -> tuple[int, Any]:
        body = {} if data is None else {"json": {"data": data}}
        answer = await self.client.request(method, path, **body, **more)
        return answer.status_code, answer.json()

    async def fails(self, method: str, path: str, data: object = None) -> tuple[int, str]:
        status, body = await self.ask(method, path, data)
        (error,) = body["errors"]
        assert {"id", "title", "detail", "errorCode"} <= error.keys()
        return status, error["id"]

    async def upload(self, text: str = PROTOCOL) -> tuple[int, Any]:
        return await self.ask("POST", "/protocols", files=[("files", ("protocol.py", text.encode()))])

    async def run(self, *actions: str) -> str:
        """A run of the protocol with these actions sent to it."""
        protocol = (await self.upload())[1]["data"]["id"]
        self.time.now += 10.0
        run: str = (await self.ask("POST", "/runs", {"protocolId": protocol}))[1]["data"]["id"]
        for action in actions:
            assert (await self.act(run, action))[0] == 201
        return run

    async def act(self, run: str, action: str) -> tuple[int, Any]:
        return await self.ask("POST", f"/runs/{run}/actions", {"actionType": action})

    async def status(self, run: str, later: float = 0.0) -> str:
        self.time.now += later
        return str((await self.ask("GET", f"/runs/{run}"))[1]["data"]["status"])


@pytest.mark.parametrize(
    ("value", "status"), [(None, 422), ("abc", 422), ("1", 400), ("2", 200), ("*", 200), ("99", 200)]
)
async def test_the_version_header(value: str | None, status: int) -> None:
    api = Api()
    headers = {"Opentrons-Version": value} if value else {}
    transport = httpx.ASGITransport(app=create_app(api.machine))
    async with httpx.AsyncClient(transport=transport, base_url="http://robot") as client:
        answer = await client.get("/health", headers=headers)
    assert answer.status_code == status
    if status == 422:
        assert set(answer.json()) == {"message", "errorCode"}
    elif status == 400:
        assert answer.json()["errors"][0]["id"] == "OutdatedAPIVersion"
    else:
        assert answer.headers["opentrons-version"] == "4" and answer.json()["robot_model"] == "OT-3 Standard"


async def test_what_is_not_there() -> None:
    api = Api()
    for path, name in (
        ("/nowhere", "BadRequest"), ("/runs/x", "RunNotFound"), ("/protocols/x", "ProtocolNotFound"),
        ("/runs/x/commands", "RunNotFound"), ("/maintenance_runs/current_run", "NoCurrentRunFound"),
    ):  # fmt: skip
        assert await api.fails("GET", path) == (404, name)
    run = await api.run()
    assert await api.fails("GET", f"/runs/{run}/commands/x") == (404, "CommandNotFound")
    assert await api.fails("POST", "/runs", {"protocolId": "x"}) == (404, "ProtocolNotFound")


async def test_protocols_are_kept_once_and_analysed_in_their_time() -> None:
    api = Api()
    status, body = await api.upload()
    assert status == 201 and body["data"]["analysisSummaries"][0]["status"] == "pending"
    status, body = await api.upload()
    assert (status, body["errors"][0]["id"]) == (503, "LastAnalysisPending")
    api.time.now += 10.0
    status, again = await api.upload()
    assert status == 200 and again["data"]["analysisSummaries"][0]["status"] == "completed"
    assert (await api.upload("def run(:"))[1]["errors"][0]["id"] == "ProtocolFilesInvalid"
    assert (await api.upload(PROTOCOL.replace("Flex", "OT-2")))[1]["errors"][0]["id"] == "ProtocolRobotTypeMismatch"
    path = f"/protocols/{again['data']['id']}"
    await api.ask("POST", "/runs", {"protocolId": again["data"]["id"]})
    assert await api.fails("DELETE", path) == (409, "ProtocolUsedByRun")


async def test_a_run_from_idle_to_its_end() -> None:
    api = Api()
    run = await api.run()
    assert await api.status(run) == "idle"
    assert await api.fails("POST", f"/runs/{run}/actions", {"actionType": "pause"}) == (409, "RunActionNotAllowed")
    assert await api.fails("POST", f"/runs/{run}/actions", {"actionType": "jump"}) == (422, "InvalidRequest")
    await api.act(run, "play")
    assert await api.status(run, 1.0) == "running"
    assert (await api.act(run, "play"))[0] == 201  # accepted, without effect
    assert await api.fails("POST", "/runs", {}) == (409, "RunAlreadyActive")
    assert await api.fails("POST", "/maintenance_runs", {}) == (409, "ProtocolRunIsActive")
    assert await api.fails("DELETE", f"/runs/{run}") == (409, "RunNotIdle")
    assert await api.fails("PATCH", f"/runs/{run}", {"current": False}) == (409, "RunNotIdle")
    setup = {"commandType": "home", "params": {}, "intent": "setup"}
    assert await api.fails("POST", f"/runs/{run}/commands", setup) == (409, "CommandNotAllowed")
    assert await api.status(run, 60.0) == "paused"  # by the protocol
    _, listed = await api.ask("GET", f"/runs/{run}/commands")
    assert (listed["data"][-1]["commandType"], listed["data"][-1]["status"]) == ("waitForResume", "running")
    assert "result" not in listed["data"][0] and listed["links"]["current"]["meta"]["runId"] == run
    await api.act(run, "play")
    assert await api.status(run, 7.0) == "finishing"
    assert await api.status(run, 60.0) == "succeeded"
    assert await api.fails("POST", f"/runs/{run}/actions", {"actionType": "stop"}) == (409, "RunActionNotAllowed")
    assert (await api.ask("PATCH", f"/runs/{run}", {"current": False}))[1]["data"]["current"] is False
    assert await api.fails("POST", f"/runs/{run}/actions", {"actionType": "play"}) == (409, "RunStopped")


async def test_stop_takes_its_time_and_breaks_off_what_is_under_way() -> None:
    api = Api()
    run = await api.run("play")
    await api.status(run, 3.0)
    await api.act(run, "stop")
    assert await api.status(run) == "stop-requested"
    assert await api.status(run, 10.0) == "stopped"
    _, listed = await api.ask("GET", f"/runs/{run}/commands")
    assert listed["data"][-1]["error"]["errorType"] == "RunStoppedError"


async def test_recovery_takes_fixes_and_only_resume_leaves_it() -> None:
    api = Api()
    api.machine.fail("pickUpTip", error_type="tipPhysicallyMissing")
    run = await api.run("play")
    assert await api.status(run, 30.0) == "awaiting-recovery"
    _, listed = await api.ask("GET", f"/runs/{run}/commands")
    failed = listed["links"]["currentlyRecoveringFrom"]["meta"]["commandId"]
    _, errors = await api.ask("GET", f"/runs/{run}/commandErrors")
    assert [(error["errorType"], error["isDefined"]) for error in errors["data"]] == [("tipPhysicallyMissing", True)]
    assert await api.fails("POST", f"/runs/{run}/actions", {"actionType": "pause"}) == (409, "RunActionNotAllowed")
    assert (await api.act(run, "play"))[0] == 201 and await api.status(run) == "awaiting-recovery"
    fix = {"commandType": "home", "params": {}, "intent": "fixit"}
    assert (await api.ask("POST", f"/runs/{run}/commands", fix, params={"failedCommandId": failed}))[0] == 201
    resume = f"/runs/{run}/actions", {"actionType": "resume-from-recovery"}
    assert await api.fails("POST", *resume) == (409, "RunActionNotAllowed")  # the fix is still on its way
    assert await api.status(run, 20.0) == "awaiting-recovery"
    assert (await api.ask("POST", *resume))[0] == 201
    assert await api.status(run, 1.0) != "awaiting-recovery"
    _, shown = await api.ask("GET", f"/runs/{run}")
    assert shown["data"]["hasEverEnteredErrorRecovery"] is True


async def test_a_policy_can_end_the_run_instead() -> None:
    api = Api()
    api.machine.fail("pickUpTip", error_type="tipPhysicallyMissing")
    run = await api.run()
    match = {"command": {"commandType": "pickUpTip", "error": {"errorType": "tipPhysicallyMissing"}}}
    rules = {"policyRules": [{"matchCriteria": match, "ifMatch": "failRun"}]}
    assert (await api.ask("PUT", f"/runs/{run}/errorRecoveryPolicy", rules))[0] == 200
    await api.act(run, "play")
    assert await api.status(run, 60.0) == "failed"
    _, shown = await api.ask("GET", f"/runs/{run}")
    (error,) = shown["data"]["errors"]
    assert error["errorType"] == "ExceptionInProtocolError"
    assert error["wrappedErrors"][0]["errorType"] == "tipPhysicallyMissing"


async def test_a_failed_command_of_a_maintenance_run_is_taken_with_201() -> None:
    api = Api()
    api.machine.fail("home", error_type="stallOrCollision")
    run = (await api.ask("POST", "/maintenance_runs", {}))[1]["data"]["id"]
    status, made = await api.ask("POST", f"/maintenance_runs/{run}/commands", {"commandType": "home", "params": {}})
    assert (status, made["data"]["status"]) == (201, "running")
    api.time.now += 30.0
    status, found = await api.ask("GET", f"/maintenance_runs/{run}/commands/{made['data']['id']}")
    assert (status, found["data"]["status"], found["data"]["error"]["errorType"]) == (200, "failed", "stallOrCollision")


async def test_a_pressed_emergency_stop_forbids_what_moves() -> None:
    api = Api()
    run = await api.run()
    api.machine.estop = "physicallyEngaged"
    for path in ("/runs", f"/runs/{run}/actions", f"/runs/{run}/commands", "/maintenance_runs"):
        data = {"actionType": "play"} if path.endswith("actions") else {}
        assert await api.fails("POST", path, data) == (403, "EstopEngaged")
    api.machine.model = "OT-2 Standard"
    assert (await api.fails("GET", "/robot/control/estopStatus"))[0] == 403
