"""Faults of the TFF and SEC skids: what is so in the plant, and what instruments do wrong."""

from __future__ import annotations

import math
from dataclasses import replace

from sim.faults.injectors import ANY, ONCE, TEXT, Effect, Scene, Settings, injector, number
from sim.faults.model import Level
from sim.material import Material

INSTRUMENT = Level.INSTRUMENT
PLANT = Level.PLANT


@injector(PLANT, "tff.fouling", factor="", every="s", step="")
def fouling(scene: Scene, settings: Settings) -> Effect:
    """The membrane's resistance grows by `factor` every `every` s, or at once by `step`."""
    tff = scene.plant.tff
    factor, every = number(settings, "factor", 1.15), number(settings, "every", 60.0)
    module = tff.module
    if module is None:
        raise ValueError("no module is mounted")
    start = module.membrane.resistance * number(settings, "step", 1.0)

    def tick(elapsed: float) -> None:
        if tff.module is module or (tff.module is not None and tff.module.barcode == module.barcode):
            resistance = start * factor ** (elapsed / every)
            tff.module = replace(tff.module, membrane=replace(tff.module.membrane, resistance=resistance))
            tff.refresh()

    return Effect(tick)


@injector(PLANT, "tff.burst", resistance="", slip="")
def burst(scene: Scene, settings: Settings) -> Effect:
    """A fibre bursts: no resistance, no retention, and the pressure pushes past the rollers of the permeate pump."""
    tff = scene.plant.tff
    if tff.module is None:
        raise ValueError("no module is mounted")
    membrane = tff.module.membrane
    open_ = replace(
        membrane, resistance=membrane.resistance * number(settings, "resistance", 0.05),
        sieving=dict.fromkeys(membrane.sieving, 1.0), gel=1e9,
    )  # fmt: skip
    tff.module = replace(tff.module, membrane=open_)
    slip = number(settings, "slip", 8.0)
    told = 0.0

    def tick(elapsed: float) -> None:
        nonlocal told
        if tff.pumps[0] > 0.0 and tff.pumps[0] != told:
            told = tff.pumps[0] * slip
            tff.pumps[0] = told
            tff.refresh()

    tff.refresh()
    tick(0.0)
    return Effect(tick)


@injector(PLANT, "tff.empty", seconds="s")
def empty(scene: Scene, settings: Settings) -> Effect:
    """The reservoir runs out through a loose hose within `seconds`; what was in it is lost."""
    tff, seconds = scene.plant.tff, number(settings, "seconds", 20.0)
    begun, start = scene.now(), tff.loop.volume

    def tick(elapsed: float) -> None:
        left = max(start * (1.0 - elapsed / seconds), tff.config.hold_up)
        if tff.loop.volume > left:
            tff.advance(begun + elapsed, exactly=True)
            tff.spill(tff.loop.volume - left)

    return Effect(tick)


@injector(PLANT, "tff.buffer_short", share="")
def buffer_short(scene: Scene, settings: Settings) -> Effect:
    """The buffer bottle holds only `share` of what it should."""
    tff = scene.plant.tff
    kept = tff.buffer.content.volume * number(settings, "share", 0.3)
    taken, tff.buffer.content = tff.buffer.content.split(tff.buffer.content.volume - kept)
    scene.plant.ledger.discard(taken)
    tff.refresh()
    return ONCE


@injector(PLANT, "tff.permeability", share="")
def permeability(scene: Scene, settings: Settings) -> Effect:
    """The module mounted is not as permeable as it was sold."""
    return fouling(scene, {"factor": 1.0, "step": 1.0 / number(settings, "share", 0.55)})


@injector(PLANT, "sec.empty_loop")
def empty_loop(scene: Scene, settings: Settings) -> Effect:
    """The loop holds eluent instead of sample: the fitting leaked while it was filled."""
    sec = scene.plant.sec
    scene.plant.ledger.discard(sec.loop)
    sec.loop = scene.plant.ledger.bring_in(Material(sec.loop.volume, {}))
    return ONCE


