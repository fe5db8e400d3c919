"""The robot itself: one run at a time, its commands one after the other in simulated time, liquid moved in the plant.

Nothing runs by itself: `advance` brings the machine up to now, and is called before every look and every act. A move
takes effect when it ends. Errors are put in by `fail`: on a Flex a defined one waits for recovery, on an OT-2 it ends
the run, as the robots' own policy has it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sim.opentrons.context import Context, rows, understood

Act = Callable[[str, list[dict[str, Any]]], float]
"""(op, channels) -> seconds the move takes; ValueError is the plant's refusal."""

ACTIVE = ("running", "paused", "awaiting-recovery", "blocked-by-open-door", "finishing", "stop-requested")
SECONDS = {"home": 8.0, "loadLabware": 0.0, "loadPipette": 0.0, "comment": 0.0, "moveToAddressableAreaForDropTip": 2.0}
DEFINED = ("overpressure", "liquidNotFound", "tipPhysicallyMissing", "tipPhysicallyAttached", "stallOrCollision")
_OPS = {"pickUpTip": "pick_up_tips", "dropTipInPlace": "drop_tips", "aspirate": "aspirate", "dispense": "dispense"}
_MOVE = 4.0


class NotAllowed(Exception):
    """The run's status does not allow this action."""


@dataclass
class Protocol:
    """An uploaded protocol and the analysis it got."""

    id: str
    key: str | None
    digest: str
    text: str
    robot: str
    context: Context | None
    problem: str
    ready_at: float
    files: tuple[str, ...]


@dataclass
class Run:
    """A run (or maintenance run): what it does, where it stands."""

    id: str
    protocol: Protocol | None
    commands: list[dict[str, Any]] = field(default_factory=list)
    planned: list[dict[str, Any]] = field(default_factory=list)
    status: str = "idle"
    actions: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    command_errors: list[dict[str, Any]] = field(default_factory=list)
    current: bool = True
    entered_recovery: bool = False
    busy_until: float = 0.0
    wanted: str = ""


@dataclass
class Failure:
    """An error to come: at the `number`-th command of this kind from now."""

    kind: str
    number: int
    error_type: str
    defined: bool


