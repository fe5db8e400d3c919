"""Shows a batch in Prefect: progress, state, events and artifacts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any
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
from flows.agreement import Agreement
from line.api import BatchView
from line.client import LineClient
from line.procedure import Outcome
from protocols.control import ControlRecipe
from records.model import BatchRecord
from vesiflow.clock import WallClock
from vesiflow.errors import VesiflowError

_PERIOD = 10.0  # s between updates of the progress bar
_LOOK = 1.0  # s between looks at what Prefect is to show


class Mirror:
    """Follows one batch; `see` is cheap and may be called often."""

    def __init__(self, batch: str, recipe: ControlRecipe) -> None:
        self._agreement: Agreement | None = None
        self._client: LineClient | None = None
        self._prompt: dict[str, Any] | None = None
        self._batch = batch
        self._recipe = recipe
        self._clock = WallClock()
        self._view: BatchView | None = None
        self._state = ""
        self._waits: dict[str, str] = {}
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

    def agree(self, client: LineClient, cancelled: Callable[[], Awaitable[None]]) -> None:
        """From now on show holds, waits and questions as states, and pass on what people answer in Prefect's form;
        `cancelled` when the run is cancelled in Prefect."""
        self._client, self._agreement = client, Agreement(client.answer, cancelled)

    def part(self) -> None:
        """The client is about to close: the line is asked nothing more."""
        self._client = None

    def see(self, view: BatchView) -> None:
        """Note where the batch stands; an event when its state has changed, or when it waits for others."""
        self._view = view
        if view.waits and not self._waits:
            self.tell("waiting", {"waits": view.waits})
        self._waits = view.waits
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

    def judge(self, record: BatchRecord) -> None:
        """The event released or rejected of a complete batch, by its recipe's release criteria; none without any."""
        passed, failed = record.summary.passed, record.summary.failed
        if passed or failed:
            self.tell("rejected" if failed else "released", {"passed": passed, "failed": failed})

    async def conclude(self, outcome: Outcome, report: str | None) -> None:
        """Leave summary, table and link to the report."""
        self.see(outcome.batch)
        if self._agreement:
            await self._agreement.conclude()
            self._agreement = None
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
        looks = 0
        while True:
            await self._clock.sleep(_LOOK)
            looks += 1
            with suppress(Exception):  # what is shown never decides
                await self._show(looks)

    async def _show(self, looks: int) -> None:
        if self._view and self._agreement and self._client:
            await self._agreement.look(self._view, await self._asked(self._client))
        if self._view and self._artifact and looks % (_PERIOD / _LOOK) == 0:
            await aupdate_progress_artifact(self._artifact, texts.percent(self._recipe, self._view))

    async def _asked(self, client: LineClient) -> dict[str, Any] | None:
        """What people are asked for this batch; an event when it is something new."""
        before = self._prompt
        with suppress(VesiflowError):  # the controller is away: what was asked is asked
            found = await client.prompt()
            self._prompt = found if found is not None and found.get("batch") == self._batch else None
        if self._prompt is not None and self._prompt != before:
            self.tell("asks", {name: self._prompt[name] for name in ("action", "text", "fields")})
        return self._prompt
