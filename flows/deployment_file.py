"""deployments/prefect.yaml, read strictly: what `vesiflow deploy` is to make of it for a line."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flows.settings import DEFAULTS, OUTAGE
from vesiflow.documents import DocumentError, parse, problems
from vesiflow.errors import ConfigError

PACKAGED_LINE = "sim"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Schedule(_Strict):
    """A cron schedule."""

    cron: str
    timezone: str = "UTC"
    active: bool = True


class Pool(_Strict):
    """The work pool whose worker runs beside the line's controller."""

    name: str = Field(pattern=r"^line-[a-z0-9][a-z0-9._-]*$")


class Deployment(_Strict):
    """One deployment as written."""

    name: str
    entrypoint: str = Field(pattern=r"^[a-z_]+(\.[a-z_]+)+$")
    description: str
    tags: tuple[str, ...]
    concurrency_limit: int | None = Field(default=None, ge=1)
    parameters: dict[str, Any]
    schedules: tuple[Schedule, ...] = ()
    work_pool: Pool

    def flow(self) -> Any:
        """The flow of the dotted entrypoint; ConfigError when there is none."""
        module, _, name = self.entrypoint.rpartition(".")
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"no such flow: {error}", device="prefect.yaml", value=self.entrypoint) from error


class PrefectFile(BaseModel):
    """The document."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    name: str
    prefect_version: str = Field(alias="prefect-version")
    deployments: tuple[Deployment, ...]


def deployments(line: str) -> tuple[Deployment, ...]:
    """The packaged deployments for line `line`; ConfigError with line numbers when the file is wrong."""
    text = files("deployments").joinpath("prefect.yaml").read_text(encoding="utf-8")
    document = parse(text, "deployments/prefect.yaml")
    try:
        found = PrefectFile.model_validate(document.data).deployments
    except ValidationError as error:
        raise DocumentError(problems(error, document)) from None
    return tuple(_for_line(item, line) for item in found)


def job_variables() -> dict[str, Any]:
    """What a worker gives a run's process: Prefect's settings must be in its environment before Prefect starts."""
    ours = DEFAULTS | OUTAGE
    return {"env": {name: value for name, value in ours.items() if not name.startswith("PREFECT_SERVER_")}}


def _for_line(item: Deployment, line: str) -> Deployment:
    if line == PACKAGED_LINE:
        return item
    order = dict(item.parameters["order"])
    if order.get("line") == PACKAGED_LINE:
        order["line"] = line
    if "when_held" in order:
        order["when_held"] = "wait"
    return item.model_copy(
        update={"name": line, "parameters": {"order": order}, "work_pool": Pool(name=f"line-{line}")}
    )
