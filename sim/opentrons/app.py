"""The robot's HTTP API in front of a machine: an ASGI application with the bodies and errors of robot software 8."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from sim.opentrons import run_routes
from sim.opentrons.answers import ApiError, date, many, parts_of, protocol_of, protocol_shown
from sim.opentrons.context import ROBOTS, header
from sim.opentrons.machine import Machine


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
    run_routes.add(app, machine)
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
        return many([
            {"mount": m, "instrumentType": "pipette", "instrumentName": n, "ok": True}
            for m, n in machine.pipettes.items()
        ])  # fmt: skip

    @app.get("/modules")
    async def modules() -> Any:
        return many([])

    @app.get("/system/time")
    async def time() -> Any:
        return {"data": {"id": "time", "systemTime": date(machine.now())}}

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
        files, form = parts_of(request.headers.get("content-type", ""), await request.body())
        digest = hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()
        known = next((one for one in machine.protocols if one.digest == digest), None)
        if known is not None:
            if machine.now() < known.ready_at:
                raise ApiError(503, "LastAnalysisPending", f"Analysis of protocol {known.id} is still pending.")
            return JSONResponse({"data": protocol_shown(machine, known)}, 200)
        scripts = [text for name, text in files.items() if name.endswith(".py")]
        if len(scripts) != 1:
            raise ApiError(422, "ProtocolFilesInvalid", "No main protocol file given")
        try:
            robot, _ = header(scripts[0])
        except (SyntaxError, ValueError) as error:
            raise ApiError(422, "ProtocolFilesInvalid", str(error)) from None
        if ROBOTS.get(robot) != machine.model:
            raise ApiError(422, "ProtocolRobotTypeMismatch", f"This protocol is for {robot} robots.")
        custom = {name.removesuffix(".json"): json.loads(text) for name, text in files.items() if ".json" in name}
        made = machine.upload(scripts[0], form.get("key"), digest, custom, robot)
        return JSONResponse({"data": protocol_shown(machine, made)}, 201)

    @app.get("/protocols/{protocol}")
    async def show(protocol: str) -> Any:
        return {"data": protocol_shown(machine, protocol_of(machine, protocol))}

    @app.get("/protocols/{protocol}/analyses/{analysis}")
    async def analysis(protocol: str, analysis: str) -> Any:
        found = protocol_of(machine, protocol)
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

    @app.get("/protocols")
    async def protocols() -> Any:
        return many([protocol_shown(machine, one) for one in machine.protocols])

    @app.delete("/protocols/{protocol}")
    async def remove(protocol: str) -> Any:
        found = protocol_of(machine, protocol)
        if any(run.protocol is found for run in machine.runs):
            raise ApiError(409, "ProtocolUsedByRun", f"Protocol {protocol} is used by a run and cannot be deleted.")
        machine.protocols.remove(found)
        return {}
