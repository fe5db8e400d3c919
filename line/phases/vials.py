"""Formulation, vial filling, loading, stoppering and unloading."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from line import transfer_plan
from line.asking import entered
from line.phases import door
from line.phases.pipetting import books, pipette, place_bottle, place_labware, place_stock
from line.run import PhaseRun
from line.transfer_plan import Stock
from line.units import FreezeDryer
from protocols.phases import FillVials, Formulate, LoadVials, Stopper, UnloadVials
from vesiflow.errors import ConfigError, Refused

_VENTING = 600.0  # s
POOL, BUFFER, BULK = "pool:A1", "buffer:A1", "bulk:A1"
_LEFT_OUT = "lyophilization.left_out."  # and the place of a vial
_FILLED = 0.05  # of the fill volume by which a vial may differ


async def formulate(run: PhaseRun, params: Formulate) -> None:
    """Dilute to the dose concentration by the last particle count of the bottle."""
    dryer = run.unit(FreezeDryer)
    layout = await dryer.liquid_handler.read_layout()
    there, dilution = _dilution(run, params)
    volume = there - layout.at(POOL).dead
    final = min(volume * dilution, params.max_volume)
    source, buffer = Stock(POOL, params.source), Stock(BUFFER, params.buffer)
    plan = transfer_plan.diluted(source, volume, buffer, final, layout, BULK)
    await place_bottle(run, params.source, "pool")
    await place_stock(
        run, f"Place {params.buffer} on the deck as buffer", params.buffer, 0.0,
        max(1.1 * (final - volume) + 1e-6, plan.needs.get(BUFFER, 0.0)), "buffer",
    )  # fmt: skip
    await place_bottle(run, params.product, "bulk", empty=True)
    await pipette(run, dryer.liquid_handler, plan.transfers)
    run.fact(f"bottle.{params.product}.volume", final)
    run.result("volume before", there, "m^3")
    run.result("volume after", final, "m^3")
    run.result("dilution", final / volume, "")


def _dilution(run: PhaseRun, params: Formulate) -> tuple[float, float]:
    count = run.facts.get(f"bottle.{params.source}.particles")
    volume = run.facts.get(f"bottle.{params.source}.volume")
    if count is None or volume is None:
        raise ConfigError(
            f"no particle count or volume of bottle {params.source}",
            action="formulate",
            remedy="add a sample with particles and volume before formulation",
        )
    return volume, max(count * 1e6 / params.concentration, 1.0)


async def fill(run: PhaseRun, params: FillVials) -> None:
    """Fill as many vials as the bulk allows, at most as many as the recipe says."""
    dryer = run.unit(FreezeDryer)
    layout = await dryer.liquid_handler.read_layout()
    bulk = run.facts.get(f"bottle.{params.source}.volume", 0.0)
    vials = min(int((bulk - layout.at(BULK).dead) * 0.99 / params.fill_volume), params.vials)
    if vials < 1:
        raise Refused(
            "not enough bulk for one vial",
            device="lyophilization.liquid_handler",
            value=f"{bulk * 1e6:.2f} mL",
            bounds=f">= {params.fill_volume * 1e6:.2f} mL",
        )
    plan = transfer_plan.filled(Stock(BULK, params.source), vials, params.fill_volume, layout)
    for rack in dict.fromkeys(transfer.target.partition(":")[0] for transfer in plan.transfers):
        count = len({t.target for t in plan.transfers if t.target.startswith(f"{rack}:")})
        text = f"Place a rack of {count} empty vials as {rack}, and full tip racks, on the deck"
        await place_labware(run, dryer.liquid_handler, "place vials", text, rack)
    await pipette(run, dryer.liquid_handler, plan.transfers)
    good = vials - _left_out(run, dict.fromkeys(transfer.target for transfer in plan.transfers), params.fill_volume)
    run.fact("lyophilization.vials", good)
    run.result("vials filled", good, "")
    run.result("fill volume", params.fill_volume, "m^3")
    if vials < params.vials:
        run.deviation("fewer vials than planned", vials, params.vials, "", "minor")


def _left_out(run: PhaseRun, places: Iterable[str], volume: float) -> int:
    """How many vials do not hold `volume`, or hold what nobody knows: they are named, and not dried with the others."""
    found = {place: books(run).content(place).volume for place in places}
    bad = [place for place, there in found.items() if there is None or abs(there - volume) > _FILLED * volume]
    for place in found:
        run.fact(_LEFT_OUT + place, 1.0) if place in bad else run.forget(_LEFT_OUT + place)
    if len(bad) == len(found):
        raise Refused(
            "no vial holds what it should", device="lyophilization.liquid_handler", action="fill", value=", ".join(bad),
            remedy="look, say what is in them with `vesiflow deck declare`, then restart; or abort",
        )  # fmt: skip
    if bad:
        run.deviation(f"vials left out: {', '.join(bad)} hold another volume or nobody knows", len(bad), 0, "", "major")
    return len(bad)


def _count(run: PhaseRun, planned: int) -> int:
    return int(run.facts.get("lyophilization.vials", planned))


async def load(run: PhaseRun, params: LoadVials) -> None:
    """Half-stoppered vials onto the shelf, door closed: that is proven."""
    vials = _count(run, params.vials)
    left_out = sorted(name.removeprefix(_LEFT_OUT) for name in run.facts if name.startswith(_LEFT_OUT))
    apart = f"Take {', '.join(left_out)} out of the rack and keep them apart. " if left_out else ""
    text = f"{apart}Half-stopper {vials} vials, load the shelf, close the door"
    await _counted(run, "load vials", text, vials, left_out=" ".join(left_out))
    await door.closed(run, run.unit(FreezeDryer))


async def stopper(run: PhaseRun, params: Stopper) -> None:
    """Stoppers home under partial vacuum; nothing is vented while one of them is open."""
    vials = _count(run, params.vials)
    text = f"Close the stoppers of {vials} vials and count the closed ones"
    await _counted(run, "stopper vials", text, vials, "lyo.stoppers")


async def unload(run: PhaseRun, params: UnloadVials) -> None:
    """Shelf to handling temperature, vent, take the vials out."""
    dryer = run.unit(FreezeDryer)
    await dryer.shelf.set_temperature(params.temperature)
    vent = partial(dryer.vacuum.set_relay, "vent", True)
    await vent()
    async for elapsed in run.scans(60.0, vent):
        if elapsed >= _VENTING:
            break
    vials = _count(run, params.vials)
    closed = await _counted(run, "unload vials", f"Take out {vials} vials and count them", vials)
    await dryer.vacuum.set_relay("vent", False)
    await dryer.shelf.stop()
    run.fact("lyophilization.unloaded", closed)


async def _counted(run: PhaseRun, action: str, text: str, vials: int, held_by: str = "", left_out: str = "") -> float:
    """The count that a person gives; another than `vials` is an alarm, and holds the unit where `held_by` names one."""
    details = {"vials": vials} | ({"left_out": left_out} if left_out else {})
    values = await run.ask(action, text, details, {"count": "1"})
    count = entered(values["count"], "")
    run.result("count", count, "")
    if count != vials and held_by:
        run.not_so()
        run.interlocks.trip(held_by, f"{action}: count differs", value=count, limit=vials)
    if count != vials:
        run.alarm("lyo.count", f"{action}: count differs", count, vials)
    return count
