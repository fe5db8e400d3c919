"""Texts that try to end a command and begin another, and the proof that they do not."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator

from devices.testing.capabilities import texts_of
from devices.testing.session import Session
from vesiflow.errors import VesiflowError

_ENDS = ["\r", "\n", "\r\n", "\x03", "\x1b", "\x05", "\x00", "\x7f", "\x85", "\u2028", ";FF", "/", "!", ";", '"', "'"]
_COMMANDS = [
    "GOB",
    "1GO",
    "RU",
    "S",
    "T",
    "OUT_MODE_05 1",
    "SP1,1,1,2",
    "shakeOn",
    'delm "EV1"',
    "@253EN1!SET;FF",
    "{}",
]
_WORDS = ["A", "EV1", "load", "isolation", "plate:A1", "\u00b5", "\u4e2d", "\ud800", "..", "\\BTXDATA", "%s", "*", "  "]
_PLAIN = re.compile(r"[A-Za-z0-9._\\ :-]*", re.ASCII)
_CONTROL = re.compile(rb"[\x00-\x1f\x7f-\xff]")


def hostile_texts(dice: random.Random, count: int) -> Iterator[str]:
    """Names with ends of lines, second commands, quotes, odd letters, and very long ones."""
    for _ in range(count):
        parts = [dice.choice(dice.choice((_ENDS, _COMMANDS, _WORDS))) for _ in range(dice.randrange(1, 6))]
        text = "".join(parts) + "".join(chr(dice.randrange(0x110000)) for _ in range(dice.randrange(3)))
        yield text * dice.choice((1, 1, 1, 200))


async def never_breaks_out(session: Session, capability: str, texts: Iterable[str]) -> int:
    """Every text through every method that takes one: a typed error or harmless bytes. How many calls were made."""
    role, calls = session.role(capability), 0
    methods = {name: arguments for name, arguments in texts_of(capability).items() if hasattr(role, name)}
    for text in texts:
        for method, arguments in methods.items():
            sent = len(session.wire.sent)
            calls += 1
            try:
                await session.within_limit(getattr(role, method)(*arguments(text)))
            except VesiflowError as error:
                assert not _CONTROL.search(str(error).encode("ascii", "replace")), f"{error!s} carries control bytes"
            for data in session.wire.sent[sent:]:
                assert is_one_command(data, text), f"{method}({text!r}) sent {data!r}"
            del session.wire.sent[:]
    return calls


def is_one_command(data: bytes, text: str) -> bool:
    """Whether a write is one command: a lone byte, one line of JSON, or one plain line without the hostile text."""
    body = data.rstrip(b"\r\n")
    if len(data) == 1 or not body:
        return True
    if _CONTROL.search(body):
        return False
    if body.startswith(b"{") and body.endswith(b"}"):
        return isinstance(json.loads(body), dict)
    return bool(_PLAIN.fullmatch(text)) or text.encode("utf-8", "replace") not in body
