"""What a run of the robot is doing and what may be asked of it: a small state machine without time.

The queue of commands is in `setup` until the first play, then `running`, `paused`, or in one of the two states of
error recovery. A `result` means that the protocol is over; until it has `finished` (homed, tips dropped) the robot says
so. An open door pauses; closing it does not let go on. Status words are those of robot software 8 and 9.
"""

from __future__ import annotations

from dataclasses import dataclass

SETUP, RUNNING, PAUSED = "setup", "running", "paused"
RECOVERY, RECOVERY_PAUSED = "awaiting-recovery", "awaiting-recovery-paused"
_BLOCKED = {PAUSED: "blocked-by-open-door", RECOVERY_PAUSED: "awaiting-recovery-blocked-by-open-door"}
_ENDING = {"stopped": "stop-requested"}


class NotAllowed(Exception):
    """The run's status does not allow this."""


@dataclass
class RunState:
    """`failed` is the command that is being recovered from."""

    queue: str = SETUP
    door_open: bool = False
    result: str = ""
    finished: bool = False
    failed: str = ""
    entered_recovery: bool = False

    @property
    def status(self) -> str:
        """As the robot reports it."""
        if self.result:
            return self.result if self.finished else _ENDING.get(self.result, "finishing")
        if self.door_open and self.queue in _BLOCKED:
            return _BLOCKED[self.queue]
        return "idle" if self.queue == SETUP else self.queue

    @property
    def active(self) -> bool:
        """Whether it holds the robot: begun and not over."""
        return self.status not in ("idle", "stopped", "failed", "succeeded")

    @property
    def moves(self) -> bool:
        """Whether the protocol's commands go on."""
        return self.queue == RUNNING and not self.result

    def play(self) -> None:
        """Begin or go on; without effect while it runs and in recovery."""
        self._not_over()
        if self.queue == SETUP:  # accepted even with an open door, where it waits for the next play
            self.queue = PAUSED if self.door_open else RUNNING
        elif self.status in _BLOCKED.values():
            raise NotAllowed("Front door or top window is currently open.")
        elif self.queue == PAUSED:
            self.queue = RUNNING
        elif self.queue == RECOVERY_PAUSED:
            self.queue = RECOVERY

    def pause(self) -> None:
        """Hold in the middle of what is going on."""
        self._not_over()
        if self.queue != RUNNING:
            raise NotAllowed("Cannot pause a run that is not running.")
        self.queue = PAUSED

    def stop(self) -> None:
        """The protocol is over; the robot still homes."""
        self._not_over()
        self.end("stopped")

    def resume(self, *, fixing: bool) -> None:
        """Out of recovery, unless a fix is still on its way."""
        self._not_over()
        if self.queue != RECOVERY:
            raise NotAllowed("Cannot resume from recovery if the run is not in recovery mode.")
        if fixing:
            raise NotAllowed("Cannot resume from recovery while there are fixit commands in the queue.")
        self.queue, self.failed = RUNNING, ""

    def may_queue(self, intent: str, kind: str = "home") -> None:
        """Whether a command of this kind may be added from outside."""
        self._not_over()
        if intent == "setup" and self.queue != SETUP:
            raise NotAllowed("Setup commands are not allowed after run has started.")
        if intent == "fixit" and self.queue == RECOVERY_PAUSED:
            raise NotAllowed(f"{kind} fixit command may not run until the door is closed and the run is played again.")
        if intent == "fixit" and self.queue != RECOVERY:
            raise NotAllowed("Fixit commands are not allowed when the run is not in a recoverable state.")

    def door(self, is_open: bool) -> None:
        """The door was opened or closed."""
        self.door_open = is_open
        if is_open and not self.result:
            self.queue = {RUNNING: PAUSED, RECOVERY: RECOVERY_PAUSED}.get(self.queue, self.queue)

    def recover(self, command: str) -> None:
        """A command failed in a way that a person can mend."""
        self.queue, self.failed, self.entered_recovery = RECOVERY, command, True

    def end(self, result: str) -> None:
        """The protocol is over."""
        self.queue, self.result, self.failed = PAUSED, result, ""

    def _not_over(self) -> None:
        if self.result:
            raise NotAllowed("The run has already stopped.")
