"""The robots that PyLabRobot 0.2.2 drives, and how far; their modules are imported when a line has one.

`wire`             JSON lines over the link: a robot on the plant, or one of your own
`chatterbox`       prints calls                             (simulated)
`star`, `star_chatterbox`    Hamilton STAR over USB         (the second simulated: firmware lines are logged)
`vantage`          Hamilton Vantage over USB; no chatterbox exists
`evo`              Tecan EVO over USB with disposable tips; only Tecan plates and tip racks, no troughs; tips go back to
                   their rack, as PyLabRobot cannot drop them into its waste
`ot2_chatterbox`   the calls to an OT-2                     (simulated): one channel at a time

PyLabRobot's own OT-2 backend is not offered: it polls synchronously and keeps one robot per process; the driver
`opentrons_http` is for it. Hamilton and Tecan I/O runs in PyLabRobot's threads, so the event loop is never blocked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from pylabrobot.liquid_handling.backends.backend import LiquidHandlerBackend
from pylabrobot.resources import Deck

from devices.drivers.plr_places import CHANNELS
from devices.drivers.plr_wire import WireBackend
from devices.link import Link
from vesiflow.errors import ConfigError

KINDS = Literal["wire", "chatterbox", "star", "star_chatterbox", "vantage", "evo", "ot2_chatterbox"]
_BACKENDS = "pylabrobot.liquid_handling.backends"


@dataclass(frozen=True)
class Robot:
    """A backend and what is special about it; `prints` marks the simulated ones, `deck` the class of deck it needs.

    `sheds`: tips that a process which died left on its channels are gone when the next one uses it; by `clear` where it
    has that, else by its own initialisation. Only such a robot keeps tips on between two orders.
    """

    backend: LiquidHandlerBackend
    channels: int = CHANNELS
    prints: bool = False
    returns_tips: bool = False
    deck: str = ""
    sheds: bool = True
    clear: Callable[[], Awaitable[None]] | None = None

    def refuse_deck(self, deck: Deck) -> None:
        """ConfigError when the robot has another kind of deck."""
        found = type(deck).__name__
        if self.deck and found != self.deck:
            raise ConfigError("the deck is of another robot", value=found, bounds=self.deck, remedy="give its own deck")


_MADE: Mapping[str, Callable[[], Robot]] = {
    "chatterbox": lambda: Robot(_new("chatterbox", "LiquidHandlerChatterboxBackend"), prints=True),
    "star": lambda: Robot(_hamilton("STAR_backend", "STARBackend"), deck="HamiltonSTARDeck"),
    "star_chatterbox": lambda: Robot(
        _new("hamilton.STAR_chatterbox", "STARChatterboxBackend"), prints=True, deck="HamiltonSTARDeck"
    ),
    "vantage": lambda: Robot(_hamilton("vantage_backend", "VantageBackend"), deck="VantageDeck"),
    "evo": lambda: Robot(
        _new("tecan.EVO_backend", "EVOBackend", diti_count=CHANNELS), returns_tips=True, sheds=False, deck="TecanDeck"
    ),
    "ot2_chatterbox": lambda: Robot(
        _new("opentrons_chatterbox", "OpentronsOT2ChatterboxBackend"), channels=1, prints=True, deck="OTDeck"
    ),
}


def backend(kind: str, link: Link | None, timeout: float) -> Robot:
    """The robot of this kind; ConfigError when it needs a port and has none. `timeout` s for one operation by wire."""
    if kind != "wire":
        return _MADE[kind]()
    if link is None:
        raise ConfigError("backend wire needs a port", remedy="give `at:` or another backend")
    wired = WireBackend(link, timeout)
    return Robot(wired, clear=wired.clear_tips)


def _new(module: str, name: str, **options: Any) -> LiquidHandlerBackend:
    made: LiquidHandlerBackend = getattr(import_module(f"{_BACKENDS}.{module}"), name)(**options)
    return made


def _hamilton(module: str, name: str) -> LiquidHandlerBackend:
    """Its thread reads in an event loop of its own, which PyLabRobot forgets to close."""
    made = _new(f"hamilton.{module}", name)
    made._reading_thread_main = lambda: asyncio.run(made._continuously_read())
    return made