@injector(INSTRUMENT, "sensor.freeze", "sensor", sensor=TEXT)
def freeze(scene: Scene, settings: Settings) -> Effect:
    """The sensor `sensor` shows its last value for ever."""
    sensor = scene.sensor(str(settings["sensor"]))
    held: list[float] = []

    def stuck(value: float) -> float:
        if not held:
            held.append(value)
        return held[0]

    sensor.trouble = stuck
    return Effect(undo=lambda: setattr(sensor, "trouble", None))


@injector(INSTRUMENT, "sensor.value", "sensor", sensor=TEXT, value=ANY)
def value(scene: Scene, settings: Settings) -> Effect:
    """The sensor shows `value`, whatever is so; NaN when none is given."""
    sensor = scene.sensor(str(settings["sensor"]))
    shown = number(settings, "value", math.nan)
    sensor.trouble = lambda _: shown
    return Effect(undo=lambda: setattr(sensor, "trouble", None))


@injector(INSTRUMENT, "sensor.drift", "sensor", sensor=TEXT, rate=ANY, step=ANY, gain="", high=ANY)
def drift(scene: Scene, settings: Settings) -> Effect:
    """The sensor drifts by `rate` a second, jumps by `step`, is multiplied by `gain`, and ends at `high`."""
    sensor, begun = scene.sensor(str(settings["sensor"])), scene.now()
    rate, step, gain = number(settings, "rate", 0.0), number(settings, "step", 0.0), number(settings, "gain", 1.0)
    high = number(settings, "high", math.inf)
    sensor.trouble = lambda shown: min(gain * shown + step + rate * (scene.now() - begun), high)
    return Effect(undo=lambda: setattr(sensor, "trouble", None))


@injector(INSTRUMENT, "sensor.follows", "sensor", "other", sensor=TEXT, other=TEXT, ratio="")
def follows(scene: Scene, settings: Settings) -> Effect:
    """The sensor never falls below `ratio` times what another one shows."""
    sensor, other = scene.sensor(str(settings["sensor"])), scene.sensor(str(settings["other"]))
    ratio = number(settings, "ratio", 1.3)
    sensor.trouble = lambda shown: max(shown, ratio * other())
    return Effect(undo=lambda: setattr(sensor, "trouble", None))


@injector(INSTRUMENT, "pump.stops", at=TEXT, channel="")
def pump_stops(scene: Scene, settings: Settings) -> Effect:
    """The drive at `at` stands still and says so: stop key, thermal trip."""
    pump = scene.emulator(str(settings.get("at", "tff/feed")))
    stop = getattr(pump, "press_stop", None) or pump.stall
    stop(int(number(settings, "channel", 1))) if "channel" in settings else stop()
    return ONCE


@injector(PLANT, "pump.slips")
def pump_slips(scene: Scene, settings: Settings) -> Effect:
    """The motor turns and says so, the head does not: tubing jammed or out of its rollers."""
    tff = scene.plant.tff

    def tick(elapsed: float) -> None:
        if tff.drive != 0.0:
            tff.set_drive(0.0, scene.now())

    return Effect(tick)


@injector(INSTRUMENT, "balance.unit", "at", at=TEXT, unit=TEXT)
def balance_unit(scene: Scene, settings: Settings) -> Effect:
    """Somebody presses the unit key of a balance."""
    balance = scene.emulator(str(settings["at"]))
    balance.select_unit(str(settings.get("unit", "mg")))
    return ONCE


@injector(INSTRUMENT, "valve.stuck", at=TEXT)
def valve_stuck(scene: Scene, settings: Settings) -> Effect:
    """The actuator takes the command and never arrives."""
    scene.emulator(str(settings.get("at", "sec/injection_valve"))).jam()
    return ONCE


@injector(INSTRUMENT, "collector.slips", at=TEXT, by="")
def collector_slips(scene: Scene, settings: Settings) -> Effect:
    """The arm ends `by` tubes beside where it was sent."""
    scene.emulator(str(settings.get("at", "sec/collector"))).lose_steps(int(number(settings, "by", 1)))
    return ONCE
