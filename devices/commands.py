"""What kind of act a driver method is, and what proves that it happened.

The classes decide what may be done after a lost reply (never by guess, never by blind repetition):

READ       no effect, repeat freely
SETPOINT   idempotent by value: read back, equal means DONE
COUNTED    the instrument counts: counter + 1 means DONE, unchanged means NOT_DONE
POSITIONAL the instrument knows where it stands
MASS       a balance tells
BLIND      nothing tells: a lost reply is always UNKNOWN and goes to the operator
RENEWAL    keeps on what a written command began and never begins anything: repeat freely, not written
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Kind(StrEnum):
    READ = "R"
    SETPOINT = "S"
    COUNTED = "C"
    POSITIONAL = "P"
    MASS = "M"
    BLIND = "X"
    RENEWAL = "K"


class Verdict(StrEnum):
    DONE = "DONE"
    NOT_DONE = "NOT_DONE"
    UNKNOWN = "UNKNOWN"


Judge = Callable[[Any, Any, tuple[Any, ...]], Verdict]


@dataclass(frozen=True, slots=True)
class Command:
    """How a method acts. `evidence` names the READ method of the same object that proves it; `judge(pre, post,
    args)` sorts that evidence. `safe` methods de-energise and may go out even when the journal cannot be written."""

    kind: Kind
    evidence: str | None = None
    judge: Judge | None = None
    safe: bool = False


def command(
    kind: Kind, *, evidence: str | None = None, judge: Judge | None = None, safe: bool = False
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """Declare a driver method's command class: `@command(Kind.SETPOINT, evidence="read_pump", judge=...)`."""
    declared = Command(kind, evidence, judge, safe)

    def mark(method: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        method.__command__ = declared  # type: ignore[attr-defined]
        return method

    return mark


def read(method: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Declare a method that only reads."""
    method.__command__ = Command(Kind.READ)  # type: ignore[attr-defined]
    return method


def renewal(method: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Declare a method that prolongs a bounded run: the instrument's own dead-man (see `roles.BoundedPump`)."""
    method.__command__ = Command(Kind.RENEWAL)  # type: ignore[attr-defined]
    return method


def declared(method: object) -> Command | None:
    """The command class of a bound method, or None when it was never declared.

    A driver from outside may declare without importing this module: `method.__command__ = {"kind": "S", "evidence":
    "read_temperature", "judge": judge, "safe": False}`, where the judge answers "DONE", "NOT_DONE" or "UNKNOWN".
    """
    found = getattr(method, "__command__", None)
    if found is None or isinstance(found, Command):
        return found
    evidence, judge = found.get("evidence"), found.get("judge")
    return Command(Kind(found["kind"]), evidence, _judged(judge) if judge else None, bool(found.get("safe", False)))


def _judged(judge: Callable[[Any, Any, tuple[Any, ...]], str]) -> Judge:
    """A judge from outside, its words as verdicts."""
    return lambda pre, post, args: Verdict(judge(pre, post, args))


def reads_back(matches: Callable[..., bool]) -> Judge:
    """A judge for SETPOINT and POSITIONAL: `matches(post, *args)` means DONE, anything else NOT_DONE."""

    def judge(pre: Any, post: Any, args: tuple[Any, ...]) -> Verdict:
        return Verdict.DONE if matches(post, *args) else Verdict.NOT_DONE

    return judge


def counts(counter: Callable[[Any], int], step: Callable[..., int] = lambda *_: 1) -> Judge:
    """A judge for COUNTED: the counter rose by `step(*args)` DONE, not at all NOT_DONE, else UNKNOWN."""

    def judge(pre: Any, post: Any, args: tuple[Any, ...]) -> Verdict:
        rise = counter(post) - counter(pre)
        if rise == step(*args):
            return Verdict.DONE
        return Verdict.NOT_DONE if rise == 0 else Verdict.UNKNOWN

    return judge
