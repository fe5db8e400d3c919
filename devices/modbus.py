"""Modbus over a `Link`: pymodbus builds and parses the frames, the link keeps its own rules.

pymodbus' client is not used: it retries by itself, and a late reply would be taken for the next one. Its framers and
PDUs (3.16.1, pinned) are the codec. Source: Modbus application protocol V1.1b3; RTU frames carry CRC-16, TCP frames
the MBAP header with a transaction number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from devices.link import Framer, Link
from vesiflow.errors import BadReply, ConfigError, DeviceFault, LimitExceeded

Framing = Literal["rtu", "tcp"]

RTU_QUIET = 0.005  # s, more than 3.5 characters at 9600 baud
EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value or count",
    4: "device failure",
    5: "acknowledged, still working",
    6: "busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target does not answer",
}
_FRAMERS = {"rtu": FramerRTU(DecodePDU(is_server=False)), "tcp": FramerSocket(DecodePDU(is_server=False))}
_READS = {3: ReadHoldingRegistersRequest, 4: ReadInputRegistersRequest}


def encode_read(
    framing: Framing, unit: int, transaction: int, address: int, count: int, function: Literal[3, 4] = 3
) -> bytes:
    """Read `count` registers from the protocol address `address` (0-based)."""
    _check(unit, address, count, 125)
    return _build(framing, _READS[function](dev_id=unit, transaction_id=transaction, address=address, count=count))


def encode_write(framing: Framing, unit: int, transaction: int, address: int, values: Sequence[int]) -> bytes:
    """Write one register by function 06, several by function 16; values 0..65535."""
    _check(unit, address, len(values), 123)
    for value in values:
        if not 0 <= value <= 0xFFFF:
            raise LimitExceeded("register value out of range", value=value, bounds="0..65535", remedy="mend the value")
    kind = WriteSingleRegisterRequest if len(values) == 1 else WriteMultipleRegistersRequest
    return _build(framing, kind(dev_id=unit, transaction_id=transaction, address=address, registers=list(values)))


def _build(framing: Framing, request: ModbusPDU) -> bytes:
    return bytes(_FRAMERS[framing].buildFrame(request))


def _check(unit: int, address: int, count: int, most: int) -> None:
    if not 0 <= unit <= 247 or not 0 <= address <= 0xFFFF or not 1 <= count <= most:
        raise ConfigError(
            "no such register",
            value=f"unit {unit} address {address} count {count}",
            bounds=f"unit 0..247, address 0..65535, count 1..{most}",
            remedy="mend the register map in the line file",
        )


def frame(framing: Framing, unit: int, function: int) -> Framer:
    """A framer for the reply to `function` of `unit`; an RTU frame with a wrong CRC is never complete."""
    if framing == "tcp":
        return _frame_tcp

    def rtu(data: bytes) -> int | None:
        found = locate_rtu(data, unit, function)
        return found.stop if found else None

    return rtu


def _frame_tcp(data: bytes) -> int | None:
    if len(data) < 6:
        return None
    length = int.from_bytes(data[4:6], "big")
    if data[2:4] != b"\x00\x00" or not 3 <= length <= 254:
        return len(data)  # no MBAP header: hand everything over, to be refused as foreign
    return 6 + length if len(data) >= 6 + length else None


def locate_rtu(data: bytes, unit: int, function: int) -> slice | None:
    """Where a whole RTU frame of `unit` for `function` (or its exception) with a right CRC stands in `data`."""
    for start in range(len(data) - 4):
        if data[start] != unit or data[start + 1] not in (function, function | 0x80):
            continue
        stop = start + _rtu_size(data[start:])
        if stop <= len(data) and FramerRTU.check_CRC(
            data[start : stop - 2], int.from_bytes(data[stop - 2 : stop], "big")
        ):
            return slice(start, stop)
    return None


def _rtu_size(data: bytes) -> int:
    if data[1] & 0x80:
        return 5
    return 5 + data[2] if data[1] in (3, 4) else 8


def decode(framing: Framing, reply: bytes, unit: int, transaction: int, function: int) -> ModbusPDU:
    """The PDU of a whole reply; BadReply when it belongs to another unit, transaction or function, or is malformed."""
    start = 0
    if framing == "rtu":
        place = locate_rtu(reply, unit, function)
        start = place.start if place else 0
        genuine = place is not None
    else:
        head = (int.from_bytes(reply[:2], "big"), reply[2:4], int.from_bytes(reply[4:6], "big"))
        genuine = head == (transaction, b"\x00\x00", len(reply) - 6) and len(reply) >= 9 and reply[6] == unit
        genuine = genuine and reply[7] & 0x7F == function
    skip = {"rtu": 1, "tcp": 7}[framing]
    body = reply[start + skip : len(reply) - 2 if framing == "rtu" else None]
    if not genuine or not _right_size(body):
        raise BadReply("not the reply to this request", value=reply[:24].hex(" "), remedy="check unit and framing")
    pdu = _FRAMERS[framing].decoder.decode(body)
    if pdu is None:
        raise BadReply("malformed reply", value=reply[:24].hex(" "), remedy="check unit and framing")
    return pdu


def _right_size(body: bytes) -> bool:
    """pymodbus takes an odd byte count and surplus bytes; we do not."""
    if body[0] & 0x80:
        return len(body) == 2
    if body[0] in (3, 4):
        return len(body) == 2 + body[1] and body[1] % 2 == 0
    return len(body) == 5


class Modbus:
    """Registers of one unit over a link. Exceptions of the unit are DeviceFault with code and text."""

    def __init__(self, link: Link, framing: Framing, unit: int, timeout: float = 0.5) -> None:
        self._link = link
        self._framing: Framing = framing
        self._unit = unit
        self._timeout = timeout
        self._transaction = 0
        if framing == "rtu":
            link.gap = max(link.gap, RTU_QUIET)

    async def read(self, address: int, count: int = 1, function: Literal[3, 4] = 3) -> list[int]:
        """`count` registers from `address` on."""
        transaction = self._next()
        request = encode_read(self._framing, self._unit, transaction, address, count, function)

        def fits(pdu: ModbusPDU) -> bool:
            return len(pdu.registers) == count

        pdu = await self._query(request, transaction, function, fits, f"read register {address}")
        return [int(register) for register in pdu.registers]

    async def write(self, address: int, *values: int) -> None:
        """Write and compare the echo."""
        transaction = self._next()
        request = encode_write(self._framing, self._unit, transaction, address, values)

        def fits(pdu: ModbusPDU) -> bool:
            same = pdu.address == address
            return same and (list(pdu.registers) == [values[0]] if len(values) == 1 else pdu.count == len(values))

        await self._query(request, transaction, 6 if len(values) == 1 else 16, fits, f"write register {address}")

    def _next(self) -> int:
        self._transaction = self._transaction % 0xFFFF + 1
        return self._transaction

    async def _query(
        self, request: bytes, transaction: int, function: int, fits: Callable[[ModbusPDU], bool], action: str
    ) -> ModbusPDU:
        def ours(reply: bytes) -> bool:
            try:
                pdu = decode(self._framing, reply, self._unit, transaction, function)
            except BadReply:
                return False
            return pdu.isError() or fits(pdu)

        reply = await self._link.query(
            request,
            frame(self._framing, self._unit, function),
            accept=ours,
            timeout=self._timeout,
            action=action,
        )
        pdu = decode(self._framing, reply, self._unit, transaction, function)
        if pdu.isError():
            raise DeviceFault(
                f"exception {pdu.exception_code:02d} {EXCEPTIONS.get(pdu.exception_code, 'unknown')}",
                device=self._link.name,
                action=action,
                remedy="check the register map in the line file and the instrument",
            )
        return pdu


def signed(register: int) -> int:
    """A register as a signed 16-bit number."""
    return register - 0x10000 if register >= 0x8000 else register


def unsigned(value: int) -> int:
    """A signed 16-bit number as a register; LimitExceeded outside -32768..32767."""
    if not -0x8000 <= value <= 0x7FFF:
        raise LimitExceeded("does not fit 16 bits", value=value, bounds="-32768..32767", remedy="mend the value")
    return value & 0xFFFF
