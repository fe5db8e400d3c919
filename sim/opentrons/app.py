"""The robot's HTTP API in front of a machine: an ASGI application with the bodies and errors of robot software 8."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from sim.opentrons.context import ROBOTS, header
from sim.opentrons.machine import ACTIVE, Machine, NotAllowed, Protocol, Run

KINDS = ("home", "comment", "aspirate", "dispense", "pickUpTip", "dropTip", "dropTipInPlace", "loadLabware",
         "loadPipette", "moveToAddressableAreaForDropTip", "waitForResume", "moveToWell", "blowout")  # fmt: skip
ACTIONS = ("play", "pause", "stop", "resume-from-recovery")
EPOCH = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


class ApiError(Exception):
    """An answer in the robot's usual shape of errors."""

    def __init__(self, status: int, name: str, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.status = status
        error: dict[str, Any] = {"id": name, "title": name, "detail": detail, "errorCode": "4000"}
        if pointer:
            error["source"] = {"pointer": pointer}
        self.body = {"errors": [error]}


def create_app(machine: Machine) -> FastAPI:
    """The API of one emulated robot."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(ApiError)
    async def shaped(request: Request, error: ApiError) -> Response:
        return JSONResponse(error.body, error.status)

    @app.exception_handler(404)
    async def unknown(request: Request, error: Exception) -> Response:
        return JSONResponse({"errors": [{"id": "BadRequest", "title": "Bad Request", "detail": "Not Found",
                                         "errorCode": "4000"}]}, 404)  # fmt: skip

    @app.middleware("http")
    async def at_the_door(request: Request, call_next: Any) -> Any:
        wrong = _version(request.headers.get("opentrons-version"))
        if wrong is not None:
            return wrong
        if machine.now() < machine.starts_at:
            body = ApiError(503, "DatabaseNotYetInitialized", "Initialization is still in progress.").body
            return JSONResponse(body, 503)
        machine.advance()
        answer = await call_next(request)
        answer.headers["opentrons-version"] = "4"
        return answer

    _robot_routes(app, machine)
    _protocol_routes(app, machine)
    _run_routes(app, machine)
    _command_routes(app, machine)
    _maintenance_routes(app, machine)
    return app


def _version(value: str | None) -> Response | None:
    """The odd shape of errors that the header has."""
    if value is None or not (value == "*" or value.isdigit()):
        return JSONResponse({"message": "Opentrons-Version header is missing or invalid", "errorCode": "4000"}, 422)
    if value != "*" and int(value) < 2:
        return JSONResponse(ApiError(400, "OutdatedAPIVersion", f"version {value} is no longer spoken").body, 400)
    return None


def _robot_routes(app: FastAPI, machine: Machine) -> None:
    @app.get("/health")
    async def health() -> Any:
        return {
            "name": "emulated", "robot_model": machine.model, "api_version": machine.api_version, "fw_version": "v1",
            "board_revision": "2.1", "logs": [], "system_version": "1", "maximum_protocol_api_version": [2, 20],
            "minimum_protocol_api_version": [2, 0], "robot_serial": machine.serial, "links": {},
        }  # fmt: skip

    @app.get("/instruments")
    async def instruments() -> Any:
        data = [{"mount": m, "instrumentType": "pipette", "instrumentName": n} for m, n in machine.pipettes.items()]
        return {"data": data, "meta": {"cursor": 0, "totalLength": len(data)}}

    @app.get("/pipettes")
    async def pipettes() -> Any:
        return {mount: {"name": machine.pipettes.get(mount), "model": None} for mount in ("left", "right")}

    @app.get("/robot/door/status")
    async def door() -> Any:
        return {"data": {"status": "open" if machine.door_open else "closed", "doorRequiredClosedForProtocol": True}}

    @app.get("/robot/control/estopStatus")
    async def estop() -> Any:
        if machine.model != "OT-3 Standard":
            raise ApiError(403, "NotSupportedOnOT2", "This endpoint is not supported on the OT-2")
        return {"data": {"status": machine.estop}}


def _protocol_routes(app: FastAPI, machine: Machine) -> None:
    @app.post("/protocols")
    async def upload(request: Request) -> Any:
        files, form = _parts(request.headers.get("content-type", ""), await request.body())
        digest = hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()
        known = next((one for one in machine.protocols if one.digest == digest), None)
        if known is not None:
            return JSONResponse({"data": _protocol(machine, known)}, 200)
        scripts = [text for name, text in files.items() if name.endswith(".py")]
        if len(scripts) != 1:
            raise ApiError(422, "ProtocolFilesInvalid", "No main protocol file given")
        try:
            robot, _ = header(scripts[0])
        except (SyntaxError, ValueError) as error:
            raise ApiError(422, "ProtocolFilesInvalid", str(error)) from None
        if ROBOTS.get(robot) != machine.model:
            raise ApiError(422, "ProtocolRobotTypeMismatch", f"This protocol is for {robot} robots.")
        custom = [name.removesuffix(".json") for name in files if name.endswith(".json")]
        made = machine.upload(scripts[0], form.get("key"), digest, custom, robot)
        return JSONResponse({"data": _protocol(machine, made)}, 201)

    @app.get("/protocols/{protocol}")
    async def show(protocol: str) -> Any:
        return {"data": _protocol(machine, _find(machine, protocol))}

    @app.get("/protocols/{protocol}/analyses/{analysis}")
    async def analysis(protocol: str, analysis: str) -> Any:
        found = _find(machine, protocol)
        if analysis != f"{found.id}-analysis":
            raise ApiError(404, "AnalysisNotFound", f"Analysis {analysis} not found")
        if machine.now() < found.ready_at:
            return {"data": {"id": analysis, "status": "pending"}}
        commands = found.context.commands if found.context else []
        errors = [{"errorType": "ExceptionInProtocolError", "detail": found.problem}] if found.problem else []
        return {
            "data": {"id": analysis, "status": "completed", "result": "not-ok" if errors else "ok", "errors": errors,
                     "robotType": machine.model, "commands": [{**c, "status": "succeeded"} for c in commands]}
        }  # fmt: skip


def _run_routes(app: FastAPI, machine: Machine) -> None:
    @app.get("/runs")
    async def runs() -> Any:
        current = machine.current
        links = {"current": {"href": f"/runs/{current.id}"}} if current else {}
        return {"data": [_run(one) for one in machine.runs], "links": links,
                "meta": {"cursor": 0, "totalLength": len(machine.runs)}}  # fmt: skip

    @app.post("/runs")
    async def create(request: Request) -> Any:
        data = await _body(request)
        protocol = _find(machine, str(data["protocolId"])) if data.get("protocolId") else None
        try:
            made = machine.create(protocol)
        except NotAllowed as held:
            raise ApiError(409, "RunAlreadyActive", f"Run {held} is active") from None
        return JSONResponse({"data": _run(made)}, 201)

    @app.get("/runs/{run}")
    async def show(run: str) -> Any:
        return {"data": _run(_find_run(machine, run))}

    @app.patch("/runs/{run}")
    async def change(run: str, request: Request) -> Any:
        found = _current(machine, run)
        if (await _body(request)).get("current") is False:
            if found.status in ACTIVE:
                raise ApiError(409, "RunNotIdle", "Run is currently active.")
            found.current = False
        return {"data": _run(found)}

    @app.delete("/runs/{run}")
    async def remove(run: str) -> Any:
        found = _find_run(machine, run)
        if found.status in ACTIVE:
            raise ApiError(409, "RunNotIdle", "Run is currently active.")
        machine.runs.remove(found)
        return {}

    @app.post("/runs/{run}/actions")
    async def act(run: str, request: Request) -> Any:
        data = await _body(request)
        action = data.get("actionType")
        if action not in ACTIONS:
            raise ApiError(422, "InvalidRequest", f"unknown actionType {action!r}", "/data/actionType")
        found = _current(machine, run)
        do = {
            "play": machine.play,
            "pause": machine.pause,
            "stop": machine.stop,
            "resume-from-recovery": machine.resume,
        }
        try:
            do[action](found)
        except NotAllowed as error:
            raise ApiError(409, "RunActionNotAllowed", str(error)) from None
        taken = {"id": machine.unique(), "createdAt": _date(machine.now()), "actionType": action}
        found.actions.append(taken)
        return JSONResponse({"data": taken}, 201)


def _command_routes(app: FastAPI, machine: Machine) -> None:
    @app.get("/runs/{run}/commands")
    async def commands(run: str, cursor: int | None = None, pageLength: int = 20) -> Any:
        found = _find_run(machine, run)
        total = len(found.commands)
        start = max(total - pageLength, 0) if cursor is None else min(cursor, total)
        failed = next((c for c in found.commands if c["status"] == "failed"), None)
        links = {"currentlyRecoveringFrom": {"href": f"/runs/{run}/commands/{failed['id']}"}} if (
            failed and found.status == "awaiting-recovery") else {}  # fmt: skip
        page = [_summary(one) for one in found.commands[start : start + pageLength]]
        return {"data": page, "links": links, "meta": {"cursor": start, "totalLength": total}}

    @app.get("/runs/{run}/commands/{command}")
    async def one(run: str, command: str) -> Any:
        return {"data": _command(_find_run(machine, run), command)}

    @app.post("/runs/{run}/commands")
    async def enqueue(run: str, request: Request) -> Any:
        found = _current(machine, run)
        kind, data = _command_of(await _body(request))
        intent = data.get("intent", "setup")
        if intent == "fixit" and found.status != "awaiting-recovery":
            raise ApiError(409, "CommandNotAllowed", "fixit commands are for error recovery")
        if intent != "fixit" and found.status != "idle":
            raise ApiError(409, "SetupCommandNotAllowed", "The run was started already")
        made = machine.enqueue(found, kind, data.get("params", {}), intent, data.get("key"))
        return JSONResponse({"data": _full(made)}, 201)

    @app.get("/runs/{run}/commandErrors")
    async def errors(run: str) -> Any:
        found = _find_run(machine, run).command_errors
        return {"data": [_dated(one) for one in found], "meta": {"cursor": 0, "totalLength": len(found)}}


def _maintenance_routes(app: FastAPI, machine: Machine) -> None:
    @app.post("/maintenance_runs")
    async def create() -> Any:
        current = machine.current
        if current is not None and current.status in ACTIVE:
            raise ApiError(409, "ProtocolRunIsActive", "Cannot create maintenance run when a protocol run is active.")
        machine.maintenance = Run(machine.unique(), None)
        return JSONResponse({"data": _run(machine.maintenance)}, 201)

    @app.get("/maintenance_runs/current_run")
    async def current() -> Any:
        if machine.maintenance is None:
            raise ApiError(404, "NoCurrentRunFound", "No maintenance run currently running.")
        return {"data": _run(machine.maintenance)}

    @app.post("/maintenance_runs/{run}/commands")
    async def enqueue(run: str, request: Request) -> Any:
        found = _maintenance(machine, run)
        kind, data = _command_of(await _body(request))
        made = machine.enqueue(found, kind, data.get("params", {}), "setup", data.get("key"))
        return JSONResponse({"data": _full(made)}, 201)

    @app.get("/maintenance_runs/{run}/commands/{command}")
    async def one(run: str, command: str) -> Any:
        return {"data": _command(_maintenance(machine, run), command)}

    @app.delete("/maintenance_runs/{run}")
    async def remove(run: str) -> Any:
        _maintenance(machine, run)
        machine.maintenance = None
        return {}


async def _body(request: Request) -> dict[str, Any]:
    """The `data` of a request."""
    try:
        body = json.loads(await request.body())
        return dict(body["data"])
    except (ValueError, KeyError, TypeError):
        raise ApiError(422, "InvalidRequest", "field required", "/data") from None


def _command_of(data: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    kind = data.get("commandType")
    if kind not in KINDS:
        raise ApiError(422, "InvalidRequest", f"unknown commandType {kind!r}", "/data/commandType")
    return str(kind), data


def _parts(kind: str, body: bytes) -> tuple[dict[str, str], dict[str, str]]:
    """Files by name and the other fields of a multipart body."""
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind.encode("latin-1") + b"\r\n\r\n" + body)
    files: dict[str, str] = {}
    form: dict[str, str] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name, file = part.get_param("name", header="content-disposition"), part.get_filename()
        payload = part.get_payload(decode=True)
        text = payload.decode("utf-8") if isinstance(payload, bytes) else ""
        if file and name == "files":
            files[file] = text
        elif name:
            form[str(name)] = text
    if not files:
        raise ApiError(422, "InvalidRequest", "field required", "/files")
    return files, form


def _find(machine: Machine, protocol: str) -> Protocol:
    found = next((one for one in machine.protocols if one.id == protocol), None)
    if found is None:
        raise ApiError(404, "ProtocolNotFound", f"Protocol {protocol} was not found.")
    return found


def _find_run(machine: Machine, run: str) -> Run:
    found = next((one for one in machine.runs if one.id == run), None)
    if found is None:
        raise ApiError(404, "RunNotFound", f"Run {run} was not found.")
    return found


def _current(machine: Machine, run: str) -> Run:
    found = _find_run(machine, run)
    if not found.current:
        raise ApiError(409, "RunStopped", f"Run {run} is not the current run")
    return found


def _maintenance(machine: Machine, run: str) -> Run:
    if machine.maintenance is None or machine.maintenance.id != run:
        raise ApiError(404, "RunNotFound", f"Run {run} was not found.")
    return machine.maintenance


def _command(run: Run, command: str) -> dict[str, Any]:
    found = next((one for one in run.commands if one["id"] == command), None)
    if found is None:
        raise ApiError(404, "CommandNotFound", f"Command {command} was not found.")
    return _full(found)


def _protocol(machine: Machine, protocol: Protocol) -> dict[str, Any]:
    status = "pending" if machine.now() < protocol.ready_at else "completed"
    return {
        "id": protocol.id, "key": protocol.key, "protocolType": "python", "robotType": ROBOTS[protocol.robot],
        "files": [{"name": name, "role": "main" if name.endswith(".py") else "labware"} for name in protocol.files],
        "metadata": {}, "analysisSummaries": [{"id": f"{protocol.id}-analysis", "status": status}],
    }  # fmt: skip


def _run(run: Run) -> dict[str, Any]:
    context = run.protocol.context if run.protocol else None
    labware = [{"id": one.id, "loadName": one.load_name, "displayName": one.label,
                "location": {"slotName": one.slot}} for one in context.labware] if context else []  # fmt: skip
    pipettes = [{"id": p.id, "pipetteName": p.name, "mount": p.mount} for p in context.pipettes] if context else []
    return {
        "id": run.id, "ok": True, "status": run.status, "current": run.current, "actions": run.actions,
        "errors": [_dated(error) for error in run.errors], "hasEverEnteredErrorRecovery": run.entered_recovery,
        "pipettes": pipettes, "modules": [], "labware": labware, "liquids": [], "labwareOffsets": [],
        "runTimeParameters": [], "protocolId": run.protocol.id if run.protocol else None,
    }  # fmt: skip


def _summary(command: Mapping[str, Any]) -> dict[str, Any]:
    """As in the list: everything but the result."""
    return {key: value for key, value in _full(command).items() if key != "result"}


def _full(command: Mapping[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in command.items() if key != "until"}
    for key in ("createdAt", "startedAt", "completedAt"):
        if key in shown:
            shown[key] = _date(shown[key])
    if "error" in shown:
        shown["error"] = _dated(shown["error"])
    return shown


def _dated(error: Mapping[str, Any]) -> dict[str, Any]:
    return {**error, "createdAt": _date(error["createdAt"])}


def _date(seconds: float) -> str:
    return (EPOCH + timedelta(seconds=seconds)).isoformat()
