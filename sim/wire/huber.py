"""Huber thermostat: PB commands and the checksummed LAI commands (KISS manual, pp. 43-44).

PB: `{M<addr><value4 or ****>\\r\\n` -> `{S<addr><value4>\\r\\n`, 0.01 K in two's complement; C504 is no sensor.
LAI: `[M<slave><cmd><length><data><checksum>\\r`; the checksum is the 8-bit sum of all characters before it.
UNCONFIRMED and chosen here: a set-point out of range is clamped; a wrong checksum, slave or address is silence; the
layout of LAI `G` and `L` beyond the published verify command; 100 ms without a character clears the input.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from sim.wire.emulator import Actuator, Now, Outbox, Sensor, WireSettings
from sim.wire.framing import text

_ABSENT = 0xC504


class HuberPb:
    """`bath` and `process` are degC; `setpoint` gets degC, `run` 1.0 or 0.0."""

    LATENCY = 0.05  # s
    PATIENCE = 0.1  # s between characters

    settings = WireSettings()

    def __init__(
        self,
        now: Now,
        bath: Sensor,
        setpoint: Actuator,
        run: Actuator,
        *,
        process: Sensor | None = None,
        low: float = -90.0,
        high: float = 150.0,
        slave: int = 1,
        serial_number: int = 123456,
    ) -> None:
        self._now = now
        self._bath = bath
        self._process = process
        self._setpoint = setpoint
        self._run = run
        self._low, self._high = low, high
        self._slave = f"{slave:02X}"
        self._serial_number = serial_number
        self._out = Outbox(now, self.LATENCY)
        self._buffer = b""
        self._heard_at = 0.0
        self._target = 20.0
        self.running = self.circulating = False
        self.error = 0
        self._reads: dict[int, Callable[[], int]] = {
            0x00: lambda: _word(self._target),
            0x01: lambda: _word(self._bath()),
            0x02: lambda: _word(self._bath()),  # return line: the loop has no lag here
            0x03: lambda: 0,
            0x05: lambda: self.error & 0xFFFF,
            0x06: lambda: 0,
            0x07: lambda: _word(self._process() if self._process else math.nan),
            0x0A: lambda: self.running | self.circulating << 1,
            0x14: lambda: int(self.running),
            0x16: lambda: int(self.circulating),
            0x1B: lambda: self._serial_number & 0xFFFF,
            0x1C: lambda: self._serial_number >> 16,
            0x30: lambda: _word(self._low),
            0x31: lambda: _word(self._high),
        }
        self._writes: dict[int, Callable[[int], None]] = {
            0x00: self._set_target,
            0x14: self._switch,
            0x16: self._circulate,
        }

    def receive(self, data: bytes) -> None:
        now = self._now()
        if now - self._heard_at > self.PATIENCE:
            self._buffer = b""
        self._heard_at = now
        self._buffer += data
        while b"\r" in self._buffer:
            line, _, rest = self._buffer.partition(b"\r")
            self._buffer = rest.removeprefix(b"\n")
            self._hear(text(line.lstrip(b"\n")))

    def transmit(self) -> bytes:
        return self._out.take()

    def due_in(self) -> float | None:
        return self._out.due_in()

    def power_cycle(self) -> None:
        """Stands still; the set-point is kept."""
        self._out.clear()
        self._buffer = b""
        self.circulating = False
        self._switch(0)

    def _hear(self, line: str) -> None:
        if line.startswith("{M") and len(line) == 8:
            self._pb(line[2:4], line[4:])
        elif line.startswith("[M") and len(line) >= 9:
            self._lai(line[:-2], line[-2:])

    # -- PB

    def _pb(self, shown_address: str, value: str) -> None:
        address, written = _hex(shown_address), _hex(value)
        read = None if address is None else self._reads.get(address)
        if address is None or read is None or (written is None and value != "****"):
            return
        write = self._writes.get(address)
        if written is not None and write is not None:
            write(written)
        self._out.put(f"{{S{address:02X}{read():04X}\r\n".encode())

    def _set_target(self, word: int) -> None:
        value = (word - 0x10000 if word >= 0x8000 else word) / 100
        self._target = min(max(value, self._low), self._high)
        self._setpoint(self._target)

    def _switch(self, on: int) -> None:
        self.running = bool(on)
        self.circulating = self.circulating or self.running
        self._run(float(self.running))

    def _circulate(self, on: int) -> None:
        self.circulating = bool(on)
        if not on:
            self._switch(0)

    # -- LAI

    def _lai(self, body: str, checksum: str) -> None:
        if checksum.upper() != _checksum(body) or body[2:4] != self._slave:
            return
        command, length, data = body[4], body[5:7], body[7:]
        if length.upper() != f"{len(body):02X}":
            return
        answer = {"V": self._verify, "G": self._general, "L": self._limits}.get(command)
        if answer is None:
            return
        reply = answer(data)
        if reply is None:
            return
        head = f"[S{self._slave}{command}"
        shown = f"{head}{len(head) + 2 + len(reply):02X}{reply}"
        self._out.put(f"{shown}{_checksum(shown)}\r".encode("latin-1"))

    def _verify(self, data: str) -> str | None:
        return None if data else "Huber Control"

    def _general(self, data: str) -> str | None:
        """`s a tttt`: mode (C, I, O or *), alarm reset (0 or *), set-point or ****; answers with the temperatures."""
        if len(data) != 6 or data[0] not in "CIO*" or data[1] not in "0*":
            return None
        if data[2:] != "****":
            word = _hex(data[2:])
            if word is None:
                return None
            self._set_target(word)
        if data[0] != "*":
            self._switch(int(data[0] != "O"))
        mode = "I" if self.running else "O"
        values = (self._target, self._bath(), self._process() if self._process else math.nan)
        return f"{mode}{int(self.error != 0)}" + "".join(f"{_word(value):04X}" for value in values)

    def _limits(self, data: str) -> str | None:
        if data != "*" * 16:
            return None
        return f"{_word(self._low):04X}{_word(self._high):04X}" * 2


def _word(celsius: float) -> int:
    """0.01 K in two's complement; what is no temperature reads as an absent sensor."""
    return round(celsius * 100) & 0xFFFF if math.isfinite(celsius) else _ABSENT


def _hex(shown: str) -> int | None:
    """Hexadecimal digits of either case and nothing else."""
    return int(shown, 16) if shown and all(c in "0123456789abcdefABCDEF" for c in shown) else None


def _checksum(body: str) -> str:
    return f"{sum(body.encode('latin-1')) & 0xFF:02X}"
