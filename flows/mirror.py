"""Shows a batch in Prefect: progress, events and artifacts. One way only; nothing here reaches the line."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from uuid import UUID

from prefect.artifacts import (
    acreate_link_artifact,
    acreate_markdown_artifact,
    acreate_progress_artifact,
    acreate_table_artifact,
    aupdate_progress_artifact,
)
from prefect.events import emit_event

from flows import texts
from line.api import BatchView
from line.procedure import Outcome
from protocols.control import ControlRecipe
from vesiflow.clock import WallClock

_PERIOD = 10.0  # s between updates of the progress bar


class Mirror:
    """Follows one batch; `see` is cheap and may be called often."""

    def __init__(self, batch: str, recipe: ControlRecipe) -> None:
        self._batch = batch
        self._recipe = recipe
        self._clock = WallClock()
        self._view: BatchView | None = None
        self._state = ""
        self._artifact: UUID | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Mirror:
        self._artifact = await acreate_progress_artifact(
            0.0, texts.key("progress", self._batch), texts.title(self._recipe)
        )
        self._task = asyncio.create_task(self._follow(), name="progress")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def see(self, view: BatchView) -> None:
        """Note where the batch stands; an event when its state has changed."""
        self._view = view
        if view.state != self._state:
            self._state = view.state
            self.tell(view.state.lower(), {"reason": view.reason, "phase": view.running or ""})

    def tell(self, what: str, payload: dict[str, object]) -> None:
        """Emit the event vesiflow.batch.<what>; automations may wait for it."""
        emit_event(
            f"vesiflow.batch.{what}",
            resource={
                "prefect.resource.id": f"vesiflow.batch.{self._batch}",
                "prefect.resource.name": self._batch,
                "vesiflow.line": self._recipe.line,
                "vesiflow.recipe": self._recipe.recipe,
            },
            payload=payload,
        )

    async def conclude(self, outcome: Outcome, report: str | None) -> None:
        """Leave summary, table and link to the report."""
        self.see(outcome.batch)
        if self._artifact:
            await aupdate_progress_artifact(self._artifact, texts.percent(self._recipe, outcome.batch))
        await acreate_markdown_artifact(
            texts.summary(self._recipe, outcome), texts.key("summary", self._batch), texts.title(self._recipe)
        )
        await acreate_table_artifact(
            texts.table(self._recipe, outcome.batch), texts.key("phases", self._batch), "Phases with their process time"
        )
        if report:
            await acreate_link_artifact(
                report, "batch report", texts.key("report", self._batch), "Batch record as HTML"
            )

    async def _follow(self) -> None:
        while True:
            await self._clock.sleep(_PERIOD)
            if self._view and self._artifact:
                await aupdate_progress_artifact(self._artifact, texts.percent(self._recipe, self._view))
