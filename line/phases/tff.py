"""Tangential flow filtration: load, concentrate, diafilter, recover.

Volumes come from balances, never from time, so every phase finds its place again after a hold.
"""

from __future__ import annotations

from functools import partial

from devices.roles import Pump
from line.phases.circulation import DENSITY, SCAN, Circulation, permeate_mass, tare_permeate
from line.run import PhaseRun
from line.units import TffSkid
from protocols.phases import Concentrate, Diafilter, LoadFeed, Recover
from vesiflow.errors import Refused

LOADED_WITHIN = 0.05
_EMPTY = 0.5e-3  # kg left on the balance that counts as empty
_RINSE_TIME = 60.0
_MORE = 1.03  # of a dose that the balance ends
_LATE = 1.5  # s by which the balance and the end of a scan lag behind the pump


async def load(run: PhaseRun, params: LoadFeed) -> None:
    """Tare the empty reservoir, have the bottle hung in, and believe the balance."""
    skid = run.unit(TffSkid)
    await run.once("empty reservoir tared", skid.retentate_balance.tare)
    await run.ask("empty permeate", "Empty the permeate bottle and put it back")
    await run.once("empty permeate bottle tared", partial(tare_permeate, run, skid))
    details = {"bottle": params.source, "volume": params.volume}
    await run.ask_barcode("hang bottle", f"Hang bottle {params.source} into the reservoir", details, params.source)
    await run.wait(10.0)
    mass = run.reading("tff.retentate_mass", await skid.retentate_balance.read_mass())
    volume = mass / DENSITY
    run.result("loaded volume", volume, "m^3")
    run.fact("tff.loaded", volume)
    if abs(volume - params.volume) > LOADED_WITHIN * params.volume:
        run.alarm("tff.volume", "loaded volume", volume, params.volume, "m^3", "tff.retentate_mass")
    if volume < 0.5 * params.volume:
        raise Refused(
            "the reservoir holds less than half of the batch",
            device="tff.retentate_balance",
            value=f"{volume * 1e6:.0f} mL",
            bounds=f"{params.volume * 1e6:.0f} mL",
            remedy="check the bottle",
        )


async def concentrate(run: PhaseRun, params: Concentrate) -> None:
    """Remove permeate until the circulating volume is down to the target."""
    skid = run.unit(TffSkid)
    loop = Circulation(run, skid, params.membrane, params.feed_flow, params.tmp, params.max_flux)
    await loop.prime()
    await loop.start()
    first = await loop.scan()
    start = _volume(loop, first.retentate_mass)
    async for _ in run.scans(SCAN, loop.start):
        seen = await loop.scan()
        volume = _volume(loop, seen.retentate_mass)
        run.progress = (start - volume) / max(start - params.target_volume, 1e-9)
        left = volume - params.target_volume
        if left <= seen.permeate_flow * SCAN:
            break
    await skid.permeate_pump.stop()
    last = await loop.scan()
    final = _volume(loop, last.retentate_mass)
    await loop.stop()
    run.result("start volume", start, "m^3")
    run.result("end volume", final, "m^3")
    run.result("volumetric concentration factor", start / final, "")
    run.result("permeate", (last.permeate_mass - first.permeate_mass) / DENSITY, "m^3")
    run.fact("tff.volume", final)


async def diafilter(run: PhaseRun, params: Diafilter) -> None:
    """Exchange buffer at constant retentate mass; diavolumes are counted from the permeate balance."""
    skid = run.unit(TffSkid)
    loop = Circulation(run, skid, params.membrane, params.feed_flow, params.tmp, params.max_flux)
    volume = await loop.prime()
    begin_permeate, hold = await _diafiltration_start(run, skid, params, volume)
    loop.hold_mass = hold
    volume = _volume(loop, hold)
    done = 0.0
    await loop.start()
    async for _ in run.scans(SCAN, loop.start):
        seen = await loop.scan()
        done = (seen.permeate_mass - begin_permeate) / DENSITY / volume
        run.progress = done / params.volumes
        run.log("tff.diavolumes", done)
        if done >= params.volumes:
            break
    await skid.permeate_pump.stop()
    await skid.buffer_pump.stop()
    conductivity = run.reading("tff.conductivity", await skid.conductivity.read_conductivity())
    await loop.stop()
    run.result("diavolumes", done, "")
    run.result("diafiltration volume", volume, "m^3")
    run.result("conductivity", conductivity, "S/m")


