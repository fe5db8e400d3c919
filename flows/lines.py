"""Where a line is: one Prefect variable per line, made by `vesiflow deploy`, so that an order needs its name only.

Its value is `{"file": ..., "controller": ...}`: the line file as the worker reads it, and the URL of the controller
service or null. When a bench moves, the variable changes and every deployment follows.
"""

from __future__ import annotations

import re

from prefect.runtime import deployment
from prefect.variables import Variable
from pydantic import BaseModel, ConfigDict, ValidationError

from line.prepare import is_packaged
from vesiflow.errors import ConfigError


class Whereabouts(BaseModel):
    """Of a line: its file (an absolute path, or the name of a packaged line) and its controller service."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    file: str
    controller: str | None = None


def variable(line: str) -> str:
    """The name of the variable of a line; Prefect allows small letters, digits and underscores."""
    return f"vesiflow_line_{re.sub(r'[^a-z0-9]+', '_', line.lower())}"


async def locate(line: str, controller: str | None = None) -> Whereabouts:
    """Where `line` is: a deployment's run looks a name up, a path is what it is. A `controller` that is given wins.

    Raises ConfigError for a name that neither the Prefect server nor vesiflow knows.
    """
    if deployment.id is None or line.endswith((".yaml", ".yml")):
        return Whereabouts(file=line, controller=controller)
    value = await Variable.aget(variable(line))
    if value is None and not is_packaged(line):
        raise ConfigError(
            "no such line on this Prefect server",
            value=line,
            remedy="run `vesiflow deploy --line FILE.yaml`, or order it by the path of its file at the worker",
        )
    try:
        found = Whereabouts(file=line) if value is None else Whereabouts.model_validate(value)
    except ValidationError:
        raise ConfigError(
            "the Prefect variable does not say where the line is",
            device=variable(line),
            bounds='{"file": PATH, "controller": URL or null}',
            remedy="run `vesiflow deploy --line FILE.yaml`",
        ) from None
    return found.model_copy(update={"controller": controller or found.controller})
