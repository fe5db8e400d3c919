"""Sartorius balances, SBI protocol: an alternative for permeate and retentate mass.

Source: Sartorius 98647-000-53 (CC series interface) and Entris II technical note (10/2020). Requests are `ESC` and a
letter, CR LF. `ESC P` answers one line of 16 or 22 characters with its CR LF; taring and zeroing are silent, so the
weight is read until it stands at zero. While the weight settles the unit is blank: the line file states the unit, and
every line that carries another one is refused. Unconfirmed: parity by model (8N1 on newer, 8O1 on older balances, a
menu setting); whether a model answers `ESC x1_` (type) and `ESC x2_` (serial number): silence is accepted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import BaseModel

from devices.card import DriverCard
from devices.commands import Kind, Verdict, command, read
from devices.link import Link, until
from devices.readings import Identity, Quality, Reading, bad
from devices.strict import about, ascii_text, check_role, number, shown
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, DeviceFault, NoReply
from vesiflow.quantities import factor

REPLY_LIMIT = 1.0  # s, project default
TARE_LIMIT, TARE_POLL = 15.0, 0.25  # s
ZERO_DIGITS = 10  # a tared balance stands within so many of its last digits
COMMANDS = {
    "print": "P", "tare or zero": "T", "tare": "U", "zero": "V", "adjust": "Z", "very stable": "K", "stable": "L",
    "unstable": "M", "very unstable": "N", "lock keys": "O", "unlock keys": "R", "type": "x1_",
    "serial number": "x2_", "software": "x3_",
}  # fmt: skip
_NUMBER = re.compile(r" *\d{1,8}(?:\.\d{0,6})?", re.ASCII)
_SPECIAL = (
    (re.compile("H(?:igh)?"), Quality.OVER),
    (re.compile("L(?:ow)?"), Quality.UNDER),
    (re.compile(r"Cal\..*|-+"), Quality.BUSY),
    (re.compile(r"Err *\d{1,3}|(?:APP|DIS|PRT)\.ERR"), Quality.FAULT),
)


@dataclass(frozen=True, slots=True)
class Weight:
    """One line: the number in `unit` (blank while it settles), the step of its last digit, and its quality."""

    quality: Quality
    value: float = 0.0
    step: float = 0.0
    unit: str = ""


def encode(name: str) -> bytes:
    """The request `name`, a key of COMMANDS."""
    return b"\x1b" + COMMANDS[name].encode("ascii") + b"\r\n"


def decode_weight(reply: bytes) -> Weight:
    """A line of 16 or 22 characters: `N     +  52.1874 g  `, or with `High`, `Low`, `Cal.Int.`, `Err 54`."""
    text = ascii_text(reply).strip("\r\n")
    if len(text) not in (14, 20):
        raise BadReply("not a line of 16 or 22 characters", value=shown(text), remedy="check the print format")
    name, body = (text[:6].strip(), text[6:]) if len(text) == 20 else ("", text)
    if name in ("", "Stat"):
        for pattern, quality in _SPECIAL:
            if pattern.fullmatch(body.strip()):
                return Weight(quality)
    if name not in ("", "N", "G", "G#") or not _NUMBER.fullmatch(body[1:10]) or body[10] != " ":
        raise BadReply("not a weight", value=shown(text), remedy="check the print format and parity")
    if body[0] not in "+- ":
        raise BadReply("no sign", value=shown(text), remedy="check the print format and parity")
    digits, unit = body[1:10].strip(), body[11:14].strip()
    value = number(digits) * (-1.0 if body[0] == "-" else 1.0)
    quality = Quality.GOOD if unit else Quality.UNSTABLE
    return Weight(quality, value, 10.0 ** -len(digits.partition(".")[2]), unit)


def decode_text(reply: bytes) -> str:
    """Type, serial number or software: one short line that is no weight."""
    text = ascii_text(reply).strip()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ./_-]{0,31}", text, re.ASCII):
        raise BadReply("not an information line", value=shown(text), remedy="check driver and parity")
    return text


def judge_tare(pre: Any, post: Any, _: tuple[Any, ...]) -> Verdict:
    """At zero (DONE), where it was before (NOT_DONE), or elsewhere (UNKNOWN)."""
    known = (Quality.GOOD, Quality.UNSTABLE)
    if not isinstance(post, Weight) or post.quality not in known:
        return Verdict.UNKNOWN
    if abs(post.value) <= ZERO_DIGITS * post.step:
        return Verdict.DONE
    if not isinstance(pre, Weight) or pre.quality not in known:
        return Verdict.UNKNOWN
    close = abs(post.value - pre.value) <= max(ZERO_DIGITS * post.step, 1e-3 * abs(pre.value))
    return Verdict.NOT_DONE if close else Verdict.UNKNOWN


class SartoriusSbiOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: the unit the balance is set to."""

    unit: Literal["g", "kg", "mg"] = "g"


