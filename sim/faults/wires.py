"""Faults of cables, adapters and of instruments that lose their power."""

from __future__ import annotations

from dataclasses import replace

from sim.faults.injectors import ONCE, TEXT, Effect, Scene, Settings, injector, number
from sim.faults.model import Level
from sim.wire.faulty import Fault

WIRE = Level.WIRE


@injector(WIRE, "wire.fault", "at", "fault", at=TEXT, fault=TEXT, seconds="s", times="", only_after=TEXT)
def wire(scene: Scene, settings: Settings) -> Effect:
    """`fault` of sim.wire.faulty at the address `at`, for `times` answers or until it is over."""
    line = scene.wires[str(settings["at"])]
    times = settings.get("times")
    line.inject(
        Fault(str(settings["fault"])),
        seconds=number(settings, "seconds", 2.0),
        times=None if times is None else int(times),
        only_after=str(settings.get("only_after", "")).encode(),
    )
    return Effect(undo=line.clear)


@injector(WIRE, "wire.unplugged", "at", at=TEXT)
def unplugged(scene: Scene, settings: Settings) -> Effect:
    """The adapters at the addresses of `at` (with commas) vanish from the machine."""
    addresses = [part.strip() for part in str(settings["at"]).split(",")]
    scene.bench.unplugged.update(addresses)
    return Effect(undo=lambda: scene.bench.unplugged.difference_update(addresses))


@injector(WIRE, "wire.settings", "at", at=TEXT, baudrate="")
def line_settings(scene: Scene, settings: Settings) -> Effect:
    """The instrument at `at` is set to another baud rate or parity."""
    emulator = scene.emulator(str(settings["at"]))
    emulator.settings = replace(emulator.settings, baudrate=int(number(settings, "baudrate", 4800)))
    return ONCE


@injector(WIRE, "power.cycle", "at", at=TEXT, seconds="s")
def power_cycle(scene: Scene, settings: Settings) -> Effect:
    """The instruments at `at` lose their power for `seconds` and start as they do after a power cut."""
    addresses = [part.strip() for part in str(settings["at"]).split(",")]
    seconds, back = number(settings, "seconds", 0.0), False
    for address in addresses:
        scene.wires[address].power_cycle()
        if seconds > 0.0:
            scene.wires[address].inject(Fault.UNPLUGGED)

    def tick(elapsed: float) -> None:
        nonlocal back
        if elapsed >= seconds and not back:
            back = True
            for address in addresses:
                scene.wires[address].clear()

    return Effect(tick)
