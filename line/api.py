"""The line controller's HTTP interface: the same for a service and for a controller in the same process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Literal
from weakref import proxy

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from line.alarm_api import alarm_routes
from line.batch import Batch, PhaseStatus
from line.controller import Controller
from line.deck_api import deck_routes
from line.state import Command
from protocols.control import from_json
from records.database import Fenced
from vesiflow import __version__
from vesiflow.errors import ConfigError, Refused, VesiflowError
from vesiflow.ids import is_safe

MAX_WAIT = 30.0


class NewBatch(BaseModel):
    """A batch to take in: a control recipe under an id chosen by the caller (the idempotency key)."""

    model_config = ConfigDict(extra="forbid")
    id: str = Field(min_length=1, max_length=64)
    recipe: dict[str, Any]
    who: str = Field(min_length=1, max_length=100)


class BatchCommand(BaseModel):
    """A PackML command with who and why."""

    model_config = ConfigDict(extra="forbid")
    command: Command
    who: str = Field(min_length=1, max_length=100)
    reason: str = Field(default="", max_length=500)


class Nothing(BaseModel):
    """The body of a call that takes none: what is in it all the same is refused, not overlooked."""

    model_config = ConfigDict(extra="forbid")


class PromptAnswer(BaseModel):
    """What a person says to the open prompt of a role; with `key`, to that question and no other."""

    model_config = ConfigDict(extra="forbid")
    values: dict[str, str] = {}
    who: str = Field(min_length=1, max_length=100)
    key: str | None = None


class Decision(BaseModel):
    """What a person decides about an action in doubt."""

    model_config = ConfigDict(extra="forbid")
    verdict: Literal["done", "not_done", "discard"]
    who: str = Field(min_length=1, max_length=100)
    reason: str = Field(min_length=1, max_length=500)


class Doubt(BaseModel):
    """An action of which nobody knows whether it happened."""

    id: str
    batch: str
    phase: str
    device: str
    verb: str
    args: list[Any]
    reason: str


class PhaseView(BaseModel):
    """A phase as clients see it; times in process seconds."""

    key: str
    kind: str
    state: str
    started: float | None
    ended: float | None
    reason: str


class BatchView(BaseModel):
    """A batch as clients see it: state, phases, live readings in inside units, progress of the running phase."""

    id: str
    recipe: str
    state: str
    reason: str
    now: float
    running: str | None
    progress: float
    readings: dict[str, float]
    phases: list[PhaseView]
    waits: dict[str, str] = {}
    """What the batch waits for: unit or shared instrument -> the batch that has it or is before in the line."""


def create_app(controller: Controller) -> FastAPI:
    """The API of one controller.

    The routes hold it weakly: FastAPI keeps the functions of every application it has ever seen in caches of its own.
    """
    controller = proxy(controller)
    app = FastAPI(
        title=f"vesiflow line {controller.line.file.name}", version=__version__, docs_url="/docs", redoc_url=None
    )
    _errors(app)
    _line_routes(app, controller)
    _people_routes(app, controller)
    _events_route(app, controller)
    _batch_routes(app, controller)
    _phase_routes(app, controller)
    app.include_router(deck_routes(controller))
    app.include_router(alarm_routes(proxy(controller.alarms), proxy(controller.clock)))
    return app


def _errors(app: FastAPI) -> None:
    @app.exception_handler(VesiflowError)
    async def refuse(request: Request, error: VesiflowError) -> Response:
        status = 422 if isinstance(error, ConfigError) else 409 if isinstance(error, Refused | Fenced) else 500
        return JSONResponse({"error": type(error).__name__, "reason": str(error)}, status_code=status)

    @app.exception_handler(RequestValidationError)
    async def not_understood(request: Request, error: RequestValidationError) -> Response:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors())
        return await refuse(request, ConfigError(wrong, action=request.url.path, remedy="nothing was done; see /docs"))

    @app.exception_handler(HTTPException)
    async def no_such_call(request: Request, error: HTTPException) -> Response:
        what = f"{request.method} {request.url.path}: {error.detail}; nothing was done; see /docs"
        return JSONResponse({"error": "ConfigError", "reason": what}, error.status_code, error.headers)


def _line_routes(app: FastAPI, controller: Controller) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        """That the controller answers."""
        return {"status": "ok"}

    @app.get("/line")
    async def line() -> dict[str, Any]:
        """Which line this is and what is plugged in."""
        return {
            "name": controller.line.file.name,
            "version": __version__,
            "digest": controller.line.file.digest,
            "instruments": {name: item.identity.model for name, item in controller.line.instruments.items()},
            "batches": {batch.id: str(batch.state) for batch in controller.batches.values()},
            "units": {unit: str(controller.orders.state(unit)) for unit in controller.orders.units},
            "safe_state": {unit: dict(roles) for unit, roles in controller.line.file.safe_state.items()},
        }

    @app.post("/units/{unit}/commands")
    async def command(unit: str, order: BatchCommand) -> dict[str, str]:
        """Hold, stop, abort ... one unit: the batch that runs on it, or the unit alone when none has it."""
        state = await controller.orders.to_unit(unit, order.command, order.who, order.reason)
        return {"unit": unit, "state": str(state)}


def _people_routes(app: FastAPI, controller: Controller) -> None:
    @app.get("/doubts")
    async def doubts() -> list[Doubt]:
        """Actions whose outcome is unknown and undecided."""
        return [
            Doubt(id=i.id, batch=i.batch, phase=i.phase, device=i.device, verb=i.verb, args=list(i.args),
                  reason=i.outcome.reason if i.outcome else "")
            for i in controller.journal.in_doubt()
        ]  # fmt: skip

    @app.post("/doubts/{intent}")
    async def decide(intent: str, decision: Decision) -> dict[str, str]:
        """Decide about an action in doubt, once, signed."""
        controller.resolve(intent, decision.verdict, decision.who, decision.reason)
        return {"id": intent, "verdict": decision.verdict}

    @app.get("/prompt")
    async def prompt() -> dict[str, Any] | None:
        """What the operator is asked now, at a bench whose operator answers here."""
        pending = getattr(controller.line.roles["line.operator"], "pending", lambda: None)()
        if pending is None:
            return None
        asked = {"details": dict(pending.details), "fields": dict(pending.fields)}
        batch = pending.key.partition(" ")[0]
        return {"key": pending.key, "action": pending.action, "text": pending.text, "batch": batch, **asked}

    @app.post("/prompt")
    async def answer(said: PromptAnswer) -> dict[str, str]:
        """Answer it."""
        controller.answer(said.values, said.who, said.key)
        return {"by": said.who}


def _events_route(app: FastAPI, controller: Controller) -> None:
    @app.get("/events")
    async def events(after: int = 0, follow: bool = True) -> StreamingResponse:
        """Journal entries after seq `after` as server-sent events; with `follow` for ever, as they are written."""
        return StreamingResponse(_stream(controller, after, follow), media_type="text/event-stream")


async def _stream(controller: Controller, after: int, follow: bool) -> AsyncIterator[str]:
    while True:
        for entry in controller.journal.events(None, None, after):
            after = entry.seq
            data = json.dumps({**entry.data, "batch": entry.batch, "utc": entry.utc.isoformat()}, default=str)
            yield f"id: {entry.seq}\nevent: {entry.kind}\ndata: {data}\n\n"
        if not follow:
            return
        try:
            async with asyncio.timeout(1.0):
                await asyncio.Event().wait()
        except TimeoutError:
            continue


def _batch_routes(app: FastAPI, controller: Controller) -> None:
    @app.post("/batches")
    async def create(new: NewBatch) -> BatchView:
        """Take a batch in; repeating the call changes nothing."""
        if not is_safe(new.id):
            raise ConfigError(
                "a batch id has letters, digits, dots, dashes, underscores", value=new.id, remedy="choose another one"
            )
        try:
            recipe = from_json(new.recipe)
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"not a control recipe: {error}", remedy="resolve the recipe for this line") from error
        return _batch_view(controller.create(new.id, recipe, new.who), controller)

    @app.get("/batches/{batch}")
    async def show(batch: str) -> BatchView:
        """Where a batch stands."""
        return _batch_view(controller.batch(batch), controller)

    @app.post("/batches/{batch}/commands")
    async def command(batch: str, order: BatchCommand) -> BatchView:
        """Hold, unhold, stop, abort ..."""
        return _batch_view(await controller.command(batch, order.command, order.who, order.reason), controller)

    @app.post("/batches/{batch}/finish")
    async def finish(batch: str, nothing: Nothing | None = None) -> BatchView:
        """Close a batch whose phases are complete."""
        return _batch_view(controller.finish(batch), controller)


def _phase_routes(app: FastAPI, controller: Controller) -> None:
    @app.put("/batches/{batch}/phases/{key:path}")
    async def start(batch: str, key: str, digest: str = "", nothing: Nothing | None = None) -> PhaseView:
        """Start a phase by its key; a phase that runs or is complete is returned as it is.

        `digest` is that of all its parameters: one of another recipe is refused.
        """
        if digest:
            controller.batch(batch).refuse_other(key, digest)
        return _phase_view(controller.start_phase(batch, key))

    @app.get("/batches/{batch}/phases/{key:path}")
    async def wait(batch: str, key: str, wait: float = 0.0) -> PhaseView:
        """Where a phase stands; holds the answer up to `wait` s until it has ended."""
        status = controller.batch(batch).phases.get(key)
        if status is None:
            raise ConfigError(f"batch {batch} has no phase {key!r}")
        await _patiently(status.finished.wait, status, wait)
        return _phase_view(status)


async def _patiently(finished: Callable[[], Awaitable[Any]], status: PhaseStatus, seconds: float) -> None:
    if status.state in ("waiting", "running") and seconds > 0:
        try:
            async with asyncio.timeout(min(seconds, MAX_WAIT)):
                await finished()
        except TimeoutError:
            return


def _phase_view(status: PhaseStatus) -> PhaseView:
    return PhaseView(
        key=status.key,
        kind=status.kind,
        state=status.state,
        started=status.started,
        ended=status.ended,
        reason=status.reason,
    )


def _batch_view(batch: Batch, controller: Controller) -> BatchView:
    run = batch.run
    return BatchView(
        id=batch.id,
        recipe=batch.recipe.recipe,
        state=str(batch.state),
        reason=batch.reason,
        now=controller.clock.now(),
        running=run.phase.key if run else None,
        progress=run.progress if run else 0.0,
        readings=dict(run.latest) if run else {},
        phases=[_phase_view(status) for status in batch.phases.values()],
        waits=controller.arbiter.claims.waits(batch.id),
    )
