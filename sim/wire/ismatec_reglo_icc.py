"""Ismatec Reglo ICC peristaltic pump, from manual 14-036-E Rev C (2015), ch. 14-18.

`<addr><cmd>[args]\\r`: a status reply is ONE byte without end mark, data end with CR LF, events begin with `^`.
A channel pumps its set flow while it runs (clockwise positive) and keeps totals. Volume and time modes stop by
themselves: call `scan()` when the plant advances, or the stop is only noticed at the next byte.

UNCONFIRMED and chosen here: `E` is per channel; `~` survives power-off; a new rate is refused (`#`) in a running
volume or time mode; a fresh pump stands at factory defaults (rpm mode, 3.17 mm tubing).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from sim.wire.emulator import Actuator, Now, Outbox, WireSettings
from sim.wire.framing import ML_PER_MIN, Lines, text
from sim.wire.reglo_channel import TUBINGS, Channel, parse_volume, volume

Handler = Callable[[Channel, str], str | None]
DONE, FAILED, REFUSED = "*", "#", "-"
_TIME_MAX = 35964000
_MODES = "LMOGQNP"


class RegloIcc:
    """Up to four channels; `drives[i]` gets the flow of channel i+1 in m3/s."""

    LATENCY = 0.02  # s

    settings = WireSettings()

    def __init__(
        self,
        now: Now,
        drives: Sequence[Actuator],
        *,
        serial_number: str = "0412",
        pump_address: int = 1,
        channel_addressing: bool = True,
        rollers: int = 8,
        full_flow: float = 43.0 * ML_PER_MIN,
    ) -> None:
        self._now = now
        self._drives = drives
        self._out = Outbox(now, self.LATENCY)
        self._lines = Lines(b"\r", drop=b"\n")
        self._serial_number = serial_number
        self._address = str(pump_address)
        self._channelwise = channel_addressing
        self._rollers = rollers
        self._full_flow = full_flow / ML_PER_MIN
        self._events = False
        self.panel = True
        self.channels = [self._new_channel(n) for n in range(1, len(drives) + 1)]
        self._saved = [channel.snapshot() for channel in self.channels]
        self._pump_commands = self._for_the_pump()
        self._channel_commands = self._for_a_channel()

    def ends_at(self, channel: int) -> float:
        """When channel `channel` (1-based) will stop by itself, s on the plant's clock; infinity while it will not."""
        found = self.channels[channel - 1]
        return found.ends_at if found.running and found.ends_at is not None else math.inf

    # -- wire

    def receive(self, data: bytes) -> None:
        self.scan()
        for line in self._lines.feed(data):
            answer = self._obey(text(line))
            if answer:
                self._out.put(answer.encode())

    def transmit(self) -> bytes:
        if self._events:
            self.scan()
        return self._out.take()

    def due_in(self) -> float | None:
        due = self._out.due_in()
        if due is None and self._events:
            ends = [c.ends_at for c in self.channels if c.running and c.ends_at is not None]
            return max(min(ends) - self._now(), 0.0) if ends else None
        return due

    def scan(self) -> None:
        """Bring totals up to now and stop channels whose volume or time is reached."""
        now = self._now()
        for channel in self.channels:
            if channel.running and channel.advance(now):
                self._event(f"^X{channel.number}|{'B' if channel.calibrating else 'A'}")
                channel.awaiting, channel.calibrating = channel.calibrating, False
            self._drive(channel)

    def power_cycle(self) -> None:
        """Everything stands; saved settings come back, totals are kept in memory."""
        self.scan()
        self._out.clear()
        self._lines.clear()
        self._events, self.panel = False, True
        for channel, saved in zip(self.channels, self._saved, strict=True):
            channel.restore(saved)
            self._drive(channel)

    def press_stop(self, channel: int = 1) -> None:
        """The stop key of the panel, which sends an event when events are on."""
        self._stop(self.channels[channel - 1], "")
        self._event(f"^X{channel}|1")

    # -- inside

    def _new_channel(self, number: int) -> Channel:
        return Channel(number, self._full_flow)

    def _drive(self, channel: Channel) -> None:
        flow = channel.signed_rate(self._now()) * ML_PER_MIN
        if flow != channel.driven:
            channel.driven = flow
            self._drives[channel.number - 1](flow)

    def _event(self, line: str) -> None:
        if self._events:
            self._out.put(line.encode() + b"\r\n")

    def _obey(self, line: str) -> str | None:
        address, body = line[:1], line[1:]
        if address == "@":
            return self._set_address(body)
        if not (address.isascii() and address.isdigit()):
            return FAILED if line else None
        name = body[:2] if body[:1] == "x" else body[:1]
        argument = body[len(name) :]
        if not self._channelwise and address != self._address and name != "~":
            return None
        if (pump_command := self._pump_commands.get(name)) is not None and not (name == "0" and argument):
            return pump_command(argument)
        if body == "000000":
            return self._each(lambda c, _: self._uncalibrate(c), "")
        command = self._channel_commands.get(name)
        if command is None:
            return FAILED
        if not self._channelwise:
            return self._each(command, argument)
        number = int(address)
        return command(self.channels[number - 1], argument) if 0 < number <= len(self.channels) else FAILED

    def _each(self, command: Handler, argument: str) -> str | None:
        """Legacy mode: the command acts on all channels, the first one answers."""
        answers = [command(channel, argument) for channel in self.channels]
        self.scan()
        return answers[0]

    def _for_the_pump(self) -> dict[str, Callable[[str], str | None]]:
        return {
            "~": self._addressing,
            "xE": self._event_mode,
            "x!": lambda a: FAILED if a else "2\r\n",
            "#": lambda a: FAILED if a else "REGLO ICC 0208 306\r\n",
            "(": lambda a: FAILED if a else "0208\r\n",
            ")": lambda a: FAILED if a else "306\r\n",
            "xS": lambda a: FAILED if a else f"{self._serial_number}\r\n",
            "xA": lambda a: FAILED if a else f"{len(self.channels)}\r\n",
            "A": lambda a: self._panel(True, a),
            "B": lambda a: self._panel(False, a),
            "C": lambda a: FAILED if a else "-",
            "*": self._save,
            "0": self._factory,
        }

    def _for_a_channel(self) -> dict[str, Handler]:
        table: dict[str, Handler] = {mode: self._mode_setter(mode) for mode in _MODES}
        table |= {
            "H": self._start,
            "I": self._stop,
            "xI": self._stop,
            "E": lambda c, a: FAILED if a else ("+" if c.running else "-"),
            "J": lambda c, a: self._turn(c, a, "J"),
            "K": lambda c, a: self._turn(c, a, "K"),
            "xD": lambda c, a: FAILED if a else f"{c.direction}\r\n",
            "xe": lambda c, a: FAILED if a else f"{c.refusal()}\r\n",
            "xM": lambda c, a: FAILED if a else f"{c.mode}\r\n",
            "xf": self._rate_source,
            "S": self._speed,
            "f": lambda c, a: self._volume_setting(c, a, "flow"),
            "v": lambda c, a: self._volume_setting(c, a, "volume"),
            "xT": lambda c, a: self._time_setting(c, a, "run_time"),
            "xP": lambda c, a: self._time_setting(c, a, "pause_time"),
            '"': lambda c, a: self._count_setting(c, a, "cycles", 9999),
            "%": lambda c, a: self._count_setting(c, a, "backsteps", 100),
            "?": lambda c, a: FAILED if a else f"{c.default_max():.2f} ml/min\r\n",
            "!": lambda c, a: FAILED if a else f"{c.max_flow():.2f} ml/min\r\n",
            "+": self._tubing,
            "xv": lambda c, a: self._predict(a, lambda rate: rate),
            "xw": lambda c, a: self._predict(a, lambda rpm: rpm * c.ml_per_rev),
            "xB": lambda c, a: FAILED if a else f"{self._rollers}\r\n",
            ":": lambda c, a: FAILED if a else f"{_amount(c.total_ml)}\r\n",
            "xC": lambda c, a: FAILED if a else f"{int(c.total_ml / c.ml_per_rev):010d}\r\n",
            "xG": lambda c, a: FAILED if a else f"{int(c.total_ml):010d}\r\n",
            "xR": lambda c, a: self._calibration_direction(c, a),
            "xU": lambda c, a: self._volume_setting(c, a, "target"),
            "xV": self._measured,
            "xW": lambda c, a: self._time_setting(c, a, "calibration_time"),
            "xX": lambda c, a: FAILED if a else f"{int(c.run_since_calibration * 10):08d}\r\n",
            "xY": self._calibrate,
            "xZ": self._cancel_calibration,
        }
        return table

    # -- pump-wide commands

    def _set_address(self, body: str) -> str:
        if body in tuple("12345678"):
            self._address = body
            return DONE
        return FAILED

    def _addressing(self, argument: str) -> str:
        if not argument:
            return f"{int(self._channelwise)}\r\n"
        if argument not in ("0", "1"):
            return FAILED
        self._channelwise = argument == "1"
        return DONE

    def _event_mode(self, argument: str) -> str:
        if not argument:
            return f"{int(self._events)}\r\n"
        if argument not in ("0", "1"):
            return FAILED
        self._events = argument == "1"
        return DONE

    def _panel(self, on: bool, argument: str) -> str:
        if argument:
            return FAILED
        self.panel = on
        return DONE

    def _save(self, argument: str) -> str:
        if argument:
            return FAILED
        self._saved = [channel.snapshot() for channel in self.channels]
        return DONE

    def _factory(self, _: str) -> str:
        fresh = [self._new_channel(channel.number).snapshot() for channel in self.channels]
        for channel, defaults in zip(self.channels, fresh, strict=True):
            channel.restore(defaults)
            self._drive(channel)
        return DONE

    # -- channel commands

    def _start(self, channel: Channel, argument: str) -> str:
        if argument or channel.awaiting:
            return FAILED
        if channel.refusal():
            return REFUSED
        if not channel.running:
            channel.start(self._now())
            self._event(f"^U{channel.number}|A|{'0' * 10}|{'0' * 10}|{channel.cycles:04d}")
        self._drive(channel)
        return DONE

    def _stop(self, channel: Channel, argument: str) -> str:
        if argument:
            return FAILED
        channel.stop(self._now())
        self._drive(channel)
        return DONE

    def _turn(self, channel: Channel, argument: str, direction: str) -> str:
        if argument:
            return FAILED
        channel.direction = direction
        self._drive(channel)
        return DONE

    def _mode_setter(self, mode: str) -> Handler:
        def handle(channel: Channel, argument: str) -> str:
            if argument or channel.running:
                return FAILED
            channel.mode = mode
            return REFUSED if mode == "G" and channel.refusal() else DONE

        return handle

    def _rate_source(self, channel: Channel, argument: str) -> str:
        if not argument:
            return f"{int(channel.rate_is_flow)}\r\n"
        if argument not in ("0", "1") or channel.running:
            return FAILED
        channel.rate_is_flow = argument == "1"
        return DONE

    def _speed(self, channel: Channel, argument: str) -> str:
        if not argument:
            return f"{channel.rpm:.2f}\r\n"
        value = _digits(argument, 6)
        if value is None or not 0 < value <= channel.MAX_RPM * 100 or channel.bound:
            return FAILED
        channel.rpm = value / 100
        self._drive(channel)
        return DONE

    def _volume_setting(self, channel: Channel, argument: str, name: str) -> str:
        if argument:
            value = parse_volume(argument)
            too_fast = name == "flow" and channel.running and (not value or value > channel.max_flow() * 1.0001)
            if value is None or too_fast or channel.bound:
                return FAILED
            setattr(channel, name, value)
            self._drive(channel)
        return volume(getattr(channel, name)) + "\r\n"

    def _time_setting(self, channel: Channel, argument: str, name: str) -> str:
        if not argument:
            return f"{getattr(channel, name)}\r\n"
        value = _digits(argument, 8)
        if value is None or value > _TIME_MAX or channel.bound:
            return FAILED
        setattr(channel, name, value)
        return DONE

    def _count_setting(self, channel: Channel, argument: str, name: str, most: int) -> str:
        if not argument:
            return f"{getattr(channel, name)}\r\n"
        value = _digits(argument, 4)
        if value is None or value > most or channel.bound:
            return FAILED
        setattr(channel, name, value)
        return DONE

    def _tubing(self, channel: Channel, argument: str) -> str:
        if not argument:
            return f"{channel.tubing / 100:.2f} mm\r\n"
        value = _digits(argument, 4)
        if value is None or value not in TUBINGS or channel.running:
            return FAILED
        channel.tubing = value
        self._uncalibrate(channel)
        return DONE

    def _uncalibrate(self, channel: Channel) -> str:
        channel.correction = 1.0
        return DONE

    def _predict(self, argument: str, rate: Callable[[float], float]) -> str:
        amount, separator, speed = argument.partition("|")
        ml = parse_volume(amount)
        wanted = parse_volume(speed) if "+" in speed or "-" in speed else (_digits(speed, 6) or 0) / 100
        if not separator or ml is None or not wanted:
            return FAILED
        return f"{round(ml / rate(wanted) * 600)}\r\n"

    def _calibration_direction(self, channel: Channel, argument: str) -> str:
        if not argument:
            return f"{channel.calibration_direction}\r\n"
        if argument not in ("J", "K"):
            return FAILED
        channel.calibration_direction = argument
        return DONE

    def _calibrate(self, channel: Channel, argument: str) -> str:
        if argument or channel.running:
            return FAILED
        channel.direction = channel.calibration_direction
        channel.start_calibration(self._now())
        self._drive(channel)
        return DONE

    def _cancel_calibration(self, channel: Channel, argument: str) -> str:
        channel.calibrating = channel.awaiting = False
        return self._stop(channel, argument)

    def _measured(self, channel: Channel, argument: str) -> str:
        value = parse_volume(argument) if argument else channel.measured
        if value is None or (argument and not channel.awaiting):
            return FAILED
        if argument:
            channel.correct(value)
        return volume(value) + "\r\n"


def _digits(argument: str, count: int) -> int | None:
    """A number of exactly `count` digits."""
    return int(argument) if len(argument) == count and argument.isascii() and argument.isdigit() else None


def _amount(ml: float) -> str:
    if ml < 1:
        return f"{ml * 1000:.3g} ul" if ml else "0 ul"
    return f"{ml:.2f} ml" if ml < 1000 else f"{ml / 1000:.3f} l"
