"""Elution from the column: fractions by volume behind the detector, and which of them are pooled.

An elution goes on after a hold, and after a death of its controller: bands that stand spread by micrometres a second.
What ran into a tube while nobody looked is a deviation, and more than half a fraction of it is for a person to judge.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from devices.roles import FractionCollector
from line.phases import signs
from line.phases.sec import Flow
from line.requests import Stopped
from line.run import PhaseRun
from line.units import SecSkid
from protocols.phases import Elute, PoolFractions
from vesiflow.errors import DeviceFault, Refused, VesiflowError

SCAN = 2.0
_SUM, _COUNT = "sum of tube ", "readings of tube "
_UNWATCHED = 0.5  # of a fraction
_PER_FRACTION = 4  # times that the volume and the detector's mean are kept


@dataclass
class Fractions:
    """Opens tubes by volume at the outlet, `delay` m^3 behind the detector, and keeps each one's mean UV.

    The sums of the means are kept with the phase: an elution that is taken up again has what it saw before.
    """

    run: PhaseRun
    collector: FractionCollector
    params: Elute
    delay: float
    baseline: float
    tube: int = 0
    means: dict[int, tuple[float, int]] = field(default_factory=dict)
    _new: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        steps = self.run.memory.steps
        for name, total in steps.items():
            if name.startswith(_SUM):
                number = int(name.removeprefix(_SUM))
                self.means[number] = (total, int(steps[f"{_COUNT}{number}"]))

    async def move(self, volume: float) -> None:
        """Bring the right tube under the outlet for elution volume `volume` at the detector."""
        at = volume - self.delay
        p = self.params
        inside = p.collect_from <= at < p.collect_to
        wanted = int((at - p.collect_from) / p.fraction_volume + 1e-9) + 1 if inside else 0
        if wanted == self.tube:
            return
        if wanted:
            await self._go_to(wanted)
            if self.tube == 0:
                await self.collector.collect(True)
        else:
            await self.collector.collect(False)
        self.tube = wanted
        self.run.log("sec.tube", float(wanted))

    async def _go_to(self, tube: int) -> None:
        try:
            await self.collector.go_to(tube)
        except DeviceFault as fault:
            found = await self.collector.read_tube()
            self.run.alarm(
                "sec.collector", f"tube {found.tube} stands where tube {tube} should: {fault}", found.tube, tube, "",
                "sec.tube",
            )  # fmt: skip
            raise

    def see(self, volume: float, uv: float) -> None:
        """Book the detector's value on the tube that this liquid will reach."""
        p = self.params
        if p.collect_from <= volume < p.collect_to:
            number = int((volume - p.collect_from) / p.fraction_volume) + 1
            total, count = self.means.get(number, (0.0, 0))
            self.means[number] = (total + uv - self.baseline, count + 1)
            self._new.add(number)

    def keep(self) -> None:
        """Write down what was seen since the last time."""
        for number in sorted(self._new):
            total, count = self.means[number]
            self.run.memory.step(f"{_COUNT}{number}", count)
            self.run.memory.step(f"{_SUM}{number}", total)
        self._new.clear()


async def elute(run: PhaseRun, params: Elute) -> None:
    """Elute, watch UV and conductivity, collect fractions."""
    skid = run.unit(SecSkid)
    delay = run.profile.sec.dead_volume if run.profile.sec else 0.0
    fractions = Fractions(run, skid.collector, params, delay, run.facts.get("sec.baseline", 0.0))
    every = params.fraction_volume / _PER_FRACTION
    flow = Flow(run, skid, params.flow, params.max_pressure, params.volume, every)

    async def go_on() -> None:
        """As it was before a hold: the sample may still be in the loop, and the tube is open before anything flows."""
        await skid.injection_valve.move_to("inject")
        fractions.tube = 0
        await fractions.move(flow.volume)
        await flow.start()

    if flow.resumed:
        _judge_gap(run, params, flow, delay)
    await (go_on() if flow.resumed else flow.start())
    async for _ in run.scans(SCAN, go_on):
        try:
            await _eluted(run, flow, fractions)
        except Stopped:
            raise
        except VesiflowError as error:  # the run is where it is: held here it goes on, from the start it could not
            run.trouble(error)
            await run.held(str(error))
            await go_on()
        run.progress = flow.volume / params.volume
        if flow.volume >= params.volume:
            break
    await skid.pump.stop()
    await skid.injection_valve.move_to("load")
    for number, (total, count) in sorted(fractions.means.items()):
        run.fact(f"sec.fraction.{number}", total / count)
    run.fact("sec.fraction_volume", params.fraction_volume)
    run.result("elution volume", flow.volume, "m^3")
    run.result("fractions", len(fractions.means), "")
    peak = max((total / count for total, count in fractions.means.values()), default=0.0)
    run.result("UV peak above baseline", peak, "AU")
    run.fact("sec.peaks", _peaks_found(run, params, fractions, peak))
    if flow.saturated:
        run.result("UV saturated, area not quantifiable", 1.0, "")


