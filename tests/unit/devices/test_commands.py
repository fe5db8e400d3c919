"""Command classes of drivers from outside are understood as ours are."""

from __future__ import annotations

from typing import Any

import pytest

from devices.commands import Kind, Verdict, command, declared, reads_back

JUDGED: dict[str, Any] = {
    "kind": "S",
    "evidence": "read_setpoint",
    "judge": lambda pre, post, args: "DONE" if post == args[0] else "NOT_DONE",
}
OF_NO_CLASS = {"kind": "Z"}


class Outside:
    """Declares without an import of ours."""

    async def set_temperature(self, temperature: float) -> None:
        """Nothing."""

    set_temperature.__command__ = JUDGED  # type: ignore[attr-defined]

    async def wrong(self) -> None:
        """Of no known class."""

    wrong.__command__ = OF_NO_CLASS  # type: ignore[attr-defined]

    async def undeclared(self) -> None:
        """Nothing."""


class Inside:
    @command(Kind.SETPOINT, evidence="read", judge=reads_back(lambda post, value: bool(post == value)))
    async def put(self, value: float) -> None:
        """Nothing."""


def test_a_declaration_from_outside() -> None:
    how = declared(Outside().set_temperature)
    assert how is not None and how.kind is Kind.SETPOINT and how.evidence == "read_setpoint" and not how.safe
    assert how.judge is not None
    verdicts: list[Any] = [how.judge(None, post, (1.0,)) for post in (1.0, 2.0)]
    assert verdicts[0] is Verdict.DONE and verdicts[1] is Verdict.NOT_DONE


def test_an_unknown_class_is_an_error_and_no_declaration_is_none() -> None:
    with pytest.raises(ValueError, match="Z"):
        declared(Outside().wrong)
    assert declared(Outside().undeclared) is None
    assert declared(Inside().put) is not None
