"""The life of a run: uploaded and analysed, created, played, watched to its end, read back.

A run is the robot's own; everything here asks it. Status words that nobody knows count as "needs a person", never as
"still running".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from devices.opentrons.client import Robot, Starting
from devices.opentrons.protocol import announced
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault, NoReply, NotSent, Refused, VesiflowError

KEY = "vesiflow"
GOES_ON = frozenset({"running", "finishing", "stop-requested"})
RECOVERY = frozenset(
    {"awaiting-recovery", "awaiting-recovery-paused", "awaiting-recovery-blocked-by-open-door"}
)  # fmt: skip
ENDED = frozenset({"succeeded", "failed", "stopped"})
UNREACHABLE = "unreachable"
LOST = "lost"
LAST_PATIENCE = 120.0  # s for a run that was told to stop
LIQUID = ("aspirate", "dispense", "pickUpTip", "blowout")


@dataclass(frozen=True)
class Runs:
    """Runs on one robot; `period` s between two looks."""

    robot: Robot
    clock: Clock
    period: float

    @property
    def name(self) -> str:
        """The robot's name in the line file."""
        return self.robot.link.name

    async def current(self) -> Mapping[str, Any] | None:
        """The run that holds the robot, None when there is none."""
        for run in reversed(await self.robot.get("/runs")):
            if run.get("current"):
                return dict(run)
        return None

    async def is_ours(self, run: Mapping[str, Any]) -> bool:
        """Whether vesiflow made this run."""
        protocol = run.get("protocolId")
        if not protocol:
            return False
        try:
            return str((await self.robot.get(f"/protocols/{protocol}")).get("key") or "").startswith(KEY)
        except Refused:
            return False

    async def latest(self) -> Mapping[str, Any] | None:
        """The last run that vesiflow made and began, None when the robot knows none.

        One that was created and never played, because the answer was lost, has moved nothing.
        """
        for run in reversed(await self.robot.get("/runs")):
            if _was_played(run) and await self.is_ours(run):
                return dict(run)
        return None

    async def refuse_busy(self) -> None:
        """Refused while anything else holds the robot; a run of ours that never started is cleared away."""
        await self._refuse_maintenance()
        run = await self.current()
        if run is None or run["status"] in ENDED:
            return
        if run["status"] == "idle" and await self.is_ours(run):
            await self.robot.patch(f"/runs/{run['id']}", {"current": False})
            return
        raise Refused(
            "the robot is busy with another run",
            device=self.name,
            action="start",
            value=f"{run['id']} ({run['status']})",
            remedy="let it finish or close it in the Opentrons App",
        )

    async def _refuse_maintenance(self) -> None:
        """A maintenance run (somebody calibrates) would be cleared away by our play: the robot does not prevent it."""
        try:
            run = await self.robot.get("/maintenance_runs/current_run")
        except Starting:
            raise
        except Refused:  # 404: there is none
            return
        raise Refused(
            "the robot is busy with a maintenance run", device=self.name, action="start", value=str(run.get("id")),
            remedy="finish calibration or set-up in the Opentrons App",
        )  # fmt: skip

    async def analysed(
        self, protocol: str, labware: Mapping[str, object], key: str, patience: float
    ) -> tuple[str, Mapping[str, Any]]:
        """Upload and wait for the robot's own analysis: (protocol id, analysis). ConfigError when it is not clean."""
        end = self.clock.now() + patience
        uploaded = await self._uploaded(protocol, labware, f"{KEY} {key}", end)
        identifier = str(uploaded["id"])
        while not _analysed(summaries := (await self.robot.get(f"/protocols/{identifier}"))["analysisSummaries"]):
            await self._patience(end)
        analysis = await self.robot.get(f"/protocols/{identifier}/analyses/{summaries[-1]['id']}")
        errors = [str(error.get("detail", error)) for error in analysis.get("errors", [])]
        if errors or analysis.get("result", "ok") != "ok":
            reason = "; ".join(errors)[:300] or str(analysis.get("result"))
            raise ConfigError(
                f"the robot cannot do this protocol: {reason}", device=self.name, action="analyse",
                remedy="mend deck file or plan",
            )  # fmt: skip
        return identifier, analysis

    async def _uploaded(self, protocol: str, labware: Mapping[str, object], key: str, end: float) -> Mapping[str, Any]:
        """The protocol on the robot, under our key.

        The same files again are the protocol that is there already, with the key of whoever sent it first. When that
        was a person with the App, ours gets one line more: by its key a run is known to be ours.
        """
        while True:
            try:
                found: Mapping[str, Any] = await self.robot.upload(protocol, labware, key)
            except Starting:  # the same files are just being analysed
                await self._patience(end)
                continue
            if str(found.get("key") or "").startswith(KEY):
                return found
            protocol += f"\n# sent as {key}\n"

    async def _patience(self, end: float) -> None:
        if self.clock.now() >= end:
            raise Refused("the analysis does not end", device=self.name, action="analyse", remedy="try again")
        await self.clock.sleep(self.period)

    async def failed_command(self, run: str) -> str:
        """The id of the command that the run is recovering from, "" when there is none."""
        links = (await self.robot.whole(f"/runs/{run}/commands", {"pageLength": "1"})).get("links") or {}
        found = links.get("currentlyRecoveringFrom")
        if found:
            return str((found.get("meta") or {}).get("commandId") or str(found["href"]).rpartition("/")[2])
        failed = [c for c in await self.robot.commands(run) if c.get("status") == "failed" and _of_protocol(c)]
        return str(failed[-1]["id"]) if failed else ""

    async def is_fixed(self, run: str, failed: str) -> bool:
        """Whether the failed command was done again, and this time it went well."""
        key = fix_of(failed)
        return any(c.get("key") == key and c["status"] == "succeeded" for c in await self.robot.commands(run))

    async def create(self, protocol: str) -> str:
        """A new run of an analysed protocol; its id. Nothing moves yet."""
        return str((await self.robot.post("/runs", {"protocolId": protocol, "labwareOffsets": []}))["id"])

    async def act(self, run: str, action: str) -> None:
        """play, pause, stop or resume-from-recovery: taken, not yet done."""
        await self.robot.post(f"/runs/{run}/actions", {"actionType": action})

    async def play(self, run: str) -> None:
        """Start the run, once: after a lost answer the run itself is asked whether it was started."""
        try:
            await self.act(run, "play")
        except VesiflowError as error:
            if isinstance(error, NotSent | Refused | ConfigError):
                raise
            state = await self.robot.get(f"/runs/{run}")
            if not _was_played(state):
                raise

    async def status(self, run: str) -> str:
        """The run's status now."""
        return str((await self.robot.get(f"/runs/{run}"))["status"])

    async def watch(
        self,
        run: str,
        *,
        attention: float,
        stop_in_recovery: bool,
        held: Callable[[], bool] = lambda: False,
        told: Callable[[str], None] = lambda status: None,
    ) -> str:
        """Look until the run has ended; its last status, or LOST when the robot has forgotten that it ran.

        A robot that waits for a person (door, pause, recovery, a word nobody knows) or cannot be reached is given
        `attention` s, then the run is stopped: nobody shall let it go on later. In recovery it is stopped at once when
        `stop_in_recovery`. While `held` says so it waits for us, without end. `told` hears every status. DeviceFault
        when it does not even stop.
        """
        last_good = self.clock.now()
        stopped = False
        while (status := await self._look(run)) not in (*ENDED, LOST):
            told(status)
            now = self.clock.now()
            if (status in GOES_ON or held()) and not stopped:
                last_good = now
            patience_over = now - last_good > (LAST_PATIENCE if stopped else attention)
            if stopped and patience_over:
                raise DeviceFault(
                    "the run does not end", device=self.name, action="run", value=f"{run} ({status})",
                    remedy="look at the robot; stop the run there",
                )  # fmt: skip
            if not stopped and (patience_over or (stop_in_recovery and status in RECOVERY)):
                await self._stop(run)
                stopped, last_good = True, now
            await self.clock.sleep(self.period)
        told(status)
        return status

    async def _look(self, run: str) -> str:
        """The run's status; UNREACHABLE while the network or the robot is away."""
        try:
            state = await self.robot.get(f"/runs/{run}")
        except (NotSent, NoReply, Starting):
            return UNREACHABLE
        status = str(state["status"])
        return status if status in ENDED or state.get("current") else LOST

    async def _stop(self, run: str) -> None:
        """Ask it to stop; what it answers shows in its status."""
        with suppress(VesiflowError):
            await self.act(run, "stop")

    async def reach(self, run: str, wanted: frozenset[str], patience: float, action: str) -> None:
        """Wait until the run is in one of these states; DeviceFault when it does not come to it in time."""
        end = self.clock.now() + patience
        while (status := await self.status(run)) not in wanted:
            if self.clock.now() >= end:
                raise DeviceFault(
                    "the run does not follow", device=self.name, action=action, value=status, remedy="look at the robot"
                )
            await self.clock.sleep(self.period)

    async def release(self, run: str) -> None:
        """Give the robot free for others; a robot that says no keeps the run, which harms nobody."""
        try:
            await self.robot.patch(f"/runs/{run}", {"current": False})
        except Refused:
            return

    async def failures(self, run: str) -> list[str]:
        """What the robot says went wrong, in words."""
        state = await self.robot.get(f"/runs/{run}")
        said = [_words(error) for error in state.get("errors") or []]
        try:
            said += [_words(error) for error in await self.robot.get(f"/runs/{run}/commandErrors")]
        except (Refused, ConfigError, BadReply):  # older software has no such list
            said += [_words(c["error"]) for c in await self.robot.commands(run) if c.get("error")]
        return list(dict.fromkeys(said))


