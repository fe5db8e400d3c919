"""Mettler-Toledo balances, MT-SICS level 0 and 1: permeate and retentate mass.

Source: MT-SICS reference manual 11780711; AL-IC/AT operating instructions. Requests end with CR LF and are answered
by `<ID> <status>[ <value> <unit>]` CR LF: `S` and `SI` both with the ID `S`, a tare as `T S` or on older balances
`T A`. The unit can be changed at the panel, so its token is checked in every reply. `@` clears the tare and is never
sent. Level 2 commands (unit, doors) differ by model and are not used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel

from devices.card import DriverCard
from devices.commands import Kind, Verdict, command, read
from devices.link import Framer, Link
from devices.readings import Identity, Quality, Reading, bad
from devices.strict import about, ascii_text, check_role, fixed, integer, number, shown, wire_text
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, DeviceFault
from vesiflow.quantities import factor

WAIT_STABLE = 15.0  # s, the balance's own stability time-out is shorter
REPLY_LIMIT = 1.0  # s
COMMANDS = {
    "stable weight": "S", "weight": "SI", "stream": "SIR", "zero": "Z", "zero now": "ZI", "tare": "T",
    "tare now": "TI", "tare value": "TA", "clear tare": "TAC", "reset": "@", "commands": "I0", "levels": "I1",
    "model": "I2", "software": "I3", "serial number": "I4", "id": "I10", "type": "I11", "show text": "D",
    "show weight": "DW", "adjust": "C3",
}  # fmt: skip
REPLY_ID = {"SI": "S", "SIR": "S", "@": "I4"}  # where it is not the command itself
UNITS = {"kg": "kg", "g": "g", "mg": "mg", "ug": "ug", "lb": "lb", "oz": "oz", "t": "tonne"}
ERRORS = {"ES": "does not know the command", "ET": "saw a transmission error", "EL": "cannot execute the command"}
QUALITIES = {"S": Quality.GOOD, "D": Quality.UNSTABLE, "I": Quality.BUSY, "+": Quality.OVER, "-": Quality.UNDER}
_VALUE = re.compile(r"[+-]?\d{1,9}(?:\.\d{0,7})?", re.ASCII)
_WORDS = re.compile(r'"(?:[^"]|"")*"|\S+')


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply line: the ID, the status (S D A B I L + -) and what follows."""

    id: str
    status: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Weight:
    """A weight (kg), the step of its last digit (kg) and whether it may be used; value and step 0 when not."""

    quality: Quality
    mass: float = 0.0
    step: float = 0.0


@dataclass(frozen=True, slots=True)
class TareState:
    """Tare memory and net weight: what proves a tare."""

    tare: float
    net: Weight


def encode(name: str, *arguments: str) -> bytes:
    """The request `name`, a key of COMMANDS."""
    return (" ".join([COMMANDS[name], *arguments]) + "\r\n").encode("ascii")


def encode_preset_tare(mass: float, unit: str = "g", decimals: int = 4) -> bytes:
    """`TA 100.0000 g`: preset the tare (kg, sent in `unit`)."""
    if unit not in UNITS:
        raise ConfigError("not a unit of the balance", value=repr(unit), bounds=", ".join(UNITS))
    value = fixed(mass / factor(UNITS[unit], "kg")[0], decimals, 0.0, 999999.0, unit=unit)
    return encode("tare value", value, unit)


def encode_text(text: str) -> bytes:
    """`D "text"`: show it on the display; letters, digits and blanks only."""
    return encode("show text", f'"{wire_text(text, what="display text", pattern="[ -!#-~]*", limit=20)}"')


def decode(reply: bytes, *ids: str) -> Answer:
    """One reply line with one of these IDs; DeviceFault for ES, ET, EL, BadReply for anything else."""
    text = ascii_text(reply.translate(None, b"\x11\x13")).strip()
    words = _WORDS.findall(text)
    if len(words) == 1 and words[0] in ERRORS:
        raise DeviceFault(f"{ERRORS[words[0]]} ({words[0]})", remedy="check model and settings of the balance")
    if len(words) < 2 or words[0] not in ids or words[1] not in tuple("SDABIL+-"):
        raise BadReply("not an answer to this command", value=shown(text), bounds=", ".join(ids), remedy="check driver")
    return Answer(words[0], words[1], tuple(words[2:]))


