"""Makes a Prefect server have what a line needs: work pool with its limit, variable, deployments; a diff first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import WorkPoolStatus
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectNotFound
from prefect.utilities.callables import parameter_schema
from prefect.variables import Variable

from flows.deployment_file import Deployment, job_variables
from flows.lines import Whereabouts, variable
from flows.server import expect_same_version
from vesiflow.errors import ConfigError

State = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One thing to create or change: what it is, and field by field what it is now and shall be."""

    what: str
    name: str
    fields: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    new: bool = False

    def lines(self) -> list[str]:
        """The diff as people read it; of a new deployment, its name only."""
        sign = "+" if self.new else "~"
        return [
            f"{sign} {self.what} {self.name}",
            *(
                f"    {name}: {new!r}" if self.new else f"    {name}: {old!r} -> {new!r}"
                for name, (old, new) in self.fields.items()
            ),
        ]


@dataclass(frozen=True)
class Wanted:
    """What a line needs on a server: where the line is, and its deployments, all on one pool."""

    line: str
    place: Whereabouts
    deployments: tuple[Deployment, ...]

    @property
    def pool(self) -> str:
        """Its work pool."""
        return self.deployments[0].work_pool.name


async def plan(wanted: Wanted) -> list[Change]:
    """What differs between the server and `wanted`; empty when nothing does."""
    async with get_client() as client:
        await expect_same_version(client)
        changes = [await _compare_pool(client, wanted.pool), await _compare_place(wanted)]
        changes += [await _compare(client, item) for item in wanted.deployments]
        return [change for change in changes if change]


async def apply(wanted: Wanted) -> None:
    """Create what is missing and update what differs; doing it again changes nothing."""
    async with get_client() as client:
        change = await _compare_pool(client, wanted.pool)
        if change and change.new:
            await client.create_work_pool(
                WorkPoolCreate(name=wanted.pool, type="process", description=_POOL, concurrency_limit=_RUNS)
            )
        elif change:
            await client.update_work_pool(wanted.pool, WorkPoolUpdate(concurrency_limit=_RUNS))
        if await _compare_place(wanted):
            place = await _place(wanted)
            await Variable.aset(variable(wanted.line), place.model_dump(), ["vesiflow"], overwrite=True)
        for item in wanted.deployments:
            if await _compare(client, item):
                await _create(client, item)


async def has_worker(wanted: Wanted) -> bool:
    """Whether a worker waits for runs of this line; without one they wait for ever."""
    async with get_client() as client:
        return (await client.read_work_pool(wanted.pool)).status == WorkPoolStatus.READY


async def _place(wanted: Wanted) -> Whereabouts:
    """As wanted; the controller that is on the server stays where none is named."""
    known = await Variable.aget(variable(wanted.line))
    controller = known.get("controller") if isinstance(known, dict) else None
    return wanted.place.model_copy(update={"controller": wanted.place.controller or controller})


async def _compare_place(wanted: Wanted) -> Change | None:
    known, shall = await Variable.aget(variable(wanted.line)), (await _place(wanted)).model_dump()
    if known == shall:
        return None
    before = known if isinstance(known, dict) else {}
    fields = {key: (before.get(key), value) for key, value in shall.items() if before.get(key) != value}
    return Change("variable", variable(wanted.line), fields, new=known is None)


_RUNS = 20
"""Flow runs of a line at once, each a process of some 150 MB. A limit of the pool is no lease: it ends no run."""
_POOL = "Runs beside the controller of this line: vesiflow docs/deploy.md"


async def _compare_pool(client: PrefectClient, name: str) -> Change | None:
    try:
        pool = await client.read_work_pool(name)
    except ObjectNotFound:
        return Change("work pool", name, {"concurrency limit": (None, _RUNS)}, new=True)
    if pool.type != "process":
        raise ConfigError(
            "the work pool has another type",
            device=name,
            value=pool.type,
            bounds="process",
            remedy=f"delete it (`prefect work-pool delete {name}`) and deploy again",
        )
    if pool.concurrency_limit == _RUNS:
        return None
    return Change("work pool", name, {"concurrency limit": (pool.concurrency_limit, _RUNS)})


async def _compare(client: PrefectClient, item: Deployment) -> Change | None:
    name = full_name(item)
    shall = _wanted(item)
    try:
        found = await client.read_deployment_by_name(name)
    except ObjectNotFound:
        return Change("deployment", name, new=True)
    current: State = {
        "entrypoint": found.entrypoint,
        "description": found.description,
        "tags": sorted(found.tags),
        "parameters": found.parameters,
        "parameter schema": found.parameter_openapi_schema,
        "work pool": found.work_pool_name,
        "concurrency limit": found.global_concurrency_limit.limit if found.global_concurrency_limit else None,
        "schedules": [_schedule(schedule.schedule, schedule.active) for schedule in found.schedules],
        "job variables": found.job_variables,
    }
    differing = {key: (current[key], value) for key, value in shall.items() if current[key] != value}
    return Change("deployment", name, differing) if differing else None


def _wanted(item: Deployment) -> State:
    return {
        "entrypoint": item.entrypoint,
        "description": item.description,
        "tags": sorted(item.tags),
        "parameters": item.parameters,
        "parameter schema": parameter_schema(item.flow().fn).model_dump(exclude_unset=True),
        "work pool": item.work_pool.name,
        "concurrency limit": item.concurrency_limit,
        "schedules": [f"{entry.cron} {entry.timezone} {_on(entry.active)}" for entry in item.schedules],
        "job variables": job_variables(),
    }


async def _create(client: PrefectClient, item: Deployment) -> None:
    """Create or update; Prefect does either by the name."""
    flow = item.flow()
    await client.create_deployment(
        flow_id=await client.create_flow_from_name(flow.name),
        name=item.name,
        schedules=[
            DeploymentScheduleCreate(
                schedule=CronSchedule(cron=entry.cron, timezone=entry.timezone), active=entry.active
            )
            for entry in item.schedules
        ],
        concurrency_limit=item.concurrency_limit,
        parameters=item.parameters,
        description=item.description,
        work_pool_name=item.work_pool.name,
        tags=list(item.tags),
        entrypoint=item.entrypoint,
        parameter_openapi_schema=parameter_schema(flow.fn).model_dump(exclude_unset=True),
        enforce_parameter_schema=True,
        job_variables=job_variables(),
    )


def full_name(item: Deployment) -> str:
    """ "manufacture/sim", as Prefect calls it."""
    return f"{item.flow().name}/{item.name}"


def _schedule(schedule: Any, active: bool) -> str:
    return f"{getattr(schedule, 'cron', schedule)} {getattr(schedule, 'timezone', None)} {_on(active)}"


def _on(active: bool) -> str:
    return "on" if active else "off"
