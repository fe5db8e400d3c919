"""Atlas Scientific EZO-EC conductivity circuit in UART mode (datasheet V6.7).

`<cmd>[,args]\\r`, any case -> data lines and `*OK` or `*ER`. The factory default sends a reading every second:
stray readings precede the answer to `C,0`. UNCONFIRMED and chosen here: continuous mode, temperature compensation
and response codes return to factory settings at a power cycle; all four outputs enabled; decimals as in the
datasheet's resolution table; TDS, salinity and specific gravity by the usual approximations at 25 degC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.wire.emulator import Now, Outbox, Sensor, WireSettings
from sim.wire.framing import Lines, number, text

_OUTPUTS = ("EC", "TDS", "S", "SG")
_BAUDS = ("300", "1200", "2400", "9600", "19200", "38400", "57600", "115200")


class EzoEc:
    """`conductivity` is S/m at 25 degC; with `temperature` (degC) a wrong compensation shows, 2 %/K."""

    READING = 0.6  # s
    LATENCY = 0.3  # s for everything else
    START = 1.0  # s from power to `*RE`
    SLOPE = 0.02  # 1/K

    settings = WireSettings()

    def __init__(
        self,
        now: Now,
        conductivity: Sensor,
        *,
        temperature: Sensor | None = None,
        firmware: str = "2.16",
        outputs: Sequence[str] = _OUTPUTS,
    ) -> None:
        self._now = now
        self._conductivity = conductivity
        self._temperature = temperature
        self._firmware = firmware
        self._outputs = [name for name in _OUTPUTS if name in outputs]
        self._out = Outbox(now, self.LATENCY)
        self._lines = Lines(b"\r", drop=b"\n")
        self._busy_until = 0.0
        self._asleep = self._i2c = False
        self._probe, self._points, self._name, self._led = 1.0, 0, "", "1"
        self._cause = "P"
        self._factory_settings()
        self._commands: dict[str, Callable[[str], str | None]] = {
            "C": self._continuous,
            "*OK": self._codes,
            "I": lambda a: f"?i,EC,{self._firmware}" if not a else None,
            "R": lambda a: self._reading() if not a else None,
            "O": self._output,
            "T": self._compensation,
            "K": self._probe_constant,
            "CAL": self._calibrate,
            "STATUS": lambda a: f"?Status,{self._cause},5.02" if not a else None,
            "NAME": self._rename,
            "L": self._lamp,
            "FIND": self._find,
            "BAUD": self._baud,
        }

    def _factory_settings(self) -> None:
        self._period = 1
        self._next = self._now() + self._period
        self._respond = True
        self._set_temperature = 25.0

    # -- wire

    def receive(self, data: bytes) -> None:
        if self._asleep and data:
            self._asleep = False
            self._lines.clear()
            self._out.put(b"*WA\r")
            self._next = self._now() + self._period
            return
        for line in self._lines.feed(data):
            if not self._i2c:
                self._obey(text(line))

    def transmit(self) -> bytes:
        if self._period and not self._asleep and not self._i2c and self._now() >= self._next - 1e-9:
            self._next = max(self._next + self._period, self._now() + 0.5 * self._period)
            self._out.put(self._reading().encode() + b"\r", 0.0)
        return self._out.take()

    def due_in(self) -> float | None:
        due = self._out.due_in()
        if not self._period or self._asleep or self._i2c:
            return due
        stray = max(self._next - self._now(), 0.0)
        return stray if due is None else min(due, stray)

    def power_cycle(self, cause: str = "P") -> None:
        """Restart: `cause` P power, S software, B brown-out, W watchdog, U unknown."""
        self._out.clear()
        self._lines.clear()
        self._asleep, self._busy_until, self._cause = False, 0.0, cause
        self._factory_settings()
        self._next = self._now() + self.START + self._period
        self._out.put(b"*RE\r", self.START)

    def supply(self, high: bool) -> None:
        """The supply leaves its range: unsolicited `*OV` or `*UV`."""
        self._out.put(b"*OV\r" if high else b"*UV\r", 0.0)

    # -- commands

    def _obey(self, line: str) -> None:
        name, _, argument = line.partition(",")
        name = name.upper()
        if name == "SLEEP" and not argument:
            self._asleep = True
            self._answer("*SL", self.LATENCY)
            return
        if name == "FACTORY" and not argument:
            self._restore()
            return
        if name == "I2C":
            self._i2c = self._i2c or argument.isdigit()
            return
        command = self._commands.get(name)
        answer = command(argument) if command else None
        seconds = self.READING if name in ("R", "CAL") else self.LATENCY
        if answer is None:
            self._answer("*ER", self.LATENCY)
            return
        if answer:
            self._answer(answer, seconds)
        if self._respond:
            self._answer("*OK", 0.0 if answer else seconds)

    def _answer(self, line: str, seconds: float) -> None:
        begin = max(self._now(), self._busy_until)
        self._busy_until = begin + seconds
        self._out.put(line.encode() + b"\r", self._busy_until - self._now())

    def _reading(self) -> str:
        if not self._outputs:
            return "no output"
        us_cm = max(self._conductivity() * 1e4, 0.0)
        if self._temperature is not None:
            warm = 1 + self.SLOPE * (self._temperature() - 25.0)
            us_cm *= warm / (1 + self.SLOPE * (self._set_temperature - 25.0))
        salinity = 0.4665 * (us_cm / 1000) ** 1.0878
        shown = {
            "EC": _resolved(us_cm),
            "TDS": f"{0.54 * us_cm:.0f}",
            "S": f"{salinity:.2f}",
            "SG": f"{1 + 0.00076 * salinity:.3f}",
        }
        return ",".join(shown[name] for name in self._outputs)

    def _continuous(self, argument: str) -> str | None:
        if argument == "?":
            return f"?C,{self._period}"
        if not (argument.isascii() and argument.isdigit() and int(argument) <= 99):
            return None
        self._period = int(argument)
        self._next = self._now() + self._period
        return ""

    def _codes(self, argument: str) -> str | None:
        if argument == "?":
            return f"?*OK,{int(self._respond)}"
        if argument not in ("0", "1"):
            return None
        self._respond = argument == "1"
        return ""

    def _output(self, argument: str) -> str | None:
        if argument == "?":
            return ",".join(["?", "O", *self._outputs]) if self._outputs else "?,O,no output"
        name, _, on = argument.upper().partition(",")
        if name not in _OUTPUTS or on not in ("0", "1"):
            return None
        wanted = {*self._outputs, name} if on == "1" else {*self._outputs} - {name}
        self._outputs = [one for one in _OUTPUTS if one in wanted]
        return ""

    def _compensation(self, argument: str) -> str | None:
        if argument == "?":
            return f"?T,{self._set_temperature:g}"
        value = number(argument)
        if value is None or not -20 <= value <= 150:
            return None
        self._set_temperature = value
        return ""

    def _probe_constant(self, argument: str) -> str | None:
        if argument == "?":
            return f"?K,{self._probe:g}"
        value = number(argument)
        if value is None or not 0.01 <= value <= 1000:
            return None
        self._probe = value
        return ""

    def _calibrate(self, argument: str) -> str | None:
        """Dry first, then one point or low and high; the wire shows how many are taken."""
        kind, _, value = argument.lower().partition(",")
        if kind == "?":
            return f"?CAL,{self._points}"
        if kind == "clear":
            self._points = 0
        elif kind == "dry":
            self._points = max(self._points, 1)
        elif kind in ("low", "high") and (number(value) or 0) > 0 and self._points:
            self._points = 2 if kind == "low" else 3
        elif (number(kind) or 0) > 0 and not value and self._points:
            self._points = 2
        else:
            return None
        return ""

    def _rename(self, argument: str) -> str | None:
        if argument == "?":
            return f"?Name,{self._name}"
        if len(argument) > 16 or not argument.isascii() or not argument.replace("_", "").isalnum():
            return None
        self._name = argument
        return ""

    def _lamp(self, argument: str) -> str | None:
        if argument == "?":
            return f"?L,{self._led}"
        if argument not in ("0", "1"):
            return None
        self._led = argument
        return ""

    def _find(self, argument: str) -> str | None:
        if argument:
            return None
        self._period = 0
        return ""

    def _baud(self, argument: str) -> str | None:
        if argument == "?":
            return f"?Baud,{self.settings.baudrate}"
        if argument not in _BAUDS:
            return None
        self.settings = WireSettings(int(argument))
        return ""

    def _restore(self) -> None:
        self._factory_settings()
        self._probe, self._points, self._name, self._led, self._cause = 1.0, 0, "", "1", "S"
        self._outputs = list(_OUTPUTS)
        self._answer("*OK", self.LATENCY)
        self._answer("*RS", 0.0)
        self._answer("*RE", self.START)
        self._next = self._busy_until + self._period


def _resolved(us_cm: float) -> str:
    """The datasheet's resolution: 0.01 below 100, 0.1 below 1000, 1 below 10 000, 10 below 100 000, else 100."""
    if us_cm < 99.995:
        return f"{us_cm:.2f}"
    if us_cm < 999.95:
        return f"{us_cm:.1f}"
    step = 1 if us_cm < 9999.5 else 10 if us_cm < 99995 else 100
    return f"{round(us_cm / step) * step:d}"
