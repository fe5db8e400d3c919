"""A Modbus server on bytes: RTU frames (CRC-16, poly A001, low byte first) or TCP (MBAP), functions 03, 04, 06, 16.

From the Modbus application protocol specification V1.1b3 and the serial line guide V1.02. A bad CRC or a foreign
unit is answered by silence; an incomplete RTU frame is forgotten when the line falls silent.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from sim.wire.emulator import Now

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE, BUSY = 1, 2, 3, 4, 6

_REQUEST = struct.Struct(">BHH")
_MBAP = struct.Struct(">HHHB")


class ModbusError(Exception):
    """An exception reply with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


_CRC = _crc_table()


def crc16(data: bytes) -> bytes:
    """The two check bytes of an RTU frame."""
    value = 0xFFFF
    for byte in data:
        value = (value >> 8) ^ _CRC[(value ^ byte) & 0xFF]
    return value.to_bytes(2, "little")


class ModbusServer:
    """Turns received bytes into reply frames. `read(function, address)` gives one 16-bit register, `write` sets one."""

    IDLE = 0.02  # s of silence that ends an RTU frame; 3.5 characters are 4 ms at 9600 baud, adapters add theirs

    def __init__(
        self,
        now: Now,
        framing: str,
        unit_id: int,
        read: Callable[[int, int], int],
        write: Callable[[int, int], None] | None = None,
    ) -> None:
        if framing not in ("rtu", "tcp"):
            raise ValueError(f"framing is rtu or tcp, not {framing!r}")
        self._now = now
        self._rtu = framing == "rtu"
        self._unit = unit_id
        self._read = read
        self._write = write
        self._rest = b""
        self._heard_at = 0.0
        self.failure: int | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The replies to what `data` completes."""
        now = self._now()
        if self._rtu and now - self._heard_at > self.IDLE:
            self._rest = b""
        self._heard_at = now
        self._rest += data
        return self._feed_rtu() if self._rtu else self._feed_tcp()

    def clear(self) -> None:
        """Forget an incomplete frame."""
        self._rest = b""

    def _feed_rtu(self) -> list[bytes]:
        replies = []
        while (length := _rtu_length(self._rest)) is not None and len(self._rest) >= length:
            frame, self._rest = self._rest[:length], self._rest[length:]
            if crc16(frame[:-2]) != frame[-2:]:
                self._rest = b""
                break
            unit, pdu = frame[0], frame[1:-2]
            if unit == 0:
                self._answer(pdu)  # broadcast: done by all, answered by none
            elif unit == self._unit:
                reply = bytes((unit,)) + self._answer(pdu)
                replies.append(reply + crc16(reply))
        return replies

    def _feed_tcp(self) -> list[bytes]:
        replies = []
        while len(self._rest) >= 8:
            transaction, protocol, length, unit = _MBAP.unpack_from(self._rest)
            if protocol != 0 or not 2 <= length <= 254:
                self._rest = b""
                break
            if len(self._rest) < 6 + length:
                break
            pdu, self._rest = self._rest[7 : 6 + length], self._rest[6 + length :]
            if unit == self._unit:
                answer = self._answer(pdu)
                replies.append(_MBAP.pack(transaction, 0, len(answer) + 1, unit) + answer)
        return replies

    def _answer(self, pdu: bytes) -> bytes:
        function = pdu[0]
        try:
            if self.failure is not None:
                raise ModbusError(self.failure)
            if function in (3, 4):
                return self._read_many(pdu)
            if function == 6 and self._write is not None:
                return self._write_one(pdu)
            if function == 16 and self._write is not None:
                return self._write_many(pdu)
            raise ModbusError(ILLEGAL_FUNCTION)
        except ModbusError as error:
            return bytes((function | 0x80, error.code))

    def _read_many(self, pdu: bytes) -> bytes:
        if len(pdu) != 5:
            raise ModbusError(ILLEGAL_VALUE)
        function, address, count = _REQUEST.unpack(pdu)
        if not 1 <= count <= 125:
            raise ModbusError(ILLEGAL_VALUE)
        registers = [self._read(function, address + i) & 0xFFFF for i in range(count)]
        return struct.pack(f">BB{count}H", function, 2 * count, *registers)

    def _write_one(self, pdu: bytes) -> bytes:
        if len(pdu) != 5 or self._write is None:
            raise ModbusError(ILLEGAL_VALUE)
        _, address, value = _REQUEST.unpack(pdu)
        self._write(address, value)
        return pdu

    def _write_many(self, pdu: bytes) -> bytes:
        if len(pdu) < 6 or self._write is None:
            raise ModbusError(ILLEGAL_VALUE)
        function, address, count = _REQUEST.unpack_from(pdu)
        if not 1 <= count <= 123 or pdu[5] != 2 * count or len(pdu) != 6 + 2 * count:
            raise ModbusError(ILLEGAL_VALUE)
        for i, value in enumerate(struct.unpack(f">{count}H", pdu[6:])):
            self._write(address + i, value)
        return _REQUEST.pack(function, address, count)


def float_words(value: float) -> Sequence[int]:
    """A FLOAT32 as two registers, high word first."""
    words: tuple[int, int] = struct.unpack(">HH", struct.pack(">f", value))
    return words


def signed(register: int) -> int:
    """A register as a signed number."""
    return register - 0x10000 if register >= 0x8000 else register


def _rtu_length(data: bytes) -> int | None:
    """Length of the request frame that `data` begins, None while it cannot be known."""
    if len(data) < 2:
        return None
    if data[1] in (15, 16):
        return 9 + data[6] if len(data) >= 7 else None
    return 8 if data[1] <= 6 else 4 if data[1] in (7, 11, 12, 17) else 8
