"""Tangential flow filtration: module change, flush with permeability check, cleaning, dilution."""

from __future__ import annotations

from functools import partial

from line.phases.circulation import DENSITY, SCAN, Circulation, tare_permeate
from line.phases.tff import drain
from line.run import PhaseRun
from line.units import TffSkid
from protocols.phases import CleanMembrane, Dilute, Flush, InstallModule, Membrane
from vesiflow.errors import Refused

_SETTLE = 60.0
_AVERAGE = 60.0
_RISES, _FILLS_WITHIN = 0.5e-3, 40.0  # kg that a filling pump moves within so many s


async def install_module(run: PhaseRun, params: InstallModule) -> None:
    """A person mounts the module; a wrong barcode is refused before any liquid moves."""
    m = params.membrane
    details = {
        "barcode": m.barcode,
        "cutoff": m.cutoff,
        "area": m.area,
        "fibres": m.fibres,
        "lumen": m.lumen,
        "length": m.length,
    }
    text = f"Mount membrane module {m.barcode} and scan it"
    await run.ask_barcode("install module", text, details, m.barcode, "tff.module")
    run.result("area", m.area, "m^2")


async def flush(run: PhaseRun, params: Flush) -> None:
    """Flush with buffer and measure the permeability of the wetted membrane."""
    skid = run.unit(TffSkid)
    permeability = await _flush_and_measure(run, skid, params)
    run.result("water permeability", permeability, "m/s/Pa")
    run.fact(f"permeability.{params.membrane.barcode}", permeability)
    if permeability < params.min_permeability:
        run.memory.anew()
        what, least = "permeability below its limit", params.min_permeability
        run.alarm("tff.permeability", what, permeability, least, "m/s/Pa", "tff.flux")
        raise Refused(
            "permeability below its limit",
            device="tff",
            action="flush",
            value=f"{permeability:.3g} m/s/Pa",
            bounds=f">= {params.min_permeability:.3g} m/s/Pa",
            remedy="clean or replace the module",
        )


async def clean(run: PhaseRun, params: CleanMembrane) -> None:
    """Circulate the cleaning agent, flush, and report how much of the first permeability came back."""
    skid = run.unit(TffSkid)
    await run.once("agent filled in", partial(_fill, run, skid, params.agent, params.volume))
    await run.once("cleaned", partial(_circulate, run, skid, params))
    await run.once("agent thrown away", partial(_waste, run, skid))
    rinse = Flush(params.membrane, "water", params.volume, params.feed_flow, params.tmp, params.max_flux, 0.0)
    permeability = await _flush_and_measure(run, skid, rinse)
    first = run.facts.get(f"permeability.{params.membrane.barcode}")
    run.result("water permeability", permeability, "m/s/Pa")
    if first:
        share = permeability / first
        run.result("permeability recovery", share, "")
        if share < params.min_recovery:
            run.deviation("permeability recovery", share, params.min_recovery, "", "minor")


async def _circulate(run: PhaseRun, skid: TffSkid, params: CleanMembrane) -> None:
    """The agent through the module for its time; what it stood still in a hold or a restart counts too."""
    loop = Circulation(run, skid, params.membrane, params.feed_flow, params.tmp, params.max_flux, permeate=False)
    await loop.start()
    async for _ in run.scans(10.0, loop.start):
        await loop.scan()
        elapsed = run.since("agent at work")
        run.progress = 0.7 * elapsed / max(params.duration, 1.0)
        if elapsed >= params.duration:
            break
    await loop.stop()


async def _flush_and_measure(run: PhaseRun, skid: TffSkid, params: Flush) -> float:
    await run.once("buffer filled in", partial(_fill, run, skid, params.buffer, params.volume))
    if "permeability" not in run.memory.steps:
        loop = Circulation(run, skid, params.membrane, params.feed_flow, params.tmp, params.max_flux)
        await loop.start()
        run.memory.step("permeability", await _permeability(run, loop, params.membrane))
        await loop.stop()
    await run.once("buffer thrown away", partial(_waste, run, skid))
    return run.memory.steps["permeability"]


