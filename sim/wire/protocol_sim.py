"""pyserial's `sim://` handler: a port whose other end is an emulator of the current bench.

pyserial finds this module by its name (serial.protocol_handler_packages). The port never blocks: `blocks` tells
the transport to wait on the clock instead, `due_in` tells how long.
"""

from __future__ import annotations

from typing import Any

import serial

from sim.bench import Bench, current
from sim.wire.emulator import Emulator, WireSettings


class Serial(serial.SerialBase):  # type: ignore[misc]
    """One open `sim://` port."""

    blocks = False

    _bench: Bench
    _emulator: Emulator
    _address: str
    _buffer: bytes = b""
    _heard: bool = True
    _settings: WireSettings | None = None

    def open(self) -> None:
        """Connect to the emulator at the address; SerialException like a missing or busy device file."""
        bench = getattr(self, "_bench", None) or current()  # opened again, it is still the same bench
        self._address = str(self.port).removeprefix("sim://")
        if bench is None or self._address not in bench.endpoints or self._address in bench.unplugged:
            raise serial.SerialException(f"No such file: no simulated instrument at {self.port}")
        if self._address in bench.open:
            raise serial.SerialException(f"Could not exclusively lock port {self.port}")
        bench.open.add(self._address)
        self._bench = bench
        self._emulator = bench.endpoints[self._address]
        self._buffer = b""
        self._heard = self._understood()
        self.is_open = True

    def close(self) -> None:
        if self.is_open:
            self._bench.open.discard(self._address)
        self.is_open = False

    def due_in(self) -> float | None:
        """Seconds until the instrument sends more, None when it has nothing to say."""
        return self._emulator.due_in() if self._heard else None

    @property
    def in_waiting(self) -> int:
        self._check()
        if self._heard:
            self._buffer += self._emulator.transmit()
        return len(self._buffer)

    def read(self, size: int = 1) -> bytes:
        self._check()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def write(self, data: Any) -> int:
        self._check()
        if self._heard:
            self._emulator.receive(bytes(data))
        return len(data)

    def flush(self) -> None:
        self._check()

    def reset_input_buffer(self) -> None:
        self._buffer = b""
        self._emulator.transmit()

    def reset_output_buffer(self) -> None:
        """Nothing is ever queued on the way out."""

    def _check(self) -> None:
        if not self.is_open:
            raise serial.PortNotOpenError
        if self._emulator.settings is not self._settings:  # somebody has changed them on the instrument
            self._heard = self._understood()
        if self._address in self._bench.unplugged:
            raise serial.SerialException("device reports readiness to read but returned no data (device disconnected?)")

    def _understood(self) -> bool:
        """With other line settings the instrument sees only framing errors and stays silent."""
        self._settings = settings = self._emulator.settings
        if settings.baudrate is None:
            return True
        return (settings.baudrate, settings.bytesize, settings.parity, settings.stopbits) == (
            self.baudrate,
            self.bytesize,
            self.parity,
            self.stopbits,
        )

    def _reconfigure_port(self) -> None:
        self._heard = self._understood()

    def _update_rts_state(self) -> None: ...

    def _update_dtr_state(self) -> None: ...

    def _update_break_state(self) -> None: ...

    @property
    def cts(self) -> bool:
        return True

    @property
    def dsr(self) -> bool:
        return True

    @property
    def ri(self) -> bool:
        return False

    @property
    def cd(self) -> bool:
        return True
