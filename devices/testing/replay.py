"""Replays a capture strictly: the driver must do the same calls with the same bytes and give the same results.

    def test_the_balance_of_bench_2() -> None:
        replay(Path("captures/permeate.capture"))

With the plugin, `pytest captures/` does that for every `*.capture` in a folder. Other bytes than captured, bytes that
are not read, calls that give something else: each fails with the first place where the driver went another way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

from devices import registry
from devices.by_hand import methods, rows
from devices.capture import DIGITS, Captured, from_text, read_capture
from devices.link import Link
from devices.testing.scripted import ScriptError, Step, play
from vesiflow.clock import Clock
from vesiflow.errors import VesiflowError

WHOLE = 65536


def replay(path: Path) -> int:
    """How many calls of the capture at `path` were replayed; ScriptError at the first deviation or leftover."""
    captured = read_capture(path)

    async def talk(link: Link, clock: Clock) -> int:
        driver = registry.load(captured.head["driver"])
        device = driver(link, clock, driver.options.model_validate(captured.head["options"]))
        calls = list(_calls(captured))
        for number, (entry, outcome) in enumerate(calls, 1):
            said = await _outcome(_call(captured, device, entry))
            if said != outcome:
                raise ScriptError(f"call {number}, {entry['do']}: {said}, the capture says {outcome}")
        return len(calls)

    return play(list(_steps(captured)), talk, chunk=WHOLE)


def _steps(captured: Captured) -> Iterator[Step]:
    for entry in captured.entries:
        if "send" in entry:
            yield Step(from_text(entry["send"]))
        elif "hear" in entry:
            yield Step(None, from_text(entry["hear"]), entry["after"])
        elif "flushed" in entry:
            yield Step(None, from_text(entry["flushed"]), entry["after"], flushed=True)


def _calls(captured: Captured) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every call with what it gave or raised; a capture that ends within a call has an end nobody knows."""
    call: dict[str, Any] | None = None
    for entry in captured.entries:
        if "do" in entry:
            call = entry
        elif call is not None and ("gave" in entry or "raised" in entry):
            yield call, {name: value for name, value in entry.items() if name in ("gave", "raised")}
            call = None
    if call is not None:
        raise ScriptError(f"the capture ends within {call['do']}")


async def _call(captured: Captured, device: Any, entry: dict[str, Any]) -> dict[str, str]:
    if entry["do"] == "connect":
        return dict(rows(None, await device.connect(), DIGITS))
    head = captured.head
    role = device.role(head["capability"], **head["role"])
    method = methods(role, head["capability"])[entry["do"]]
    args = [_revived(hint, arg) for (_, hint), arg in zip(method.parameters, entry["args"], strict=True)]
    return dict(rows(method.returns, await getattr(role, method.name)(*args), DIGITS))


def _revived(hint: Any, arg: Any) -> Any:
    """A record that was written as its fields."""
    return hint(**arg) if isinstance(arg, dict) and get_type_hints(hint) else arg


async def _outcome(work: Awaitable[dict[str, str]]) -> dict[str, Any]:
    try:
        return {"gave": await work}
    except VesiflowError as error:
        return {"raised": type(error).__name__}
