"""Faults of electroporation station, freeze dryer and robot, and mistakes of people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sim.faults.injectors import ONCE, TEXT, Effect, Scene, Settings, injector, number
from sim.faults.model import Level
from sim.freeze_dryer import ISOLATION
from sim.hands import Action, Answer, Details

INSTRUMENT = Level.INSTRUMENT
PLANT = Level.PLANT


@injector(INSTRUMENT, "pulse.missed", by="")
def missed(scene: Scene, settings: Settings) -> Effect:
    """The pulser delivers `by` pulses fewer than asked for and logs what it did."""
    pulser = scene.emulator("ep/electroporator")
    pulser.withheld = int(number(settings, "by", 1))
    return Effect(undo=lambda: setattr(pulser, "withheld", 0))


@injector(INSTRUMENT, "pulse.lid")
def lid(scene: Scene, settings: Settings) -> Effect:
    """The lid is opened while the pulser charges: its own interlock lets no pulse through."""
    pulser = scene.emulator("ep/electroporator")
    pulser.lid_open = True
    return Effect(undo=lambda: setattr(pulser, "lid_open", False))


@injector(INSTRUMENT, "pulse.no_log")
def no_log(scene: Scene, settings: Settings) -> Effect:
    """The card is full: pulses happen and no log is written."""
    pulser = scene.emulator("ep/electroporator")
    pulser.card_full = True
    return Effect(undo=lambda: setattr(pulser, "card_full", False))


@injector(PLANT, "plate.left")
def plate_left(scene: Scene, settings: Settings) -> Effect:
    """The person says that the plate is in the electroporator and leaves it where it is."""

    def done(right: Action) -> Action:
        def act(details: Details) -> Answer:
            stays = {**details, "to": "deck"} if details.get("to") == "electroporator" else details
            return right(stays)

        return act

    scene.plant.people.instead("move plate", done)
    return ONCE


@injector(PLANT, "plate.gap", gap="m")
def plate_gap(scene: Scene, numbers: Settings) -> Effect:
    """The plate that is put down has another gap than the program says, m."""
    station, gap = scene.plant.station, number(numbers, "gap", 4e-3)
    right = station.fire
    station.fire = lambda program, now: right(replace(program, gap=gap), now)  # type: ignore[method-assign,assignment]
    return ONCE


@injector(PLANT, "cooling.warm", temperature="degC")
def cooling(scene: Scene, settings: Settings) -> Effect:
    """The cold block stands at `temperature` degC."""
    station = scene.plant.station
    station.config = station.config.model_copy(update={"cold_block": number(settings, "temperature", 15.0)})
    return ONCE


@injector(PLANT, "person.answers", "action", "value", action=TEXT, field=TEXT, value=TEXT)
def person_answers(scene: Scene, settings: Settings) -> Effect:
    """The person does `action` and answers `field` with `value`: a wrong label scanned, another count."""
    action, field = str(settings["action"]), str(settings.get("field", "barcode"))

    def done(right: Action) -> Action:
        def act(details: Details) -> Answer:
            values, seconds = right(details)
            return {**values, field: settings["value"]}, seconds

        return act

    scene.plant.people.instead(action, done)
    return ONCE


@injector(PLANT, "person.scans_wrong", "action", "value", action=TEXT, field=TEXT, value=TEXT)
def person_scans_wrong(scene: Scene, settings: Settings) -> Effect:
    """At `action` the person has picked up another item: its label is scanned and nothing is done with it."""

    def done(right: Action) -> Action:
        return lambda details: ({str(settings.get("field", "barcode")): settings["value"]}, 30.0)

    scene.plant.people.instead(str(settings["action"]), done)
    return ONCE


@injector(PLANT, "person.away", "action", action=TEXT, seconds="s")
def person_away(scene: Scene, settings: Settings) -> Effect:
    """Nobody is there: the next answer to `action` takes `seconds`."""

    def done(right: Action) -> Action:
        def act(details: Details) -> Answer:
            values, seconds = right(details)
            return values, seconds + number(settings, "seconds", 8 * 3600.0)

        return act

    scene.plant.people.instead(str(settings["action"]), done)
    return ONCE


@injector(PLANT, "stoppers.partly", open="")
def stoppers_partly(scene: Scene, settings: Settings) -> Effect:
    """So many stoppers do not go home, and the person counts right."""
    open_ = int(number(settings, "open", 2))

    def done(right: Action) -> Action:
        def act(details: Details) -> Answer:
            values, seconds = right(details)
            closed = max(float(values["count"]) - open_, 0.0)
            scene.plant.dryer.stoppered = int(closed)
            return {**values, "count": closed}, seconds

        return act

    scene.plant.people.instead("stopper vials", done)
    return ONCE


@injector(PLANT, "dryer.leak", leak="Pa*m^3/s")
def leak(scene: Scene, settings: Settings) -> Effect:
    """A leak of `leak` Pa m^3/s from now on; a door that is open is a very big one."""
    dryer = scene.plant.dryer
    before = dryer.machine.leak
    dryer.machine = replace(dryer.machine, leak=number(settings, "leak", 0.6))
    return Effect(undo=lambda: setattr(dryer, "machine", replace(dryer.machine, leak=before)))


@injector(PLANT, "dryer.pump_fails", throughput="m^3/s", back="Pa*m^3/s")
def pump_fails(scene: Scene, settings: Settings) -> Effect:
    """The vacuum pump stands; air comes back through it as long as the way to it is open."""
    dryer = scene.plant.dryer
    sound = dryer.machine
    broken = replace(sound, throughput=number(settings, "throughput", 1e-6), leak=number(settings, "back", 5e-3))

    def tick(elapsed: float) -> None:
        dryer.machine = broken if dryer.relays[ISOLATION] else sound

    tick(0.0)
    return Effect(tick, lambda: setattr(dryer, "machine", sound))


@injector(PLANT, "condenser.warms", temperature="degC")
def condenser_warms(scene: Scene, settings: Settings) -> Effect:
    """The cooling of the condenser is away: it stands at `temperature`."""
    dryer = scene.plant.dryer
    dryer.warm_condenser = number(settings, "temperature", -30.0)
    return Effect(undo=lambda: setattr(dryer, "warm_condenser", None))


@injector(PLANT, "shelf.heats", rate="K/s")
def shelf_heats(scene: Scene, settings: Settings) -> Effect:
    """The heater's relay is stuck: the bath gains `rate` K/s while the circulator has current."""
    dryer = scene.plant.dryer
    dryer.stuck_heater = number(settings, "rate", 3.2 / 60.0)
    return Effect(undo=lambda: setattr(dryer, "stuck_heater", 0.0))


