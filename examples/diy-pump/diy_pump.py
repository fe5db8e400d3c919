"""Driver for a peristaltic pump on a microcontroller that the lab built itself.

One line each way, LF: `id?` -> `diy-pump 1.2 SN 0007`, `flow?` -> `6.00`, `flow 6.00` -> `ok` (0-30 mL/min),
`run?` -> `0` or `1`, `run 1` -> `ok`; anything else -> `no`. The firmware's source is the manual.

Nothing of vesiflow is imported: it only looks at what the class has. Errors come from the link.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

ML_MIN = 1e-6 / 60.0  # m^3/s
TOP = 30.0  # mL/min
REPLY_LIMIT = 0.5  # s


@dataclass(frozen=True, slots=True)
class Settings:
    baudrate: int = 115200
    bytesize: int = 8
    parity: str = "N"
    stopbits: float = 1
    rtscts: bool = False
    xonxoff: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    vendor: str
    model: str
    manual: str
    maturity: str = "emulated"


@dataclass(frozen=True, slots=True)
class Identity:
    vendor: str
    model: str
    serial_number: str
    firmware: str


@dataclass(frozen=True, slots=True)
class State:
    flow: float  # m^3/s
    running: bool


class Options(BaseModel, extra="forbid", frozen=True):
    """Keys of the instrument in the line file."""

    serial_number: str | None = None


def a_line(data: bytes) -> int | None:
    """The length of the first line, None until it is complete."""
    return data.find(b"\n") + 1 or None


def shows_flow(before: Any, after: State, args: tuple[float]) -> str:
    """Whether what the pump says afterwards proves `set_flow`."""
    return "DONE" if abs(after.flow - args[0]) <= 0.006 * ML_MIN else "NOT_DONE"


def shows_running(before: Any, after: State, args: tuple[()]) -> str:
    return "DONE" if after.running else "NOT_DONE"


def shows_standing(before: Any, after: State, args: tuple[()]) -> str:
    return "NOT_DONE" if after.running else "DONE"


def acts(kind: str, evidence: str = "", judge: Any = None, safe: bool = False) -> Callable[[Any], Any]:
    """Declare how a method acts: R reads, S sets what can be read back, X is blind; and what proves it."""

    def mark(method: Any) -> Any:
        method.__command__ = {"kind": kind, "evidence": evidence or None, "judge": judge, "safe": safe}
        return method

    return mark


class DiyPump:
    """A pump: `set_flow` in m^3/s, `start`, `stop`, `read_pump`. Every setting is read back."""

    settings = Settings()
    options = Options
    provides = ("pump",)
    channels = None
    card = Card("this lab", "diy-pump", "firmware 1.2, main.c")

    def __init__(self, link: Any, clock: Any, options: Options) -> None:
        self._link = link

    async def connect(self) -> Identity:
        """Ask who is there; the link asks again after every trouble."""
        self._link.identity = await self._identify()
        self._link.identify = self._identify
        return self._link.identity

    def role(self, capability: str, **options: Any) -> DiyPump:
        if capability != "pump" or options:
            raise self._link.errors.ConfigError(
                f"is a pump without options, not {capability} with {options}", device=self._link.name
            )
        return self

    @acts("S", "read_pump", shows_flow)
    async def set_flow(self, flow: float) -> None:
        if not (math.isfinite(flow) and 0.0 <= flow <= TOP * ML_MIN):
            raise self._link.errors.LimitExceeded(
                "flow out of range", device=self._link.name, action="set flow", value=flow / ML_MIN,
                bounds=f"0..{TOP:g} mL/min", remedy="choose a flow inside",
            )  # fmt: skip
        await self._set(f"flow {flow / ML_MIN:.2f}")
        if shows_flow(None, await self.read_pump(), (flow,)) != "DONE":
            raise self._fault("flow was not taken over")

    @acts("S", "read_pump", shows_running)
    async def start(self) -> None:
        await self._run(True)

    @acts("S", "read_pump", shows_standing, safe=True)
    async def stop(self) -> None:
        await self._run(False)

    @acts("R")
    async def read_pump(self) -> State:
        flow = await self._ask("flow?", r"\d{1,2}\.\d\d")
        return State(float(flow) * ML_MIN, await self._ask("run?", "[01]") == "1")

    async def _identify(self) -> Identity:
        _, firmware, _, serial_number = (await self._ask("id?", r"diy-pump \d+\.\d+ SN \d{4}")).split()
        return Identity("this lab", "diy-pump", serial_number, firmware)

    async def _run(self, on: bool) -> None:
        await self._set(f"run {on:d}")
        if (await self.read_pump()).running is not on:
            raise self._fault("did not start" if on else "did not stop")

    async def _set(self, text: str) -> None:
        if await self._ask(text, "ok|no") == "no":
            raise self._fault(f"refuses {text}")

    async def _ask(self, text: str, answer: str) -> str:
        """One question; lines that are no answer to it are passed over by the link."""

        def ours(line: bytes) -> bool:
            return re.fullmatch(answer, line.decode("latin-1").strip(), re.ASCII) is not None

        line: bytes = await self._link.query(
            text.encode("ascii") + b"\n", a_line, accept=ours, timeout=REPLY_LIMIT, action=text
        )
        return line.decode("ascii").strip()

    def _fault(self, reason: str) -> Exception:
        fault: Exception = self._link.errors.DeviceFault(reason, device=self._link.name, remedy="look at the pump")
        return fault
