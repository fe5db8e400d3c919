"""Keyence BL-1300 barcode reader, through PyLabRobot's backend with our link.

Source: pylabrobot 0.2.2 barcode_scanners/keyence; BL-600/BL-700 user manuals, serial chapter (same family). `LON`
starts reading and latches the beam, `LOFF` (always sent) ends it; `RMOTOR` tells the scan motor's state. Silence means
that no code was read. Unconfirmed: the no-read text of this model and its error codes.
A code counts only when two readings in a row agree and it has the form the line file asks for.
"""

from __future__ import annotations

import re
from typing import ClassVar

from pydantic import BaseModel, Field, field_validator

from devices.card import DriverCard
from devices.commands import read
from devices.drivers.plr_io import LinkedKeyence
from devices.link import Conversation, Link
from devices.readings import Identity
from devices.strict import about, check_role, shown
from devices.transports import SerialSettings
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, DeviceFault, NoReply

LONGEST = 100  # characters


def decode_code(text: str, pattern: str) -> str:
    """A barcode's text; DeviceFault when there is none or the reader reports an error; BadReply for a wrong form."""
    if not text:
        raise DeviceFault("no barcode read", remedy="turn the label to the reader and try again")
    if re.fullmatch(r"ERR\d{2}|ERROR|NG", text):
        raise DeviceFault(f"answers {text}", remedy="check reader and label")
    if len(text) > LONGEST or not re.fullmatch(r"[ -~]+", text) or not re.fullmatch(pattern, text):
        raise BadReply("not a barcode of this line", value=shown(text), bounds=pattern, remedy="check the label")
    return text


class KeyenceOptions(BaseModel, extra="forbid", frozen=True):
    """Line-file keys: the form of codes on this line, and how many readings must agree."""

    pattern: str = r"[A-Za-z0-9._-]+"
    readings: int = Field(default=2, ge=1, le=5)

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern


class KeyenceBl1300:
    """One reader."""

    settings: ClassVar[SerialSettings] = SerialSettings(9600, 7, "E")
    options: ClassVar[type[BaseModel]] = KeyenceOptions
    provides: ClassVar[tuple[str, ...]] = ("barcode_scanner",)
    channels: ClassVar[tuple[int, ...] | None] = None
    card: ClassVar[DriverCard] = DriverCard("Keyence", "BL-1300", "BL-600/BL-700 user manuals, pylabrobot 0.2.2")

    def __init__(self, link: Link, clock: Clock, options: KeyenceOptions | None = None) -> None:
        self._link = link
        self._clock = clock
        self._options = options or KeyenceOptions()

    async def connect(self) -> Identity:
        """Require that the scan motor runs; the reader tells no serial number."""
        self._link.identity = await self._identify()
        self._link.identify = self._identify
        return self._link.identity

    def role(self, capability: str, channel: int | None = None, **role_options: object) -> KeyenceBl1300:
        """The reader itself."""
        check_role(self._link.name, self.provides, capability, role_options, channel)
        return self

    @read
    async def read_barcode(self) -> str:
        """The label's text, read alike as often as the line file asks."""
        with about(self._link.name, "read barcode"):
            codes = {await self._scan() for _ in range(self._options.readings)}
            if len(codes) > 1:
                raise BadReply("two readings differ", value=shown(" / ".join(sorted(codes))), remedy="read it again")
            return codes.pop()

    async def _scan(self) -> str:
        async def talk(turn: Conversation) -> bytes:
            return (await LinkedKeyence(turn).scan()).encode("ascii")

        return decode_code((await self._link.converse(talk)).decode("ascii"), self._options.pattern)

    async def _identify(self) -> Identity:
        async def talk(turn: Conversation) -> bytes:
            return (await LinkedKeyence(turn).motor()).encode("ascii")

        with about(self._link.name, "identify"):
            state = (await self._link.converse(talk)).decode("ascii")
            if not state:
                raise NoReply("no answer", action="RMOTOR", remedy="check power, cable and settings (7E1)")
            if state == "MOTOROFF":
                raise DeviceFault("the scan motor is off", remedy="switch the motor on")
            if state != "MOTORON":
                raise BadReply("not a motor state", value=shown(state), remedy="check driver and settings")
            return Identity("Keyence", "BL-1300")
