"""Errors sorted by what may be done next, not by where they came from.

Every error is one line that names the device, the action, the value, its bounds and what to do next.
`exit_code` is what the command line returns: 1 the process failed, 2 bad input.
"""

from __future__ import annotations


class VesiflowError(Exception):
    """Root of all errors of vesiflow; `str()` is the one line a technician reads."""

    exit_code = 1

    def __init__(
        self,
        reason: str,
        *,
        device: str | None = None,
        action: str | None = None,
        value: object = None,
        bounds: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.reason = reason
        self.device = device
        self.action = action
        self.value = value
        self.bounds = bounds
        self.remedy = remedy
        super().__init__(self._line())

    def _line(self) -> str:
        where = ": ".join(part for part in (self.device, self.action) if part)
        line = f"{where}: {self.reason}" if where else self.reason
        if self.value is not None:
            line += f" (got {self.value}{f', allowed {self.bounds}' if self.bounds else ''})"
        elif self.bounds:
            line += f" (allowed {self.bounds})"
        return f"{line}; {self.remedy}" if self.remedy else line


class ConfigError(VesiflowError):
    """A recipe, line file or argument is wrong: nothing was done, mend the input."""

    exit_code = 2


class NotSent(VesiflowError):
    """No byte left the host: safe to retry."""


class NoReply(VesiflowError):
    """Bytes left but no answer came: the action may have happened, verify before anything else."""


class BadReply(VesiflowError):
    """An answer came that cannot be understood: verify before anything else."""


class DeviceFault(VesiflowError):
    """The instrument reports a fault or refuses: a person looks at the instrument."""


class Refused(VesiflowError):
    """An interlock, lock or state forbids the action: nothing was sent."""


class LimitExceeded(VesiflowError):
    """A value lies outside the limits of the line or the recipe: nothing was sent."""


class Danger(VesiflowError):
    """People or product are in danger, or control is lost: aborted at once, a person clears it."""


class InDoubt(VesiflowError):
    """Whether a physical action happened is unknown: the unit is held, the operator decides."""


class Terminated(BaseException):
    """SIGTERM has ended a command, and everything under way has been brought to its safe state."""

    exit_code = 143
