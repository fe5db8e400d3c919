"""Bodies and errors as the robot's server makes them, and what a request names: shared by all routes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from fastapi import Request

from sim.opentrons.context import ROBOTS
from sim.opentrons.machine import Machine, Protocol, Run

KINDS = ("home", "comment", "aspirate", "dispense", "pickUpTip", "dropTip", "dropTipInPlace", "loadLabware",
         "loadPipette", "moveToAddressableAreaForDropTip", "waitForResume", "moveToWell", "blowout")  # fmt: skip
REACTIONS = ("waitForRecovery", "failRun", "ignoreAndContinue")
ESTOP = {"physicallyEngaged": ("EstopEngaged", "Endpoint access is not permitted while estop is engaged"),
         "logicallyEngaged": ("EstopNotAcknowledged", "Must acknowledge estop event to access this endpoint"),
         "notPresent": ("EstopNotAttached", "An estop must be attached to access this endpoint")}  # fmt: skip
NOT_IDLE = ("Run is currently active. Allow the run to finish or stop it with a `stop` action before attempting to"
            " modify it.")  # fmt: skip
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


def many(data: list[Any]) -> dict[str, Any]:
    return {"data": data, "meta": {"cursor": 0, "totalLength": len(data)}}


def refuse_estop(machine: Machine) -> None:
    if machine.model == "OT-3 Standard" and machine.estop in ESTOP:
        raise ApiError(403, *ESTOP[machine.estop])


def link(run: Run, command: str) -> dict[str, Any]:
    index, found = next((n, one) for n, one in enumerate(run.commands) if one["id"] == command)
    meta = {"runId": run.id, "commandId": command, "index": index, "key": found["key"],
            "createdAt": date(found["createdAt"])}  # fmt: skip
    return {"href": f"/runs/{run.id}/commands/{command}", "meta": meta}


async def body_of(request: Request) -> dict[str, Any]:
    """The `data` of a request."""
    try:
        body = json.loads(await request.body())
        return dict(body["data"])
    except (ValueError, KeyError, TypeError):
        raise ApiError(422, "InvalidRequest", "field required", "/data") from None


def command_of(data: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    kind = data.get("commandType")
    if kind not in KINDS:
        raise ApiError(422, "InvalidRequest", f"unknown commandType {kind!r}", "/data/commandType")
    return str(kind), data


def parts_of(kind: str, body: bytes) -> tuple[dict[str, str], dict[str, str]]:
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


def protocol_of(machine: Machine, protocol: str) -> Protocol:
    found = next((one for one in machine.protocols if one.id == protocol), None)
    if found is None:
        raise ApiError(404, "ProtocolNotFound", f"Protocol {protocol} was not found.")
    return found


def run_of(machine: Machine, run: str) -> Run:
    found = next((one for one in machine.runs if one.id == run), None)
    if found is None:
        raise ApiError(404, "RunNotFound", f"Run {run} was not found.")
    return found


def current_run(machine: Machine, run: str) -> Run:
    found = run_of(machine, run)
    if not found.current:
        raise ApiError(409, "RunStopped", f"Run {run} is not the current run")
    return found


def maintenance_run(machine: Machine, run: str) -> Run:
    if machine.maintenance is None or machine.maintenance.id != run:
        raise ApiError(404, "RunNotFound", f"Run {run} was not found.")
    return machine.maintenance


def command_shown(run: Run, command: str) -> dict[str, Any]:
    found = next((one for one in run.commands if one["id"] == command), None)
    if found is None:
        raise ApiError(404, "CommandNotFound", f"Command {command} not found.")
    return full(found)


def protocol_shown(machine: Machine, protocol: Protocol) -> dict[str, Any]:
    status = "pending" if machine.now() < protocol.ready_at else "completed"
    return {
        "id": protocol.id, "key": protocol.key, "protocolType": "python", "robotType": ROBOTS[protocol.robot],
        "files": [{"name": name, "role": "main" if name.endswith(".py") else "labware"} for name in protocol.files],
        "metadata": {}, "analysisSummaries": [{"id": f"{protocol.id}-analysis", "status": status}],
    }  # fmt: skip


def run_shown(run: Run) -> dict[str, Any]:
    context = run.protocol.context if run.protocol else None
    labware = [{"id": one.id, "loadName": one.load_name, "displayName": one.label,
                "location": {"slotName": one.slot}} for one in context.labware] if context else []  # fmt: skip
    pipettes = [{"id": p.id, "pipetteName": p.name, "mount": p.mount} for p in context.pipettes] if context else []
    return {
        "id": run.id, "ok": True, "status": run.status, "current": run.current, "actions": run.actions,
        "errors": [dated(error) for error in run.errors], "hasEverEnteredErrorRecovery": run.state.entered_recovery,
        "pipettes": pipettes, "modules": [], "labware": labware, "liquids": [], "labwareOffsets": [],
        "runTimeParameters": [], "protocolId": run.protocol.id if run.protocol else None,
    }  # fmt: skip


def summary(command: Mapping[str, Any]) -> dict[str, Any]:
    """As in the list: everything but the result."""
    return {key: value for key, value in full(command).items() if key != "result"}


def full(command: Mapping[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in command.items() if key != "until"}
    for key in ("createdAt", "startedAt", "completedAt"):
        if key in shown:
            shown[key] = date(shown[key])
    if "error" in shown:
        shown["error"] = dated(shown["error"])
    return shown


def dated(error: Mapping[str, Any]) -> dict[str, Any]:
    return {**error, "createdAt": date(error["createdAt"])}


def date(seconds: float) -> str:
    return (EPOCH + timedelta(seconds=seconds)).isoformat()
