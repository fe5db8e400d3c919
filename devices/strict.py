"""Strict text for drivers: what may go on a wire and what may be taken from one.

Codec functions know no instrument names; they raise the errors of vesiflow.errors without one, and `about` fills in
device and action. Numbers leave with fixed decimals and never as NaN, infinity or with an exponent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from vesiflow.errors import BadReply, ConfigError, LimitExceeded, VesiflowError

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)


def finite(
    value: float, low: float = -math.inf, high: float = math.inf, *, unit: str = "", what: str = "value"
) -> float:
    """`value` when it is a finite number within low..high, else LimitExceeded: no byte may leave."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise LimitExceeded(f"{what} is not a finite number", value=value, remedy="give a number")
    if not low <= value <= high:
        raise LimitExceeded(
            f"{what} out of range",
            value=f"{value:g} {unit}".rstrip(),
            bounds=f"{low:g}..{high:g} {unit}".rstrip(),
            remedy="choose a value inside",
        )
    return value


def fixed(value: float, decimals: int, low: float = -math.inf, high: float = math.inf, *, unit: str = "") -> str:
    """`value` with fixed decimals, checked by `finite`; a rounded zero carries no sign."""
    text = f"{finite(value, low, high, unit=unit):.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def number(text: str) -> float:
    """The finite number that `text` is as a whole; BadReply for anything else."""
    text = text.strip(" \t\r\n")
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise BadReply("not a number", value=shown(text), remedy="check baud rate, parity and the driver")
    return float(text)


def integer(text: str) -> int:
    """The integer that `text` is as a whole; BadReply for anything else."""
    text = text.strip(" \t\r\n")
    if not _INTEGER.fullmatch(text):
        raise BadReply("not an integer", value=shown(text), remedy="check baud rate, parity and the driver")
    return int(text)


def ascii_text(data: bytes) -> str:
    """Bytes of a reply as text; BadReply when a byte is outside printable ASCII, blank, tab, CR and LF."""
    text = data.decode("latin-1")
    if any(not (" " <= c <= "~" or c in "\r\n\t") for c in text):
        raise BadReply("bytes that are no text", value=shown(text), remedy="check baud rate and parity")
    return text


def wire_text(text: str, *, what: str, pattern: str, limit: int) -> str:
    """Text that may go on the wire: printable, of `pattern` and at most `limit` characters; else ConfigError.

    This is the gate against a name or barcode that carries CR, LF, a quote or a second command.
    """
    if len(text) > limit or not re.fullmatch(pattern, text, re.ASCII):
        raise ConfigError(
            f"{what} may not be sent",
            value=repr(text[:60]),
            bounds=f"{pattern}, at most {limit} characters",
            remedy="use letters and digits",
        )
    return text


def parses(decode: Callable[[bytes], object]) -> Callable[[bytes], bool]:
    """An `accept` for Link.query: whether `decode` takes the line. A stale or garbled line is skipped as foreign."""

    def accept(reply: bytes) -> bool:
        try:
            decode(reply)
        except BadReply:
            return False
        return True

    return accept


def shown(text: str) -> str:
    """`text` for a message: escaped and cut."""
    return text[:60].encode("unicode_escape").decode() + ("…" if len(text) > 60 else "")


@contextmanager
def about(device: str, action: str) -> Iterator[None]:
    """Name the device and the action in every error of vesiflow that has none yet."""
    try:
        yield
    except VesiflowError as error:
        if error.device is not None:
            raise
        raise type(error)(
            error.reason,
            device=device,
            action=error.action or action,
            value=error.value,
            bounds=error.bounds,
            remedy=error.remedy,
        ) from error


def check_role(
    device: str, provides: Sequence[str], capability: str, options: Mapping[str, object], channel: object = None
) -> None:
    """ConfigError unless `capability` is provided and no channel or option is given that the driver lacks."""
    if capability not in provides:
        raise ConfigError(
            f"cannot be a {capability}",
            device=device,
            action="role",
            bounds=", ".join(provides),
            remedy="choose another instrument for this role in the line file",
        )
    extra = [*options, *(["channel"] if channel is not None else [])]
    if extra:
        raise ConfigError(
            f"unknown role option {', '.join(extra)}",
            device=device,
            action=f"role {capability}",
            remedy="remove it from the line file",
        )
