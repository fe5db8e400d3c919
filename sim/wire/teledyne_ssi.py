"""Teledyne SSI HPLC pump: Series I-IV (manual 90-2581 Rev B, app. A) and Next Generation MX (`series="MX"`).

Two letters, fixed digits, CR -> text that ends with `/`, without line end. Invalid -> `Er/`, and what was received
stays in the buffer until `#` or one second of silence: whoever goes on without `#` adds to the garbage.
UNCONFIRMED and chosen here: digits beyond the head's range are `Er/`; on Series I-IV `RU` clears a fault, on MX
`CF` does; the lower limit is armed half a minute after the start.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.wire.emulator import Actuator, Now, Outbox, Sensor, WireSettings
from sim.wire.framing import BAR, ML_PER_MIN, PSI

HEADS = {"standard": (0, 2, 9.99, 10.0), "macro": (1, 1, 39.9, 40.0), "micro": (0, 3, 9.999, 12.0)}
"""CS head flag, decimals of mL/min, highest FL, highest flow."""
_UNITS = {"PSI": (PSI, 0), "BAR": (BAR, 0), "MPA": (1e6, 1), "ATM": (101325.0, 0), "KGC": (98066.5, 0)}
_STROKE_ML = 0.1


class SsiPump:
    """`flow` gets m3/s while the pump runs, else 0; `pressure` is Pa at its outlet. Trips on its limits."""

    LATENCY = 0.03  # s
    FORGETS = 1.0  # s after the last character an incomplete command is dropped
    LOWER_ARMED = 30.0  # s after start
    MAX_PSI = 6000

    settings = WireSettings()

    def __init__(
        self,
        now: Now,
        flow: Actuator,
        pressure: Sensor,
        *,
        head: str = "macro",
        series: str = "MX",
        unit: str = "PSI",
        pump_id: str = "191017",
    ) -> None:
        self._now = now
        self._flow = flow
        self._pressure = pressure
        self._head, self._decimals, self._fl_max, self._max_flow = HEADS[head]
        self._mx = series == "MX"
        self._unit = unit
        self._scale, self._places = _UNITS[unit]
        self._pump_id = pump_id
        self._out = Outbox(now, self.LATENCY)
        self._buffer = b""
        self._last_byte = 0.0
        self.running = False
        self._started = 0.0
        self._moved = (0.0, 0.0)  # mL pumped, until when
        self._defaults()
        self._commands = self._table()

    def _defaults(self) -> None:
        self._set_flow = 0.0  # mL/min
        self._upper, self._lower = self.MAX_PSI, 0
        self._stall, self._over, self._under = 0, 0, 0
        self._compensation, self._trim, self._leak_mode, self._solvent = 0, 1000, 0, 0
        self.keypad = True

    # -- wire

    def receive(self, data: bytes) -> None:
        self.scan()
        now = self._now()
        if now - self._last_byte > self.FORGETS:
            self._buffer = b""
        self._last_byte = now
        self._buffer += data
        if b"#" in self._buffer:
            self._buffer = self._buffer[self._buffer.rindex(b"#") + 1 :]
        while b"\r" in self._buffer:
            end = self._buffer.index(b"\r")
            line, rest = self._buffer[:end], self._buffer[end + 1 :]
            answer = self._obey(line.decode("latin-1").upper())
            self._buffer = rest if answer != "Er/" else line + rest
            self._out.put(answer.encode())

    def transmit(self) -> bytes:
        return self._out.take()

    def due_in(self) -> float | None:
        return self._out.due_in()

    def scan(self) -> None:
        """Count strokes and trip on the pressure limits; the plant calls it as it advances."""
        now = self._now()
        ml, since = self._moved
        self._moved = (ml + (self._set_flow * (now - since) / 60 if self.running else 0.0), now)
        if not self.running:
            return
        psi = self._pressure() / PSI
        if psi > self._upper:
            self._over = 1
        elif psi < self._lower and now - self._started > self.LOWER_ARMED:
            self._under = 1
        if self._faulty():
            self._run(False)

    def stall(self) -> None:
        """The motor stalls: a fault."""
        self._stall = 1
        self._run(False)

    def power_cycle(self) -> None:
        """Stands still, flow zero, limits open."""
        self._run(False)
        self._out.clear()
        self._buffer = b""
        self._defaults()

    # -- inside

    def _faulty(self) -> bool:
        return bool(self._stall or self._over or self._under)

    def _run(self, on: bool) -> None:
        if on and not self.running:
            self._started = self._now()
        self.running = on
        self._drive()

    def _drive(self) -> None:
        self._flow(self._set_flow * self._trim / 1000 * ML_PER_MIN if self.running else 0.0)

    def _table(self) -> dict[str, Callable[[str], str]]:
        table: dict[str, Callable[[str], str]] = {
            "RU": lambda d: self._plain(d, self._start),
            "ST": lambda d: self._plain(d, lambda: self._run(False)),
            "SF": lambda d: self._plain(d, self.stall),
            "FL": lambda d: self._flow_digits(d, 3, 0.1 if self._head else 0.01),
            "FO": lambda d: self._flow_digits(d, 4, 0.1 if self._head else 0.01),
            "FM": self._micro,
            "PR": lambda d: "Er/" if d else f"OK,{self._shown(self._pressure())}/",
            "CC": lambda d: "Er/" if d else f"OK,{self._shown(self._pressure())},{self._rate()}/",
            "CS": lambda d: "Er/" if d else self._status(),
            "RF": lambda d: "Er/" if d else f"OK,{self._stall},{self._over},{self._under}/",
            "UP": self._upper_limit,
            "LP": self._lower_limit,
            "KD": lambda d: self._plain(d, lambda: self._keys(False)),
            "KE": lambda d: self._plain(d, lambda: self._keys(True)),
            "PC": self._set_compensation,
            "RC": lambda d: "Er/" if d else f"OK,{self._compensation}/",
            "HT": self._change_head,
            "ID": lambda d: "Er/" if d else self._identity(),
        }
        if self._mx:
            table |= self._mx_table()
        return table

    def _mx_table(self) -> dict[str, Callable[[str], str]]:
        return {
            "FI": self._integer_flow,
            "PI": lambda d: "Er/" if d else self._information(),
            "MF": lambda d: "Er/" if d else f"OK,MF:{self._max_flow:.{self._decimals}f}/",
            "MP": lambda d: "Er/" if d else f"OK,MP:{self._shown(self.MAX_PSI * PSI)}/",
            "UC": self._flow_trim,
            "GS": lambda d: "Er/" if d else f"OK,GS:{int(self._moved[0] / _STROKE_ML)}/",
            "ZS": lambda d: self._plain(d, self._zero_strokes),
            "LS": lambda d: "Er/" if d else "OK,LS:0/",
            "PU": lambda d: "Er/" if d else f"OK,{self._unit.lower()}/",
            "RS": lambda d: "Er/" if d else f"OK,{self._solvent}/",
            "CF": lambda d: self._plain(d, self._clear_faults),
            "RE": lambda d: self._plain(d, self._factory),
            "LM": self._leak,
            "SS": self._set_solvent,
        }

    def _obey(self, line: str) -> str:
        command = self._commands.get(line[:2])
        digits = line[2:]
        if command is None or (digits and not (digits.isascii() and digits.isdigit())):
            return "Er/"
        return command(digits)

    def _plain(self, digits: str, act: Callable[[], None]) -> str:
        if digits:
            return "Er/"
        act()
        return "OK/"

    def _start(self) -> None:
        if not self._mx:
            self._clear_faults()
        if not self._faulty():
            self._run(True)
            self.scan()

    def _clear_faults(self) -> None:
        self._stall = self._over = self._under = 0

    def _factory(self) -> None:
        self._run(False)
        self._defaults()

    def _zero_strokes(self) -> None:
        self._moved = (0.0, self._now())

    def _keys(self, on: bool) -> None:
        self.keypad = on

    # -- flow

    def _take_flow(self, flow: float) -> str:
        self._set_flow = flow
        self._drive()
        return "OK/"

    def _flow_digits(self, digits: str, count: int, step: float) -> str:
        flow = int(digits or 0) * step
        most = self._fl_max if count == 3 else (self._max_flow if self._head else 10.0)
        if len(digits) != count or not 0 < flow <= most + 1e-9 or self._decimals == 3:
            return "Er/"
        return self._take_flow(flow)

    def _micro(self, digits: str) -> str:
        """x.xxx mL/min, on heads that show three decimals; 1000-1200 stand for 10-12 mL/min only above 9.999."""
        if len(digits) != 4 or not int(digits) or self._decimals != 3:
            return "Er/"
        return self._take_flow(int(digits) * 1e-3)

    def _integer_flow(self, digits: str) -> str:
        step = {3: 1e-3, 2: 1e-2, 1: 1e-1}[self._decimals]
        if not digits or int(digits) * step > self._max_flow + 1e-9:
            return "Er/"
        return self._take_flow(int(digits) * step)

    def _rate(self) -> str:
        return f"{self._set_flow:.{self._decimals}f}"

    # -- pressure

    def _shown(self, pascal: float) -> str:
        return f"{max(pascal, 0.0) / self._scale:.{self._places}f}"

    def _limit(self, digits: str) -> int | None:
        return int(digits) if len(digits) == 4 and int(digits) <= self.MAX_PSI else None

    def _upper_limit(self, digits: str) -> str:
        if not digits and self._mx:
            return f"OK,UP:{self._shown(self._upper * PSI)}/"
        value = self._limit(digits)
        if value is None or value < self._lower + 100:
            return "Er/"
        self._upper = value
        self.scan()
        return "OK/"

    def _lower_limit(self, digits: str) -> str:
        if not digits and self._mx:
            return f"OK,LP:{self._shown(self._lower * PSI)}/"
        value = self._limit(digits)
        if value is None or value > self._upper - 100:
            return "Er/"
        self._lower = value
        return "OK/"

    # -- settings and status

    def _set_compensation(self, digits: str) -> str:
        if len(digits) != 2 or int(digits) * 100 > self.MAX_PSI:
            return "Er/"
        self._compensation = int(digits)
        return "OK/"

    def _change_head(self, digits: str) -> str:
        if len(digits) != 1 or not 1 <= int(digits) <= 6:
            return "Er/"
        self._run(False)
        self._compensation, self._upper, self._lower = 0, self.MAX_PSI, 0
        return "OK/"

    def _flow_trim(self, digits: str) -> str:
        if not digits:
            return f"OK,UC:{self._trim * 10}/"
        if len(digits) != 4 or not 850 <= int(digits) <= 1150:
            return "Er/"
        self._trim = int(digits)
        self._drive()
        return "OK/"

    def _leak(self, digits: str) -> str:
        if digits not in ("0", "1", "2"):
            return "Er/"
        self._leak_mode = int(digits)
        return f"OK,LM:{digits}/"

    def _set_solvent(self, digits: str) -> str:
        if not digits:
            return "Er/"
        self._solvent = int(digits)
        return "OK/"

    def _identity(self) -> str:
        return f"OK,{self._pump_id} Version 2.0.8/" if self._mx else "OK,v2.11 SSI Series/"

    def _status(self) -> str:
        limits = f"{self._shown(self._upper * PSI)},{self._shown(self._lower * PSI)}"
        return f"OK,{self._rate()},{limits},{self._unit},{self._head},{int(self.running)},0/"

    def _information(self) -> str:
        fields = (
            f"{self._rate()},{int(self.running)},{self._compensation},{self._head},0,1,0,0,"
            f"{self._over},{self._under},0,{int(self.keypad)},0,0,0,0,{self._stall}"
        )
        return f"OK,{fields}/"