def decode_weight(reply: bytes) -> Weight:
    """The answer to S, SI or SIR. Overload, underload and busy are qualities, never numbers."""
    answer = decode(reply, "S")
    if answer.status in ("I", "+", "-") and not answer.words:
        return Weight(QUALITIES[answer.status])
    if answer.status == "S" and answer.words[:1] == ("Error",):
        return Weight(Quality.FAULT)
    if answer.status not in ("S", "D"):
        raise BadReply(
            "not a weight", value=shown(ascii_text(reply)), bounds="S S, S D, S I, S +, S -", remedy="check driver"
        )
    mass, step = _mass(answer)
    return Weight(QUALITIES[answer.status], mass, step)


def decode_tare(reply: bytes) -> float:
    """The tare (kg) in the answer to T, TI or TA; DeviceFault when the balance could not tare."""
    answer = decode(reply, "T", "TI", "TA")
    if answer.status in ("I", "L", "+", "-"):
        why = {"I": "not stable or busy", "L": "value refused", "+": "overload", "-": "underload"}[answer.status]
        raise DeviceFault(f"cannot tare: {why}", remedy="let the balance settle, then repeat")
    if answer.status not in ("S", "A", "D"):
        raise BadReply("not a tare", value=shown(ascii_text(reply)), remedy="check driver")
    return _mass(answer)[0]


def decode_done(reply: bytes, name: str) -> None:
    """The answer to a command without value (Z, TAC, D, DW): DeviceFault unless it says done."""
    answer = decode(reply, REPLY_ID.get(COMMANDS[name], COMMANDS[name]))
    if answer.status not in ("A", "S", "D"):
        raise DeviceFault(f"did not {name}", value=answer.status, remedy="let the balance settle, then repeat")


def decode_text(reply: bytes, *ids: str) -> str:
    """The text of an information command, unquoted; old balances do not quote it."""
    return " ".join(decode_words(reply, *ids))


def decode_commands(reply: bytes) -> dict[str, int]:
    """The answer to `I0`, all its lines: every command the balance knows, with its level."""
    found = {}
    for line in reply.splitlines():
        level, name = decode_words(line, "I0")
        found[name] = integer(level)
    return found


def decode_words(reply: bytes, *ids: str) -> tuple[str, ...]:
    """The words of an information command (`I1 A "01" "2.30"`), unquoted, empty ones kept."""
    answer = decode(reply, *ids)
    if answer.status not in ("A", "B"):
        raise DeviceFault("does not tell", value=answer.status, remedy="try again")
    return tuple(word[1:-1].replace('""', '"') if word.startswith('"') else word for word in answer.words)


def _mass(answer: Answer) -> tuple[float, float]:
    if len(answer.words) != 2 or not _VALUE.fullmatch(answer.words[0]):
        raise BadReply("not a value with a unit", value=shown(" ".join(answer.words)), remedy="check driver")
    if answer.words[1] not in UNITS:
        raise BadReply("unit is not known", value=answer.words[1], bounds=", ".join(UNITS), remedy="set g at the panel")
    scale = factor(UNITS[answer.words[1]], "kg")[0]
    decimals = len(answer.words[0].partition(".")[2])
    return number(answer.words[0]) * scale, 10.0**-decimals * scale


def line_or_list(data: bytes) -> int | None:
    """One line, or with `B` lines all lines to the final one."""
    at = 0
    while (end := data.find(b"\n", at)) >= 0:
        words = data[at:end].split()
        at = end + 1
        if words and not (len(words) > 1 and words[1] == b"B"):
            return at
    return None


def judge_tare(pre: Any, post: Any, _: tuple[Any, ...]) -> Verdict:
    """The tare memory took up what lay on the pan (DONE), kept its value (NOT_DONE), or neither (UNKNOWN)."""
    if not isinstance(pre, TareState) or not isinstance(post, TareState):
        return Verdict.UNKNOWN
    if pre.net.quality not in (Quality.GOOD, Quality.UNSTABLE):
        return Verdict.UNKNOWN
    tolerance = max(5 * pre.net.step, 1e-3 * abs(pre.net.mass))
    if abs(post.tare - pre.tare - pre.net.mass) <= tolerance:
        return Verdict.DONE
    return Verdict.NOT_DONE if abs(post.tare - pre.tare) <= pre.net.step else Verdict.UNKNOWN


class MettlerSicsOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: the balance's serial number, checked at connect."""

    serial_number: str | None = None


class MettlerSics:
    """One balance. Reading never blocks the bus: `SI` with a mark for what is not settled."""

    settings: ClassVar[SerialSettings] = SerialSettings(9600)
    options: ClassVar[type[BaseModel]] = MettlerSicsOptions
    provides: ClassVar[tuple[str, ...]] = ("balance",)
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("Mettler-Toledo", "MT-SICS level 0/1", "MT-SICS reference manual 11780711")

    def __init__(self, link: Link, clock: Clock, options: MettlerSicsOptions | None = None) -> None:
        self._link = link
        self._clock = clock
        self._options = options or MettlerSicsOptions()

    async def connect(self) -> Identity:
        """Ask for serial number, model and software; the tare is left as it is."""
        identity = await self._identify()
        wanted = self._options.serial_number
        if wanted is not None and wanted != identity.serial_number:
            raise ConfigError(
                "another balance answers", device=self._link.name, action="connect", value=identity.serial_number,
                bounds=wanted, remedy="check cables or `serial_number` in the line file",
            )  # fmt: skip
        self._link.identity = identity
        self._link.identify = self._identify
        return identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> MettlerSics:
        """The balance itself."""
        check_role(self._link.name, self.provides, capability, role_options, channel)
        return self

    @read
    async def read_mass(self) -> Reading:
        """Net mass now, kg: GOOD when stable, UNSTABLE while settling, else no number."""
        with about(self._link.name, "read mass"):
            weight = await self._weight()
            at = self._clock.now()
            usable = weight.quality in (Quality.GOOD, Quality.UNSTABLE)
            return Reading(weight.mass, at, weight.quality) if usable else bad(weight.quality, at)

    @command(Kind.COUNTED, evidence="read_tare", judge=judge_tare)
    async def tare(self) -> None:
        """Take what lies on the pan as tare, waiting for stability; not to be repeated while mass flows."""
        with about(self._link.name, "tare"):
            taken = decode_tare(await self._ask("tare", WAIT_STABLE))
            found = await self.read_tare()
            if abs(found.tare - taken) > 1.5 * (found.net.step or 1e-6):
                raise BadReply("tare memory differs", value=f"{found.tare:g} kg", bounds=f"{taken:g} kg")
            if abs(found.net.mass) > max(100 * found.net.step, 1e-3 * abs(taken)):
                raise DeviceFault(
                    "is not at zero after the tare", value=f"{found.net.mass:g} kg", remedy="check that nothing flows"
                )

    @read
    async def read_tare(self) -> TareState:
        """The tare memory (kg) and the net weight."""
        with about(self._link.name, "read tare"):
            return TareState(decode_tare(await self._ask("tare value")), await self._weight())

    async def _weight(self) -> Weight:
        return decode_weight(await self._ask("weight"))

    async def _identify(self) -> Identity:
        with about(self._link.name, "identify"):
            serial = decode_text(await self._ask("serial number"), "I4")
            return Identity("Mettler-Toledo", await self._optional("model"), serial, await self._optional("software"))

    async def _optional(self, name: str) -> str:
        """Information that balances of level 0 may not have."""
        try:
            return decode_text(await self._ask(name), COMMANDS[name])
        except DeviceFault:
            return ""

    async def _ask(self, name: str, timeout: float = REPLY_LIMIT) -> bytes:
        code = COMMANDS[name]
        wanted = REPLY_ID.get(code, code).encode()

        def ours(reply: bytes) -> bool:
            first = reply.translate(None, b"\x11\x13").split()[:1]
            return first == [wanted] or first[0].decode("latin-1") in ERRORS

        line: Framer = line_or_list
        return await self._link.query(encode(name), line, accept=ours, timeout=timeout, action=name)