async def _permeability(run: PhaseRun, loop: Circulation, membrane: Membrane) -> float:
    """Mean flux over mean TMP after settling, m/s/Pa."""
    flux = tmp = 0.0
    count = 0
    async for elapsed in run.scans(SCAN, loop.start):
        seen = await loop.scan()
        run.progress = 0.5 + 0.5 * elapsed / (_SETTLE + _AVERAGE)
        if elapsed > _SETTLE:
            flux += seen.permeate_flow / membrane.area
            tmp += seen.tmp
            count += 1
        if elapsed >= _SETTLE + _AVERAGE:
            break
    if count == 0 or tmp <= 0:
        raise Refused(
            "no transmembrane pressure during the permeability check",
            device="tff.pressures",
            remedy="check sensors and tubing",
        )
    return flux / tmp


async def _fill(run: PhaseRun, skid: TffSkid, buffer: str, volume: float) -> None:
    """Buffer bottle -> empty reservoir; the balance says how much came."""
    await _buffer_bottle(run, buffer, volume)
    await run.once(f"tared for {buffer}", skid.retentate_balance.tare)
    await _pump_in(run, skid, 0.0, volume)


async def dilute(run: PhaseRun, params: Dilute) -> None:
    """Buffer to what is in the reservoir; what had come before a hold or a restart counts."""
    skid = run.unit(TffSkid)
    await _buffer_bottle(run, params.buffer, params.volume)
    if "mass at the start" not in run.memory.steps:
        run.memory.step("mass at the start", await _reservoir(run, skid))
    start = run.memory.steps["mass at the start"]
    await _pump_in(run, skid, start, params.volume)
    run.result("added volume", (await _reservoir(run, skid) - start) / DENSITY, "m^3")


async def _reservoir(run: PhaseRun, skid: TffSkid) -> float:
    return run.reading("tff.retentate_mass", await skid.retentate_balance.read_mass())


async def _buffer_bottle(run: PhaseRun, buffer: str, volume: float) -> None:
    details = {"buffer": buffer, "volume": 1.2 * volume}
    text = f"Fill the buffer bottle with {1.2e6 * volume:.0f} mL {buffer}"
    await run.ask("fill buffer", text, details, {"lot": "text"})


async def _pump_in(run: PhaseRun, skid: TffSkid, start: float, volume: float) -> None:
    """The buffer pump until the reservoir is `volume` m^3 above `start` kg; never by time."""
    end = start + volume * DENSITY
    await skid.buffer_pump.set_flow(run.profile.roles["tff.buffer_pump"]["flow"][1] * 0.95)
    await skid.buffer_pump.start()
    last, risen = -1.0, run.clock.now()
    async for _ in run.scans(SCAN, skid.buffer_pump.start):
        mass = await _reservoir(run, skid)
        if mass > last + _RISES:
            last, risen = mass, run.clock.now()
        what = "the reservoir does not fill: buffer bottle empty or hose off"
        run.interlocks.require(
            "tff.buffer", run.clock.now() - risen < _FILLS_WITHIN, what, value=mass, limit=end, unit="kg",
            tag="tff.retentate_mass", debounce=0.0,
        )  # fmt: skip
        run.progress = 0.5 * (mass - start) / (end - start)
        if mass >= end:
            break
    await skid.buffer_pump.stop()


async def _waste(run: PhaseRun, skid: TffSkid) -> None:
    """Pump the reservoir into the waste bottle."""
    await run.ask("place bottle", "Place bottle waste at the recovery outlet", {"bottle": "waste"}, {"barcode": "text"})
    await drain(run, skid)
    await run.ask("empty permeate", "Empty the permeate bottle and put it back")
    await tare_permeate(run, skid)