async def _eluted(run: PhaseRun, flow: Flow, fractions: Fractions) -> None:
    """One scan of an elution."""
    kept = flow.kept
    uv, _conductivity = await flow.scan()
    if not run.stale:
        fractions.see(flow.volume, uv)
    if flow.kept != kept:
        fractions.keep()
    await fractions.move(flow.volume)


def _judge_gap(run: PhaseRun, params: Elute, flow: Flow, delay: float) -> None:
    """What may have gone into a tube while no controller lived; Refused when that is more than half a fraction."""
    begin = max(flow.volume - flow.unwatched - delay, params.collect_from)
    lost = min(flow.volume - delay, params.collect_to) - begin
    if lost <= 0.0:
        return
    tube = int((begin - params.collect_from) / params.fraction_volume + 1e-9) + 1
    if lost > _UNWATCHED * params.fraction_volume:
        raise Refused(
            f"{lost * 1e6:.2f} mL ran into tube {tube} while nobody looked", device="sec.collector", action="elute",
            value=f"{lost * 1e6:.2f} mL", bounds=f"{_UNWATCHED * params.fraction_volume * 1e6:.2f} mL",
            remedy="stop the batch and judge tubes and chromatogram by hand",
        )  # fmt: skip
    what = f"the elution was not watched for a moment: tube {tube} may hold liquid of the next"
    run.deviation(what, lost, 0.0, "m^3", "minor", "sec.uv")


def _peaks_found(run: PhaseRun, params: Elute, fractions: Fractions, peak: float) -> int:
    """How many peaks there are; none or several is for a person to judge."""
    means = [total / count for _, (total, count) in sorted(fractions.means.items())]
    found = signs.peaks(means, params.uv_threshold)
    if found == 0:
        what = "no peak found in the collection window"
        run.alarm("sec.no_peak", what, peak, params.uv_threshold, "AU", "sec.uv")
    elif found > 1:
        run.alarm("sec.peaks", f"{found} peaks in the collection window", found, 1.0, "", "sec.uv")
    return found


async def pool(run: PhaseRun, params: PoolFractions) -> None:
    """Pool the fractions of the first peak down to `peak_share` of its height."""
    means = {
        int(name.rsplit(".", 1)[1]): value for name, value in run.facts.items() if name.startswith("sec.fraction.")
    }
    volume = run.facts.get("sec.fraction_volume", 0.0)
    chosen = first_peak(means, params.peak_share, int(params.max_volume / volume + 1e-9) if volume else 0)
    if not chosen:
        raise Refused("no fraction to pool", device="sec.collector", remedy="look at the chromatogram")
    if run.facts.get("sec.peaks", 1.0) != 1.0:
        chosen = await _choose(run, chosen)
    tubes = ",".join(str(number) for number in chosen)
    text = f"Pool tubes {tubes} into bottle {params.product}"
    pooled = await run.ask_volume("pool fractions", text, {"tubes": tubes, "bottle": params.product})
    run.fact(f"bottle.{params.product}.volume", pooled)
    run.result("pooled volume", pooled, "m^3")
    run.result("first tube", chosen[0], "")
    run.result("last tube", chosen[-1], "")


async def _choose(run: PhaseRun, proposed: list[int]) -> list[int]:
    """A person chooses the tubes by the chromatogram; nothing is guessed."""
    text = "The chromatogram has not exactly one peak: choose the tubes to pool, with commas between"
    details = {"proposed": ",".join(str(number) for number in proposed)}
    values = await run.ask("choose tubes", text, details, {"tubes": "text"})
    tubes = [part.strip() for part in values["tubes"].split(",")]
    if not all(part.isascii() and part.isdigit() for part in tubes):
        raise Refused("tubes are numbers with commas between", device="operator", value=values["tubes"])
    return [int(part) for part in tubes]


def first_peak(means: dict[int, float], share: float, most: int) -> list[int]:
    """Tubes of the first peak: from its top to both sides while the mean UV stays above `share` of the top."""
    numbers = sorted(means)
    if not numbers or most < 1:
        return []
    highest = max(means.values())
    top = next(
        (
            n
            for n in numbers
            if means[n] >= 0.1 * highest and means[n] >= means.get(n + 1, 0.0) and means[n] >= means.get(n - 1, 0.0)
        ),
        numbers[0],
    )
    chosen = [top]
    while len(chosen) < most:
        sides = [n for n in (chosen[0] - 1, chosen[-1] + 1) if means.get(n, 0.0) >= share * means[top]]
        sides = [
            n
            for n in sides
            if (n > chosen[-1] and means[n] <= means[chosen[-1]]) or (n < chosen[0] and means[n] <= means[chosen[0]])
        ]
        if not sides:
            break
        best = max(sides, key=lambda n: means[n])
        chosen = sorted([*chosen, best])
    return chosen
