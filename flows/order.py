"""What a person orders: the parameters of the flows. Their JSON schema is the form in Prefect's page.

Prefect's API checks a form against the schema only, so the dimension of a quantity is a pattern in it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from vesiflow.quantities import Volume

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class WhenHeld(StrEnum):
    """What happens when the line holds the batch: wait for a person, or stop because nobody is there."""

    WAIT = "wait"
    STOP = "stop"


class Order(BaseModel):
    """A recipe on a line."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: str = Field(
        default="exosome",
        min_length=1,
        max_length=300,
        title="Recipe",
        description="Name of a packaged recipe, or path of a YAML file that the worker can read",
        examples=["exosome"],
    )
    line: str = Field(
        default="sim",
        min_length=1,
        max_length=300,
        title="Line",
        description="Name of a deployed or packaged line, or path of a line file that the worker can read",
        examples=["sim"],
    )
    batch: Name | None = Field(
        default=None,
        title="Batch id",
        description="The same id starts once, however often it is ordered; empty: one is made for this run",
        examples=["EV-2026-014"],
    )
    volume: Volume | None = Field(
        default=None,
        title="Batch volume",
        description="Of the first material, a number with a unit of volume, like 1.5 L; empty: as the recipe says",
        examples=["2 L", "750 mL"],
    )
    seed: int | None = Field(
        default=None, ge=0, le=2**31 - 1, title="Seed", description="Of a simulated line; the same seed, the same batch"
    )
    who: str = Field(
        default="prefect", min_length=1, max_length=100, title="Who", description="Name that goes into the batch record"
    )
    when_held: WhenHeld = Field(
        default=WhenHeld.WAIT,
        title="When the line holds",
        description="wait: a person decides at the line; stop: an orderly stop, for runs that nobody attends",
    )
    controller: str | None = Field(
        default=None,
        pattern=r"^https?://[A-Za-z0-9.\[\]:_-]+(/.*)?$",
        title="Line controller",
        description="URL of the line controller service; empty: as deployed, or hosted by this flow (simulated lines)",
        examples=["http://127.0.0.1:4300"],
    )


class UnitOrder(Order):
    """One unit procedure of a recipe; the batch must have come that far."""

    unit_procedure: int | None = Field(
        default=None,
        ge=1,
        le=50,
        title="Unit procedure",
        description="Its number in the recipe; empty: the only one of this unit",
    )