class SartoriusSbi:
    """One balance."""

    settings: ClassVar[SerialSettings] = SerialSettings(9600)
    options: ClassVar[type[BaseModel]] = SartoriusSbiOptions
    provides: ClassVar[tuple[str, ...]] = ("balance",)
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("Sartorius", "SBI balances", "98647-000-53; Entris II note (10/2020)")

    def __init__(self, link: Link, clock: Clock, options: SartoriusSbiOptions | None = None) -> None:
        self._link = link
        self._clock = clock
        self._unit = (options or SartoriusSbiOptions()).unit
        self._tells: bool | None = None  # whether it answers ESC x1_; not known yet

    async def connect(self) -> Identity:
        """Read a weight, then type and serial number where the model tells them; the tare is left as it is."""
        self._link.identity = await self._identify()
        self._link.identify = self._identify
        return self._link.identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> SartoriusSbi:
        """The balance itself."""
        check_role(self._link.name, self.provides, capability, role_options, channel)
        return self

    @read
    async def read_mass(self) -> Reading:
        """Net mass now, kg: GOOD when stable, UNSTABLE while settling, else no number."""
        weight = await self.read_weight()
        at = self._clock.now()
        if weight.quality not in (Quality.GOOD, Quality.UNSTABLE):
            return bad(weight.quality, at)
        return Reading(weight.value * factor(self._unit, "kg")[0], at, weight.quality)

    @command(Kind.COUNTED, evidence="read_weight", judge=judge_tare)
    async def tare(self) -> None:
        """Tare (silent) and return when the weight is stable at zero; not to be repeated while mass flows."""
        with about(self._link.name, "tare"):
            await self._link.send(encode("tare or zero"))
            deadline = self._clock.now() + TARE_LIMIT
            while True:
                await self._clock.sleep(TARE_POLL)
                weight = await self.read_weight()
                if weight.quality is Quality.GOOD and abs(weight.value) <= ZERO_DIGITS * weight.step:
                    return
                if self._clock.now() >= deadline:
                    raise DeviceFault(
                        f"is not at zero {TARE_LIMIT:g} s after the tare", value=f"{weight.value:g} {self._unit}",
                        remedy="check that nothing flows and the balance is stable",
                    )  # fmt: skip

    @read
    async def read_weight(self) -> Weight:
        """The balance's line, in its own unit."""
        with about(self._link.name, "read mass"):
            weight = decode_weight(await self._ask("print"))
            if weight.unit not in ("", self._unit):
                raise BadReply(
                    "another unit",
                    value=weight.unit,
                    bounds=self._unit,
                    remedy="set it at the balance or in the line file",
                )
            return weight

    async def _identify(self) -> Identity:
        with about(self._link.name, "identify"):
            decode_weight(await self._ask("print"))
            if self._tells is None:
                self._tells = await self._answers_information()
            if not self._tells:
                return Identity("Sartorius", "SBI balance")
            model = decode_text(await self._ask("type"))
            return Identity("Sartorius", model, decode_text(await self._ask("serial number")))

    async def _answers_information(self) -> bool:
        """Older models are silent; the link recovers from that before the next command."""
        try:
            await self._ask("type")
        except NoReply:
            return False
        return True

    async def _ask(self, name: str) -> bytes:
        return await self._link.query(
            encode(name), until(b"\n"), accept=lambda reply: bool(reply.strip()), timeout=REPLY_LIMIT, action=name
        )
