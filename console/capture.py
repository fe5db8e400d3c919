"""`vesiflow capture`: a session with an instrument, written into a file that a test replays strictly."""

from __future__ import annotations

import getpass
import shlex
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from console.device import chosen
from console.files import expect_writable
from console.running import drive
from devices.by_hand import Method, arguments, methods
from devices.capture import Capture
from devices.commands import Kind
from devices.line_file import NO_PORT, LineFile, load_line
from devices.open_line import OpenInstrument
from devices.testing.replay import replay
from devices.testing.scripted import ScriptError
from line.by_hand import Hand, Handling, by_hand
from records.store import Store
from vesiflow import __version__
from vesiflow.clock import Clock, WallClock
from vesiflow.errors import BadReply, ConfigError, VesiflowError

Calls = Annotated[list[str] | None, Parameter(name="--call", negative="")]
MOST = 1000


def capture(role: str, file: Path, /, *, line: str, call: Calls = None, times: int = 3, who: str | None = None) -> None:
    """Record a session with the instrument behind a role into a file, and prove at once that it replays.

    Every reading of the role is taken, or the calls given. What acts is held to the limits of the line and journaled,
    as by `vesiflow device`.

    Parameters
    ----------
    role
        Role of the line, for example tff.permeate_balance.
    file
        What to write; must not exist. `pytest FILE` replays one that ends in .capture.
    line
        Name of a packaged line, or a YAML file.
    call
        A method with its arguments, for example "set_flow '10 mL/min'"; may be given several times.
    times
        How often all of it is done.
    who
        Name that goes into the journal; by default the user's.
    """
    loaded = load_line(line)
    _check(loaded, role, file, times)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("x", encoding="utf-8") as opened:
        kept = Capture(opened)
        handling = _handling(loaded, role, who or getpass.getuser(), kept, WallClock())
        try:
            count = drive(by_hand(handling, Store(), lambda hand: _session(hand, handling, call, times)))
        except VesiflowError:
            if not kept.bytes_heard:  # nothing worth keeping, and the name is free again
                file.unlink()
            raise
    print(f"{file}: {count} calls, {kept.bytes_sent} bytes sent, {kept.bytes_heard} heard", flush=True)
    try:
        replay(file)
    except ScriptError as error:
        raise BadReply(f"does not replay: {error}", device=str(file), remedy="take it again") from error
    print(f"{file}: replays")


def _check(line: LineFile, role: str, file: Path, times: int) -> None:
    if file.exists():
        raise ConfigError("exists already; a capture is never overwritten", device=str(file), remedy="name another")
    expect_writable(file)
    if not 1 <= times <= MOST:
        raise ConfigError("no number of times", action="--times", value=times, bounds=f"1..{MOST}")
    spec = line.instruments[Handling(line, role, "").spec.instrument]
    if spec.at in NO_PORT or getattr(spec.driver, "speaks", "serial") != "serial":
        raise ConfigError("has no wire to record", device=spec.name, bounds="instruments on a port")


def _handling(line: LineFile, role: str, who: str, kept: Capture, clock: Clock) -> Handling:
    spec = line.roles[role]

    def wrap_role(instrument: OpenInstrument, target: Any) -> Any:
        return kept.role(target, spec.capability, instrument.identity)

    kept.head(line.instruments[spec.instrument], spec, __version__, clock.utc().isoformat(timespec="seconds"))
    return Handling(line, role, who, kept.transport, wrap_role)


async def _session(hand: Hand, handling: Handling, calls: list[str] | None, times: int) -> int:
    known = methods(hand.plain, handling.spec.capability)
    wanted = [_parsed(known, handling.role, text) for text in calls] if calls else _readings(known)
    for _ in range(times):
        for method, args in wanted:
            await getattr(hand.role, method.name)(*args)
    return times * len(wanted)


def _parsed(known: dict[str, Method], role: str, text: str) -> tuple[Method, tuple[Any, ...]]:
    try:
        name, *texts = shlex.split(text) or [""]
    except ValueError as error:
        raise ConfigError(str(error), action="--call", value=repr(text), remedy="quote it like a shell does") from None
    method = chosen(known, role, name)
    return method, arguments(method, texts)


def _readings(known: dict[str, Method]) -> list[tuple[Method, tuple[Any, ...]]]:
    return [(method, ()) for method in known.values() if method.kind is Kind.READ and not method.parameters]
