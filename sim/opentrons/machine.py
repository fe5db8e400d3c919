"""The robot itself: one run at a time, its commands one after the other in simulated time, liquid moved in the plant.

Nothing runs by itself: `advance` brings the machine up to now, and is called before every look and every act. A move
takes effect when it ends; a pause holds it in its middle, a stop breaks it off, and then nobody knows whether it had
its effect. Errors are put in by `fail`: on a Flex a defined one waits for recovery, on an OT-2 it ends the run, as the
robots' own policy has it, unless the run's `policy` says otherwise.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.opentrons.context import Context, rows, understood
from sim.opentrons.run_state import NotAllowed, RunState

Act = Callable[[str, list[dict[str, Any]]], float]
"""(op, channels) -> seconds the move takes; ValueError is the plant's refusal."""

SECONDS = {"home": 8.0, "loadLabware": 0.0, "loadPipette": 0.0, "comment": 0.0, "moveToAddressableAreaForDropTip": 2.0}
DEFINED = ("overpressure", "liquidNotFound", "tipPhysicallyMissing", "tipPhysicallyAttached", "stallOrCollision")
_OPS = {"pickUpTip": "pick_up_tips", "dropTipInPlace": "drop_tips", "aspirate": "aspirate", "dispense": "dispense"}
LIQUID = ("aspirate", "dispense")
PRESSED = ("physicallyEngaged", "logicallyEngaged")
_MOVE = 4.0
_ENDING = 6.0  # s to home and drop tips when a run is over
_KEPT = 20  # runs that the robot remembers


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
    state: RunState = field(default_factory=RunState)
    actions: list[dict[str, Any]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    command_errors: list[dict[str, Any]] = field(default_factory=list)
    policy: list[dict[str, Any]] = field(default_factory=list)
    current: bool = True
    busy_until: float = 0.0
    held_at: float | None = None

    @property
    def status(self) -> str:
        """As the robot reports it."""
        return self.state.status

    @property
    def under_way(self) -> dict[str, Any] | None:
        """The protocol's command that has begun and not ended."""
        last = self.commands[-1] if self.commands else None
        return last if last and last["status"] == "running" and last["intent"] == "protocol" else None


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

    def upload(self, text: str, key: str | None, digest: str, custom: Mapping[str, Any], robot: str) -> Protocol:
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
        if held is not None and held.state.active:
            raise NotAllowed(held.id)
        if held is not None:
            self.dismiss(held)
        planned = [dict(one) for one in protocol.context.commands] if protocol and protocol.context else []
        run = Run(self.unique(), protocol, planned=planned, state=RunState(door_open=self.door_open))
        self.runs = [*self.runs[1 - _KEPT :], run]
        return run

    def dismiss(self, run: Run) -> None:
        """It holds the robot no more; one that never began counts as stopped."""
        if not run.state.result:
            run.state.end("stopped")
        run.state.finished, run.current = True, False

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
        """Begin or go on. A maintenance run gives way."""
        self.advance()
        run.state.play()
        self.maintenance = None
        if run.state.moves:
            self._go_on(run)

    def pause(self, run: Run) -> None:
        """Hold, in the middle of a move."""
        self.advance()
        run.state.pause()
        self._hold(run)

    def stop(self, run: Run) -> None:
        """End the run; what is under way is broken off."""
        self.advance()
        run.state.stop()
        self._end_run(run)

    def resume(self, run: Run) -> None:
        """Out of recovery; the failed command is not repeated."""
        self.advance()
        fixing = any(one["intent"] == "fixit" and one["status"] == "running" for one in run.commands)
        run.state.resume(fixing=fixing)
        run.busy_until = self.now()

    def enqueue(
        self, run: Run, kind: str, params: Mapping[str, Any], intent: str, key: str | None, failed: str | None = None
    ) -> dict[str, Any]:
        """A single command: setup, fixit or maintenance. It begins at once."""
        self.advance()
        run.state.may_queue(intent, kind)
        command = self._new(kind, params, key, intent)
        if failed:
            command["failedCommandId"] = failed
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
            if run.current and self.door_open is not run.state.door_open:
                self._door(run)
            if run.current and self.estop in PRESSED and run.state.active and not run.state.result:
                run.state.end("failed")
                self._end_run(run)

    def _door(self, run: Run) -> None:
        moving = run.state.moves
        run.state.door(self.door_open)
        if moving and not run.state.moves:
            self._hold(run)

    def _hold(self, run: Run) -> None:
        run.held_at = self.now()

    def _go_on(self, run: Run) -> None:
        """What was held in its middle goes on as much later as it was held."""
        waiting = run.under_way
        if waiting is not None and waiting["commandType"] == "waitForResume":
            waiting["status"], waiting["completedAt"] = "succeeded", self.now()
        elif waiting is not None and run.held_at is not None:
            waiting["until"] += self.now() - run.held_at
            run.busy_until, run.held_at = waiting["until"], None
            return
        run.busy_until, run.held_at = self.now(), None

    def _end_run(self, run: Run) -> None:
        """Break off what is under way; home and drop tips, which takes its time."""
        broken = run.under_way
        if broken is not None:
            if broken["commandType"] in LIQUID and self.random.random() < 0.5:
                self._move(run, broken)
            broken["status"], broken["completedAt"] = "failed", self.now()
            broken["error"] = self._error("RunStoppedError", "Run was cancelled ", False)
        self._drop_tips(run)
        run.busy_until = self.now() + _ENDING

    def _settle_single(self, run: Run) -> None:
        """Fixes and maintenance commands end by themselves."""
        for command in run.commands:
            if command["status"] == "running" and command["intent"] != "protocol" and self.now() >= command["until"]:
                self._end(run, command)

    def _step(self, run: Run) -> bool:
        """One thing that has happened by now; False when nothing more has."""
        now = self.now()
        if run.state.result:
            run.state.finished = run.state.finished or now >= run.busy_until
            return False
        command = run.under_way
        if command is not None and run.held_at is None:
            if now < command["until"] or command["commandType"] == "waitForResume":
                return False
            self._end(run, command)
            return True
        if not run.state.moves or run.busy_until > now:
            return False
        done = sum(one["intent"] == "protocol" for one in run.commands)
        if done >= len(run.planned):
            run.state.end("succeeded")
            run.busy_until = max(run.busy_until, 0.0) + _ENDING
            return True
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
            command["until"] = float("inf")
            run.state.pause()

    def _end(self, run: Run, command: dict[str, Any]) -> None:
        """Effect of a command whose time is over."""
        command["completedAt"] = command["until"]
        failure = self._due(command["commandType"])
        problem = None
        if failure is None:
            problem = self._move(run, command)
        if failure is None and problem is None:
            command["status"] = "succeeded"
            return
        kind = failure.error_type if failure else "commandError"
        defined = failure.defined if failure else False
        command["status"], command["error"] = "failed", self._error(kind, problem or f"{kind} injected", defined)
        run.command_errors.append(command["error"])
        if command["intent"] == "protocol":
            self._fallen(run, command, defined)

    def _fallen(self, run: Run, command: Mapping[str, Any], defined: bool) -> None:
        reaction = next((rule["ifMatch"] for rule in run.policy if _matches(rule, command)), "waitForRecovery")
        if defined and self.model == "OT-3 Standard" and reaction != "failRun":
            run.state.recover(command["id"])
            return
        run.state.end("failed")
        wrapped = dict(command["error"])
        text = f"{wrapped['errorType']} [line 40]: {wrapped['detail']}"
        run.errors = [{**self._error("ExceptionInProtocolError", text, False), "wrappedErrors": [wrapped]}]
        self._drop_tips(run)
        run.busy_until = command["until"] + _ENDING

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


def _matches(rule: Mapping[str, Any], command: Mapping[str, Any]) -> bool:
    wanted = rule["matchCriteria"]["command"]
    kinds = wanted["commandType"], wanted["error"]["errorType"]
    return bool(kinds == (command["commandType"], command["error"]["errorType"]))