async def _diafiltration_start(run: PhaseRun, skid: TffSkid, params: Diafilter, volume: float) -> tuple[float, float]:
    """Buffer provided, permeate and retentate mass at the first start; remembered over holds and restarts."""
    steps = run.memory.steps
    if "permeate at the start" not in steps:
        needed = 1.2 * params.volumes * volume
        text = f"Fill the buffer bottle with {needed * 1e6:.0f} mL {params.buffer}"
        await run.ask("fill buffer", text, {"buffer": params.buffer, "volume": needed}, {"lot": "text"})
        retentate = run.reading("tff.retentate_mass", await skid.retentate_balance.read_mass())
        permeate = await permeate_mass(run, skid)
        run.memory.step("retentate at the start", retentate)
        run.memory.step("permeate at the start", permeate)
    return steps["permeate at the start"], steps["retentate at the start"]


async def recover(run: PhaseRun, params: Recover) -> None:
    """Pump the retentate into the product bottle, rinse the loop and add the rinse."""
    skid = run.unit(TffSkid)
    text = f"Place bottle {params.product} at the recovery outlet"
    await run.ask_barcode("place bottle", text, {"bottle": params.product}, params.product)
    await run.once("drained", partial(drain, run, skid))
    if params.rinse > 0:
        await run.once("rinsed", partial(_rinse, run, skid, params))
        await drain(run, skid)
    text = f"Weigh bottle {params.product}"
    recovered = await run.ask_volume("weigh bottle", text, {"bottle": params.product})
    run.result("recovered volume", recovered, "m^3")
    run.fact(f"bottle.{params.product}.volume", recovered)


async def drain(run: PhaseRun, skid: TffSkid) -> float:
    """Pump the reservoir out until the balance no longer falls; the volume that left, m^3."""
    before = run.reading("tff.retentate_mass", await skid.retentate_balance.read_mass())
    await skid.recovery_pump.set_flow(run.profile.roles["tff.recovery_pump"]["flow"][1] * 0.85)

    async def pump() -> None:
        await skid.recovery_pump.start()

    await pump()
    last, flat = before, 0
    async for _ in run.scans(SCAN, pump):
        mass = run.reading("tff.retentate_mass", await skid.retentate_balance.read_mass())
        flat = flat + 1 if last - mass < 0.05e-3 else 0
        last = mass
        if flat >= 5 or mass < -_EMPTY:
            break
    await skid.recovery_pump.stop()
    return (before - last) / DENSITY


async def _rinse(run: PhaseRun, skid: TffSkid, params: Recover) -> None:
    """Rinse by the balance into the loop, then round and round."""
    await run.once("rinse added", partial(_add_rinse, run, skid, params.rinse))

    async def circulate() -> None:
        await skid.feed_pump.set_flow(params.feed_flow)
        await skid.feed_pump.start()

    await circulate()
    async for elapsed in run.scans(SCAN, circulate):
        if elapsed >= _RINSE_TIME:
            break
    await skid.feed_pump.stop()


async def _add_rinse(run: PhaseRun, skid: TffSkid, volume: float) -> None:
    """Until the balance shows it, in this or another life of the controller, or until an empty bottle would have.

    A pump that ends by itself is told the volume too: it adds no more when the controller dies."""
    if "reservoir before the rinse" not in run.memory.steps:
        mass = run.reading("tff.retentate_mass", await skid.retentate_balance.read_mass())
        run.memory.step("reservoir before the rinse", mass)
    flow = run.profile.roles["tff.buffer_pump"]["flow"][1] * 0.5
    full = run.memory.steps["reservoir before the rinse"] + DENSITY * (volume - flow * _LATE)

    async def pump() -> None:
        mass = run.reading("tff.retentate_mass", await skid.retentate_balance.read_mass())
        await skid.buffer_pump.set_flow(flow)
        await _dose(skid.buffer_pump, _MORE * (full - mass) / DENSITY)

    await pump()
    async for elapsed in run.scans(1.0, pump):
        mass = run.reading("tff.retentate_mass", await skid.retentate_balance.read_mass())
        if mass >= full or elapsed >= 1.2 * volume / flow:
            break
    await skid.buffer_pump.stop()


async def _dose(pump: Pump, volume: float) -> None:
    """Start a run that ends by itself after `volume`, m^3, where the pump can."""
    if volume <= 0.0:
        return
    dispense = getattr(pump, "dispense", None)
    await (pump.start() if dispense is None else dispense(volume))


def _volume(loop: Circulation, retentate_mass: float) -> float:
    """Circulating volume: what the balance sees plus what the loop holds, m^3."""
    return retentate_mass / DENSITY + loop.loop_volume