@injector(INSTRUMENT, "robot.error", "text", op=TEXT, text=TEXT, count="")
def robot_error(scene: Scene, settings: Settings) -> Effect:
    """From the next `op` on the robot refuses with `text`; with `count` only so many times."""
    deck, op, text = scene.plant.deck, str(settings.get("op", "aspirate")), str(settings["text"])
    right, left = deck.act, int(number(settings, "count", 1))

    def act(one: str, channels: Sequence[Mapping[str, Any]], now: float) -> float:
        nonlocal left
        if one == op and left > 0:
            left -= 1
            raise ValueError(text)
        return right(one, channels, now)

    deck.act = act  # type: ignore[method-assign,assignment]
    return Effect(undo=lambda: setattr(deck, "act", right))


@injector(INSTRUMENT, "robot.keeps_tips")
def robot_keeps_tips(scene: Scene, settings: Settings) -> Effect:
    """Tips stay on their channels when they are to be dropped; the robot notices at once."""
    return robot_error(scene, {"op": "drop_tips", "text": "tipPhysicallyAttached: a tip is still on channel 0"})


@injector(INSTRUMENT, "robot.reboots")
def robot_reboots(scene: Scene, settings: Settings) -> Effect:
    """The robot starts anew in the middle of an operation: what was asked is forgotten, what was moved is moved."""
    wire = scene.wires["bench/robot"]
    wire.power_cycle()
    return ONCE
