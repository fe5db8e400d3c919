"""What the channels of a robot have answered in one order: the only evidence that a pipetting robot gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from devices.commands import Verdict
from devices.readings import MADE, UNTOUCHED, Ends, Transfer, TransferReport

Note = Callable[[int, bool | None], None]
"""(channel, whether it did it; None: nobody knows)."""


@dataclass
class Order:
    """One order; channel n works on transfer `first` + n."""

    number: int = 0
    transfers: Sequence[Transfer] = ()
    first: int = 0
    tips: list[str] = field(default_factory=list)
    ends: list[Ends] = field(init=False)

    def __post_init__(self) -> None:
        self.ends = [UNTOUCHED] * len(self.transfers)

    def drawn(self, channel: int, happened: bool | None) -> None:
        """It took up its liquid."""
        self._note(channel, drawn=happened)

    def given(self, channel: int, happened: bool | None) -> None:
        """It gave its liquid."""
        self._note(channel, given=happened)

    def taken_up(self, channel: int, happened: bool | None) -> None:
        """It took up what it had given, to mix it: until that is back nobody knows what is in the well."""
        self._note(channel, given=None)

    def _note(self, channel: int, **happened: bool | None) -> None:
        number = self.first + channel
        self.ends[number] = replace(self.ends[number], **happened)

    def report(self) -> TransferReport:
        """All of it; empty when there was no order."""
        if not self.number:
            return TransferReport(0, 0)
        doubt = sum(ends.drawn is None or ends.given is None for ends in self.ends)
        name = f"{self.number} {_digest(self.transfers)}"
        return TransferReport(
            len(self.ends), self.ends.count(MADE), doubt, tuple(self.tips), name, ends=tuple(self.ends)
        )


def judged(pre: TransferReport, post: TransferReport, args: tuple[Any, ...]) -> Verdict:
    """By what the channels answered in this order; UNKNOWN when this process knows of no such order."""
    if post.run == pre.run or post.run.partition(" ")[2] != _digest(args[0]) or post.doubt:
        return Verdict.UNKNOWN
    return Verdict.DONE if post.done == post.total else Verdict.NOT_DONE


def _digest(transfers: Sequence[Transfer]) -> str:
    return sha256(repr(list(transfers)).encode()).hexdigest()[:12]