@dataclass
class Machine:
    """One emulated robot. `labels` gives the plant's names for places that the deck calls otherwise."""

    model: str
    now: Callable[[], float]
    act: Act
    labels: Mapping[str, str] = field(default_factory=dict)
    api_version: str = "8.1.0"
    serial: str = "SIM0001"
    analysis_time: float = 4.0
    starts_at: float = 0.0
    pipettes: Mapping[str, str] = field(default_factory=dict)
    door_open: bool = False
    estop: str = "disengaged"
    protocols: list[Protocol] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    maintenance: Run | None = None
    failures: list[Failure] = field(default_factory=list)
    random: random.Random = field(default_factory=lambda: random.Random(0))

    def fail(self, kind: str, number: int = 1, error_type: str = "overpressure", *, defined: bool = True) -> None:
        """Let the `number`-th command `kind` from now go wrong."""
        self.failures.append(Failure(kind, number, error_type, defined))

    def restart(self, seconds: float = 60.0) -> None:
        """Power off and on: the run is gone from the robot's memory, what was moved stays moved."""
        self.advance()
        for run in self.runs:
            run.current = False
        self.maintenance = None
        self.starts_at = self.now() + seconds

    # -- resources

    def upload(self, text: str, key: str | None, digest: str, custom: Sequence[str], robot: str) -> Protocol:
        """A new protocol; the robot begins to analyse it."""
        context, problem = None, ""
        try:
            context = understood(text, custom)
        except Exception as error:  # whatever a protocol raises is its analysis
            problem = f"{type(error).__name__} [line 1]: {error}"
        ready = self.now() + self.analysis_time
        files = ("protocol.py", *(f"{name}.json" for name in custom))
        made = Protocol(self.unique(), key, digest, text, robot, context, problem, ready, files)
        self.protocols.append(made)
        return made

    def create(self, protocol: Protocol | None) -> Run:
        """A run of `protocol`; the one before is current no more. NotAllowed while that one is active."""
        held = self.current
        if held is not None and held.status in ACTIVE:
            raise NotAllowed(held.id)
        if held is not None:
            held.current = False
        planned = [dict(one) for one in protocol.context.commands] if protocol and protocol.context else []
        run = Run(self.unique(), protocol, planned=planned)
        self.runs.append(run)
        return run

    @property
    def current(self) -> Run | None:
        """The run that holds the robot."""
        self.advance()
        return next((run for run in reversed(self.runs) if run.current), None)

    def unique(self) -> str:
        """An id as the robot makes them."""
        digits = f"{self.random.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    # -- actions

    def play(self, run: Run) -> None:
        """Start or go on; accepted and without effect where it makes no sense."""
        self.advance()
        if run.status in ("stopped", "failed", "succeeded"):
            raise NotAllowed("The run has already stopped.")
        if run.status == "paused":
            self._finish_wait(run)
        if run.status in ("idle", "paused", "blocked-by-open-door"):
            run.status = "blocked-by-open-door" if self.door_open else "running"
            run.busy_until = max(run.busy_until, self.now())
        run.wanted = ""

    def pause(self, run: Run) -> None:
        """Hold at the next move."""
        self.advance()
        if run.status != "running":
            raise NotAllowed("Cannot pause a run that is not running.")
        run.wanted = "paused"

    def stop(self, run: Run) -> None:
        """End the run; a move under way is finished first."""
        self.advance()
        if run.status in ("stopped", "failed", "succeeded"):
            raise NotAllowed("The run has already stopped.")
        busy = run.busy_until > self.now() and run.status == "running"
        run.status, run.wanted = ("stop-requested", "stopped") if busy else ("stopped", "")
        if not busy:
            self._drop_tips(run)

    def resume(self, run: Run) -> None:
        """Out of recovery; the failed command is not repeated."""
        self.advance()
        if run.status != "awaiting-recovery":
            raise NotAllowed("Cannot resume from recovery when not in recovery.")
        run.status, run.busy_until = "running", self.now()

    def enqueue(self, run: Run, kind: str, params: Mapping[str, Any], intent: str, key: str | None) -> dict[str, Any]:
        """A single command: setup, fixit or maintenance. It begins at once."""
        self.advance()
        command = self._new(kind, params, key, intent)
        run.commands.append(command)
        start = max(run.busy_until, self.now())
        self._begin(run, command, start)
        return command

    # -- time

    def advance(self) -> None:
        """Everything that has ended by now."""
        for run in [*self.runs, *([self.maintenance] if self.maintenance else [])]:
            self._settle_single(run)
            while run.current and self._step(run):
                pass

    def _settle_single(self, run: Run) -> None:
        """Fixes and maintenance commands end by themselves."""
        for command in run.commands:
            if command["status"] == "running" and command["intent"] != "protocol" and self.now() >= command["until"]:
                self._end(run, command)

    def _step(self, run: Run) -> bool:
        """One thing that has happened by now; False when nothing more has."""
        now = self.now()
        command = run.commands[-1] if run.commands else None
        if command is not None and command["status"] == "running" and command["intent"] == "protocol":
            if now < command["until"] or command["commandType"] == "waitForResume":
                return False
            return self._end(run, command)
        if run.status == "stop-requested" or run.wanted:
            run.status, run.wanted = (run.wanted or "stopped"), ""
            if run.status == "stopped":
                self._drop_tips(run)
            return False
        if run.status == "running" and self.door_open:
            run.status = "blocked-by-open-door"
        if run.status != "running" or run.busy_until > now:
            return False
        done = sum(one["intent"] == "protocol" for one in run.commands)
        if done >= len(run.planned):
            run.status = "succeeded"
            return False
        nxt = run.planned[done]
        command = self._new(nxt["commandType"], nxt["params"], None, "protocol", nxt["result"])
        run.commands.append(command)
        self._begin(run, command, run.busy_until)
        return True

    def _begin(self, run: Run, command: dict[str, Any], start: float) -> None:
        command["status"], command["startedAt"] = "running", start
        command["until"] = start + self._seconds(command)
        run.busy_until = command["until"]
        if command["commandType"] == "waitForResume":
            run.status, command["until"] = "paused", float("inf")

    def _finish_wait(self, run: Run) -> None:
        for command in run.commands:
            if command["commandType"] == "waitForResume" and command["status"] == "running":
                command["status"], command["completedAt"] = "succeeded", self.now()
                run.busy_until = self.now()

    def _end(self, run: Run, command: dict[str, Any]) -> bool:
        """Effect of a command whose time is over; False when the run does not go on."""
        command["completedAt"] = command["until"]
        failure = self._due(command["commandType"])
        problem = None
        if failure is None:
            problem = self._move(run, command)
        if failure is None and problem is None:
            command["status"] = "succeeded"
            return True
        kind = failure.error_type if failure else "commandError"
        defined = failure.defined if failure else False
        command["status"], command["error"] = "failed", self._error(kind, problem or f"{kind} injected", defined)
        run.command_errors.append(command["error"])
        if command["intent"] == "protocol":
            self._fallen(run, command["error"], defined)
        return False

    def _fallen(self, run: Run, error: Mapping[str, Any], defined: bool) -> None:
        if defined and self.model == "OT-3 Standard":
            run.status, run.entered_recovery = "awaiting-recovery", True
            return
        run.status = "failed"
        run.errors = [dict(error)]
        self._drop_tips(run)

    def _drop_tips(self, run: Run) -> None:
        """A run that ends badly leaves no tip on a pipette: they go to the trash with what is in them."""
        holding: dict[str, dict[str, Any]] = {}
        for command in run.commands:
            if command["status"] != "succeeded":
                continue
            if command["commandType"] == "pickUpTip":
                holding[command["params"]["pipetteId"]] = command
            elif command["commandType"] == "dropTipInPlace":
                holding.pop(command["params"]["pipetteId"], None)
        for pipette in holding:
            self._move(run, {"commandType": "dropTipInPlace", "params": {"pipetteId": pipette}})

    def _due(self, kind: str) -> Failure | None:
        for failure in self.failures:
            if failure.kind == kind:
                failure.number -= 1
                if failure.number <= 0:
                    self.failures.remove(failure)
                    return failure
        return None

    def _move(self, run: Run, command: Mapping[str, Any]) -> str | None:
        """Do it in the plant; the plant's reason when it says no."""
        op = _OPS.get(command["commandType"])
        context = run.protocol.context if run.protocol else None
        if op is None or context is None:
            return None
        try:
            self.act(op, self._channels(context, command))
        except ValueError as error:
            return str(error)
        return None

    def _channels(self, context: Context, command: Mapping[str, Any]) -> list[dict[str, Any]]:
        params = command["params"]
        pipette = next(one for one in context.pipettes if one.id == params["pipetteId"])
        piece = next((one for one in context.labware if one.id == params.get("labwareId")), None)
        base = 0 if pipette.mount == "left" else 8
        if piece is None:
            return [{"channel": base + n, "resource": "trash", "well": "A1"} for n in range(pipette.channels)]
        wells = rows(pipette.channels, str(params["wellName"]))
        volume = {"volume_ul": params["volume"]} if "volume" in params else {}
        return [
            {"channel": base + number, **self._place(piece.label, str(params["wellName"]), well), **volume}
            for number, well in enumerate(wells)
        ]

    def _place(self, label: str, first: str, well: str) -> dict[str, str]:
        """Where a channel stands; all channels of a pipette stand in one trough."""
        position = self.labels.get(f"{label}:{first}") or self.labels.get(label)
        return {"resource": position, "well": "A1"} if position else {"resource": label, "well": well}

    def _seconds(self, command: Mapping[str, Any]) -> float:
        volume = float(command["params"].get("volume", 0.0))
        return SECONDS.get(command["commandType"], _MOVE) + volume / 100.0

    def _new(
        self, kind: str, params: Mapping[str, Any], key: str | None, intent: str,
        result: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        identifier = self.unique()
        return {
            "id": identifier, "key": key or self.unique(), "commandType": kind, "params": dict(params),
            "status": "queued", "intent": intent, "createdAt": self.now(), "result": dict(result or {}), "until": 0.0,
        }  # fmt: skip

    def _error(self, kind: str, detail: str, defined: bool) -> dict[str, Any]:
        return {
            "id": self.unique(), "createdAt": self.now(), "isDefined": defined, "errorType": kind,
            "errorCode": "3006" if defined else "4000", "detail": detail, "errorInfo": {}, "wrappedErrors": [],
        }  # fmt: skip
