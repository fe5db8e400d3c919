"""Runs, their actions and commands, and maintenance runs."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from sim.opentrons.answers import (
    ACTIONS,
    NOT_IDLE,
    REACTIONS,
    ApiError,
    body_of,
    command_of,
    command_shown,
    current_run,
    date,
    dated,
    full,
    link,
    maintenance_run,
    many,
    protocol_of,
    refuse_estop,
    run_of,
    run_shown,
    summary,
)
from sim.opentrons.machine import Machine, Run
from sim.opentrons.run_state import NotAllowed


def add(app: FastAPI, machine: Machine) -> None:
    """All of them."""
    _run_routes(app, machine)
    _action_routes(app, machine)
    _command_routes(app, machine)
    _maintenance_routes(app, machine)


def _run_routes(app: FastAPI, machine: Machine) -> None:
    @app.get("/runs")
    async def runs(pageLength: int | None = None) -> Any:
        current = machine.current
        links = {"current": {"href": f"/runs/{current.id}"}} if current else {}
        return {**many([run_shown(one) for one in machine.runs[-pageLength if pageLength else 0 :]]), "links": links}

    @app.post("/runs")
    async def create(request: Request) -> Any:
        refuse_estop(machine)
        data = await body_of(request)
        protocol = protocol_of(machine, str(data["protocolId"])) if data.get("protocolId") else None
        try:
            made = machine.create(protocol)
        except NotAllowed as held:
            raise ApiError(409, "RunAlreadyActive", f"Run {held} is active") from None
        return JSONResponse({"data": run_shown(made)}, 201)

    @app.get("/runs/{run}")
    async def show(run: str) -> Any:
        return {"data": run_shown(run_of(machine, run))}

    @app.patch("/runs/{run}")
    async def change(run: str, request: Request) -> Any:
        found = current_run(machine, run)
        if (await body_of(request)).get("current") is False:
            if found.state.active:
                raise ApiError(409, "RunNotIdle", NOT_IDLE)
            machine.dismiss(found)
        return {"data": run_shown(found)}

    @app.delete("/runs/{run}")
    async def remove(run: str) -> Any:
        found = run_of(machine, run)
        if found.state.active:
            raise ApiError(409, "RunNotIdle", NOT_IDLE)
        machine.runs.remove(found)
        return {}


def _action_routes(app: FastAPI, machine: Machine) -> None:
    @app.post("/runs/{run}/actions")
    async def act(run: str, request: Request) -> Any:
        data = await body_of(request)
        action = data.get("actionType")
        if action not in ACTIONS:
            raise ApiError(422, "InvalidRequest", f"unknown actionType {action!r}", "/data/actionType")
        refuse_estop(machine)
        found = current_run(machine, run)
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
        taken = {"id": machine.unique(), "createdAt": date(machine.now()), "actionType": action}
        found.actions.append(taken)
        return JSONResponse({"data": taken}, 201)

    @app.put("/runs/{run}/errorRecoveryPolicy")
    async def policy(run: str, request: Request) -> Any:
        found = current_run(machine, run)
        rules = (await body_of(request)).get("policyRules")
        if not isinstance(rules, list) or any(rule.get("ifMatch") not in REACTIONS for rule in rules):
            raise ApiError(422, "InvalidRequest", "value is not a valid enumeration member", "/data/policyRules")
        found.policy = rules
        return {}


def _command_routes(app: FastAPI, machine: Machine) -> None:
    @app.get("/runs/{run}/commands")
    async def commands(
        run: str, cursor: int | None = None, pageLength: int = 20, includeFixitCommands: bool = True
    ) -> Any:
        found = run_of(machine, run)
        listed = [one for one in found.commands if includeFixitCommands or one["intent"] != "fixit"]
        total = len(listed)
        start = max(total - pageLength, 0) if cursor is None else min(cursor, total)
        page = [summary(one) for one in listed[start : start + pageLength]]
        ends = {"current": found.commands[-1]["id"] if found.commands else "",
                "currentlyRecoveringFrom": found.state.failed}  # fmt: skip
        links = {name: link(found, identifier) for name, identifier in ends.items() if identifier}
        return {"data": page, "links": links, "meta": {"cursor": start, "totalLength": total}}

    @app.get("/runs/{run}/commands/{command}")
    async def one(run: str, command: str) -> Any:
        return {"data": command_shown(run_of(machine, run), command)}

    @app.post("/runs/{run}/commands")
    async def enqueue(run: str, request: Request, failedCommandId: str | None = None) -> Any:
        refuse_estop(machine)
        found = current_run(machine, run)
        kind, data = command_of(await body_of(request))
        intent = data.get("intent", "setup")
        if failedCommandId and intent != "fixit":
            raise ApiError(409, "CommandNotAllowed", "failed command id should be supplied with a FIXIT command.")
        try:
            made = machine.enqueue(found, kind, data.get("params", {}), intent, data.get("key"), failedCommandId)
        except NotAllowed as error:
            name = "RunStopped" if found.state.result else "CommandNotAllowed"
            raise ApiError(409, name, str(error)) from None
        return JSONResponse({"data": full(made)}, 201)

    @app.get("/runs/{run}/commandErrors")
    async def errors(run: str) -> Any:
        return many([dated(one) for one in run_of(machine, run).command_errors])


def _maintenance_routes(app: FastAPI, machine: Machine) -> None:
    @app.post("/maintenance_runs")
    async def create() -> Any:
        refuse_estop(machine)
        current = machine.current
        if current is not None and current.state.active:
            raise ApiError(409, "ProtocolRunIsActive", "Cannot create maintenance run when a protocol run is active.")
        machine.maintenance = Run(machine.unique(), None)
        return JSONResponse({"data": run_shown(machine.maintenance)}, 201)

    @app.get("/maintenance_runs/current_run")
    async def current() -> Any:
        if machine.maintenance is None:
            raise ApiError(404, "NoCurrentRunFound", "No maintenance run currently running.")
        return {"data": run_shown(machine.maintenance)}

    @app.get("/maintenance_runs/{run}")
    async def show(run: str) -> Any:
        return {"data": run_shown(maintenance_run(machine, run))}

    @app.post("/maintenance_runs/{run}/commands")
    async def enqueue(run: str, request: Request) -> Any:
        refuse_estop(machine)
        found = maintenance_run(machine, run)
        kind, data = command_of(await body_of(request))
        made = machine.enqueue(found, kind, data.get("params", {}), "setup", data.get("key"))
        return JSONResponse({"data": full(made)}, 201)

    @app.get("/maintenance_runs/{run}/commands/{command}")
    async def one(run: str, command: str) -> Any:
        return {"data": command_shown(maintenance_run(machine, run), command)}

    @app.delete("/maintenance_runs/{run}")
    async def remove(run: str) -> Any:
        maintenance_run(machine, run)
        machine.maintenance = None
        return {}
