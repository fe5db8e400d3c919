"""MKS 937B vacuum gauge controller with capacitance manometers and Piranis (manual p. 86, public drivers' tables).

`@<aaa><cmd>?;FF` or `@<aaa><cmd>!<par>;FF` -> `@<aaa>ACK<value>;FF` or `NAK<code>`; the end mark is the text `;FF`.
A foreign address is silence; 254 is everybody. Two relays per channel: 1 and 2 belong to channel 1, and so on.
UNCONFIRMED and chosen here: values below the gauge's range as `LO<E-4`-like text; relay settings survive a power
cycle and a disabled relay is off.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sim.wire.emulator import Now, Outbox, Sensor, WireSettings
from sim.wire.framing import TORR, Lines, text

_UNITS = {"TORR": TORR, "MBAR": 100.0, "PASCAL": 1.0, "MICRON": TORR / 1000}
_NOT_ION, _UNKNOWN, _CHANNEL, _ARGUMENT, _RANGE, _QUERY_BYTE = 152, 160, 163, 169, 172, 175


@dataclass
class _RelaySettings:
    setpoint: float = 0.0  # Pa
    hysteresis: float = 0.0  # Pa
    direction: str = "BELOW"
    enabled: str = "CLEAR"
    on: bool = False


class _Nak(Exception):
    """NAK with this code."""


class Mks937b:
    """`pressures` are Pa absolute, up to six channels, None without gauge; `relay(n, on)` is called at each change."""

    LATENCY = 0.03  # s
    CHANNELS = 6
    PIRANI = (5e-4 * TORR, 1000 * TORR)

    settings = WireSettings()

    def __init__(
        self,
        now: Now,
        pressures: Sequence[Sensor | None],
        *,
        relay: Callable[[int, bool], None] | None = None,
        address: int = 253,
        full_scale: float = 10 * TORR,
        piranis: Collection[int] = (),
        unit: str = "TORR",
        serial_number: str = "937B-0042",
    ) -> None:
        self._pressures = pressures = [*pressures, *[None] * (self.CHANNELS - len(pressures))]
        self._relay = relay
        self._address = f"{address:03d}"
        full = (full_scale * 1e-4, full_scale)
        self._piranis = frozenset(channel - 1 for channel in piranis)
        self._ranges = [self.PIRANI if n in self._piranis else full for n in range(self.CHANNELS)]
        self._unit = unit
        self._serial_number = serial_number
        self._out = Outbox(now, self.LATENCY)
        self._lines = Lines(b";FF")
        self._powered = [True] * len(pressures)
        self.relays = [_RelaySettings() for _ in range(2 * len(pressures))]
        self._queries: dict[str, Callable[[int], str]] = {
            "PR": self._pressure,
            "CP": lambda n: "ON" if self._powered[n] else "OFF",
            "T": self._ion_status,
        }
        self._relay_queries: dict[str, Callable[[_RelaySettings], str]] = {
            "SP": lambda r: self._shown(r.setpoint),
            "SH": lambda r: self._shown(r.hysteresis),
            "SD": lambda r: r.direction,
            "EN": lambda r: r.enabled,
            "SS": lambda r: "SET" if r.on else "CLEAR",
        }
        self._relay_settings: dict[str, Callable[[_RelaySettings, str], None]] = {
            "SP": lambda r, a: setattr(r, "setpoint", self._parse(a)),
            "SH": lambda r, a: setattr(r, "hysteresis", self._parse(a)),
            "SD": lambda r, a: setattr(r, "direction", _choice(a, ("ABOVE", "BELOW"))),
            "EN": lambda r, a: setattr(r, "enabled", _choice(a, ("SET", "ENABLE", "CLEAR"))),
        }
        self._whole: dict[str, Callable[[], str]] = {
            "PRZ": lambda: " ".join(self._pressure(n) for n in range(len(pressures))),
            "U": lambda: self._unit,
            "SN": lambda: self._serial_number,
            "BR": lambda: str(self.settings.baudrate),
            **{f"FV{module}": lambda: "1.30" for module in range(1, 7)},
            "MD": lambda: "937B",
            "AD": lambda: self._address,
            "MT": lambda: ",".join(self._kind(n) for n in range(self.CHANNELS)),
        }

    def receive(self, data: bytes) -> None:
        self.scan()
        for line in self._lines.feed(data):
            self._hear(text(line))

    def transmit(self) -> bytes:
        return self._out.take()

    def due_in(self) -> float | None:
        return self._out.due_in()

    def scan(self) -> None:
        """Switch the relays; the plant calls it as it advances."""
        for index, settings in enumerate(self.relays):
            on = self._wanted(index // 2, settings)
            if on != settings.on:
                settings.on = on
                if self._relay is not None:
                    self._relay(index + 1, on)

    def power_cycle(self) -> None:
        """All channels powered again; settings are kept."""
        self._out.clear()
        self._lines.clear()
        self._powered = [True] * len(self._pressures)
        self.scan()

    # -- dialogue

    def _hear(self, line: str) -> None:
        at = line.rfind("@")
        line = line[at:] if at >= 0 else ""
        if line[1:4] not in (self._address, "254"):
            return
        try:
            answer = f"ACK{self._obey(line[4:])}"
        except _Nak as refusal:
            answer = f"NAK{refusal.args[0]}"
        self._out.put(f"@{self._address}{answer};FF".encode())

    def _obey(self, body: str) -> str:
        name, query, rest = body.partition("?")
        if query:
            if rest:
                raise _Nak(_QUERY_BYTE)
            return self._read(name)
        name, bang, argument = body.partition("!")
        if not bang:
            raise _Nak(_QUERY_BYTE)
        return self._write(name, argument)

    def _read(self, name: str) -> str:
        if name in self._whole:
            return self._whole[name]()
        command, number = name.rstrip("0123456789"), name[len(name.rstrip("0123456789")) :]
        if command in self._queries and number:
            return self._queries[command](self._channel(number))
        if command in self._relay_queries and number:
            return self._relay_queries[command](self._relay_of(number))
        raise _Nak(_UNKNOWN)

    def _write(self, name: str, argument: str) -> str:
        if name == "U":
            self._unit = _choice(argument.upper(), tuple(_UNITS))
            return argument
        command, number = name.rstrip("0123456789"), name[len(name.rstrip("0123456789")) :]
        if command == "CP" and number:
            self._powered[self._channel(number)] = _choice(argument, ("ON", "OFF")) == "ON"
            return argument
        if command in self._relay_settings and number:
            settings = self._relay_of(number)
            self._relay_settings[command](settings, argument)
            self.scan()
            return self._relay_queries[command](settings)
        raise _Nak(_UNKNOWN)

    def _channel(self, number: str) -> int:
        if not 1 <= int(number) <= len(self._pressures):
            raise _Nak(_CHANNEL)
        return int(number) - 1

    def _relay_of(self, number: str) -> _RelaySettings:
        if not 1 <= int(number) <= len(self.relays):
            raise _Nak(_CHANNEL)
        return self.relays[int(number) - 1]

    # -- values

    def _pressure(self, index: int) -> str:
        sensor = self._pressures[index]
        if sensor is None:
            return "NOGAUGE"
        if not self._powered[index]:
            return "OFF"
        pressure = sensor()
        if not math.isfinite(pressure):
            return "MISCONN"
        low, high = self._ranges[index]
        if pressure < low:
            return f"LO<E{math.floor(math.log10(low / _UNITS[self._unit])):+d}"
        if pressure > high:
            return ">" + self._shown(high)
        return self._shown(pressure, 2 if index in self._piranis else 3)

    def _kind(self, index: int) -> str:
        if self._pressures[index] is None:
            return "NC"
        return "PR" if index in self._piranis else "CM"

    def _shown(self, pascal: float, decimals: int = 3) -> str:
        mantissa, exponent = f"{pascal / _UNITS[self._unit]:.{decimals}E}".split("E")
        return f"{mantissa}E{int(exponent):+d}"

    def _parse(self, argument: str) -> float:
        try:
            value = float(argument)
        except ValueError:
            raise _Nak(_ARGUMENT) from None
        if not 0 <= value * _UNITS[self._unit] <= self.PIRANI[1]:
            raise _Nak(_RANGE)
        return value * _UNITS[self._unit]

    def _ion_status(self, index: int) -> str:
        raise _Nak(_NOT_ION)

    def _wanted(self, channel: int, relay: _RelaySettings) -> bool:
        sensor = self._pressures[channel]
        if relay.enabled != "ENABLE" or sensor is None:
            return relay.enabled == "SET"
        pressure = sensor()
        if relay.direction == "BELOW":
            return pressure < relay.setpoint or (relay.on and pressure <= max(relay.hysteresis, relay.setpoint))
        return pressure > relay.setpoint or (relay.on and pressure >= min(relay.hysteresis, relay.setpoint))


def _choice(argument: str, allowed: tuple[str, ...]) -> str:
    if argument not in allowed:
        raise _Nak(_ARGUMENT)
    return argument
