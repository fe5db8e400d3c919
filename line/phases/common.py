"""Phases that need only people: samples and approvals."""

from __future__ import annotations

from line.asking import entered
from line.run import PhaseRun
from protocols.assays import ASSAYS
from protocols.phases import Approve, Sample
from vesiflow.errors import Refused
from vesiflow.quantities import convert


async def sample(run: PhaseRun, params: Sample) -> None:
    """A sample is taken and its results are entered; each becomes an entry of the batch record."""
    fields = {assay: ASSAYS[assay][1] for assay in params.assays}
    text = f"Take sample {params.point} from {params.source} and enter the results"
    details = {"bottle": params.source, "point": params.point, "assays": ",".join(params.assays)}
    values = await run.ask("sample", text, details, fields)
    for assay in params.assays:
        unit = ASSAYS[assay][1]
        value = entered(values[assay], unit)
        run.fact(f"sample.{params.point}.{assay}", value)
        known = convert(value, "mL", "m^3") if assay == "volume" else value
        run.fact(f"bottle.{params.source}.{assay}", known)
        run.result(assay, value, unit)
        run.journal.event(
            "sample",
            run.batch,
            key=run.phase.key,
            point=params.point,
            source=params.source,
            assay=assay,
            value=value,
            unit=unit,
        )


async def approve(run: PhaseRun, params: Approve) -> None:
    """A named person approves; anything but yes ends the batch safely."""
    values = await run.ask("approve", params.question, {"question": params.question}, {"approved": "yes/no"})
    if values["approved"].strip().lower() != "yes":
        run.not_so()
        raise Refused(f"not approved: {params.question}", device="operator", action="approve")
