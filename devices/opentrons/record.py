"""What is kept of a run: the protocol as it was sent, and the robot's own record, copied because it forgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from devices.opentrons.client import Robot
from devices.opentrons.runs import Runs
from devices.readings import OrderDocument, RunRecord
from vesiflow.errors import BadReply
from vesiflow.ids import canonical

KEPT = ("id", "commandType", "status", "intent", "params", "error", "startedAt", "completedAt", "failedCommandId")
"""What is copied of a command; the list of commands has no results."""


def document(protocol: str, labware: Mapping[str, object]) -> OrderDocument:
    """A protocol file and the labware files that go along."""
    sums = {name: _sum(canonical(data)) for name, data in labware.items()}
    return OrderDocument("protocol.py", protocol, _sum(protocol), sums)


async def copied(robot: Robot, runs: Runs, run: str) -> RunRecord:
    """The record of `run` on the robot; Refused when the robot has forgotten it."""
    state = await robot.get(f"/runs/{run}")
    health = await robot.health()
    protocol = str(state.get("protocolId") or "")
    identifier, analysis = await _analysis(robot, protocol)
    commands = await robot.commands(run)
    return RunRecord(
        run=run,
        status=str(state.get("status")),
        software=health.api_version if health else "",
        protocol=protocol,
        analysis=identifier,
        analysis_result=str(analysis.get("result", "")),
        analysis_sha256=_sum(canonical(analysis)),
        definitions=_definitions(analysis.get("commands", [])),
        offsets=list(state.get("labwareOffsets") or []),
        parameters=list(state.get("runTimeParameters") or []),
        recovered=bool(state.get("hasEverEnteredErrorRecovery")),
        errors=await runs.failures(run),
        commands=[{key: one[key] for key in KEPT if one.get(key) is not None} for one in commands],
    )


async def _analysis(robot: Robot, protocol: str) -> tuple[str, Mapping[str, Any]]:
    summaries = (await robot.get(f"/protocols/{protocol}")).get("analysisSummaries") or [{}]
    identifier = str(summaries[-1].get("id", ""))
    found = await robot.get(f"/protocols/{protocol}/analyses/{identifier}")
    if not isinstance(found, Mapping):
        raise BadReply("not the analysis of a protocol", value=repr(found)[:60], remedy="check the robot")
    return identifier, found


def _definitions(commands: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """SHA-256 of every labware definition that the robot's analysis used, where it says it."""
    loaded = [one for one in commands if one.get("commandType") == "loadLabware"]
    used = [(one.get("params", {}).get("loadName"), (one.get("result") or {}).get("definition")) for one in loaded]
    return {str(name): _sum(canonical(definition)) for name, definition in used if definition}


def _sum(text: str) -> str:
    return sha256(text.encode()).hexdigest()