def fix_of(command: str) -> str:
    """The key of the one command that does a failed one again."""
    return f"fix-{command}"


def _was_played(run: Mapping[str, Any]) -> bool:
    return any(action.get("actionType") == "play" for action in run.get("actions") or [])


def _analysed(summaries: Sequence[Mapping[str, Any]]) -> bool:
    return bool(summaries) and summaries[-1]["status"] == "completed"


def _of_protocol(command: Mapping[str, Any]) -> bool:
    return command.get("intent") != "fixit"


def _words(error: Mapping[str, Any]) -> str:
    return f"{error.get('errorType', 'error')}: {error.get('detail', '')}"[:300]


def progress(commands: Sequence[Mapping[str, Any]], total: int, status: str) -> tuple[int, int]:
    """(transfers that happened, transfers after them that may have) by a run's own commands.

    A move counts when the next one was announced or the run succeeded, and nothing in it failed or what failed was
    done again as a fix. From the first failed move on everything that was begun is in doubt.
    """
    done, doubt = 0, 0
    for (first, count), body, is_last in _announcements(commands):
        begun = any(one.get("commandType") in LIQUID and one.get("status") != "queued" for one in body)
        complete = _mended(body) and (not is_last or status == "succeeded") and begun
        if complete and not doubt and first == done:
            done += count
        elif begun:
            doubt = first + count - done
    return min(done, total), min(doubt, total - min(done, total))


def _announcements(
    commands: Sequence[Mapping[str, Any]],
) -> list[tuple[tuple[int, int], list[Mapping[str, Any]], bool]]:
    moves: list[tuple[tuple[int, int], list[Mapping[str, Any]]]] = []
    for command in commands:
        told = announced(str(command.get("params", {}).get("message", ""))) if _is_comment(command) else None
        if told is not None:
            moves.append((told, []))
        elif moves:
            moves[-1][1].append(command)
    return [(told, body, index == len(moves) - 1) for index, (told, body) in enumerate(moves)]


def _is_comment(command: Mapping[str, Any]) -> bool:
    return command.get("commandType") == "comment"


def _mended(body: Sequence[Mapping[str, Any]]) -> bool:
    """Every aspirate, dispense and pick-up succeeded, or succeeded later as a fix of the one that failed."""
    open_failures: list[tuple[object, object]] = []
    for command in body:
        if command.get("commandType") not in LIQUID:
            continue
        what = (command.get("commandType"), command.get("params", {}).get("wellName"))
        if command.get("intent") == "fixit":
            if command.get("status") == "succeeded" and what in open_failures:
                open_failures.remove(what)
        elif command.get("status") != "succeeded":
            open_failures.append(what)
    return not open_failures
