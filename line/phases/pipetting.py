"""Pipetting a plan: what people put down is booked, every order is checked against the books, then journaled and made.

One order is as much as the handler covers at once. Transfers that have happened, or about which a person has decided,
are never repeated: the journal says how far the phase has come.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict
from fnmatch import fnmatchcase

from devices.readings import Transfer
from devices.roles import Documented, HoldsTips, Interruptible, LiquidHandler, Recoverable
from line import deck_ledger as ledger
from line.requests import Stopped
from line.run import PhaseRun
from records import deck_snapshot, robot_runs
from records.journal import Fenced, StoreError
from vesiflow.errors import Refused, VesiflowError

LOOK = 2.0  # s between two looks at requests while a robot works by itself


async def pipette(run: PhaseRun, handler: LiquidHandler, plan: Sequence[Transfer]) -> None:
    """Carry out `plan`; refused as a whole before the first move when the books say that it cannot work."""
    layout = await handler.read_layout()
    left = ledger.remaining(plan, run.journal.intents(run.batch, ledger.VERB), run.phase.key)
    _write_down(run)  # what a controller that died had no time for
    await _copy_runs(run, handler)
    begun = books(run)
    ledger.refuse(left, begun, layout)
    _refuse_unmeasured(run, ledger.unmeasured(left, begun, layout))
    await handler.know(begun.state())
    await handler.rehearse(left)
    size = layout.group or max(len(plan), 1)
    put_down = handler.drop_tips if left and isinstance(handler, HoldsTips) else None
    while left:
        await run.attend(put_down)
        order, left = left[:size], left[size:]
        now = books(run)
        ledger.refuse(order, now, layout)
        await handler.know(now.state())
        await _document(run, handler, order)
        try:
            await _carried_out(run, handler, order, by_itself=layout.group == 0)
        except (Stopped, VesiflowError):
            await _copy_runs(run, handler)
            raise
        finally:
            _write_down(run)
        await _copy_runs(run, handler)
        run.progress = 1.0 - len(left) / len(plan)
    if put_down is not None:
        await put_down()
    after = deck_snapshot.entry(_role(run), layout, books(run).state())
    run.journal.event(deck_snapshot.KIND, run.batch, key=run.phase.key, **after)


def _write_down(run: PhaseRun) -> None:
    """Every transfer of this phase has an entry of its own, once its order has an outcome."""
    told = {entry.data["intent"] for entry in run.journal.events(run.batch, (ledger.TRANSFER,))}
    for intent in run.journal.intents(run.batch, ledger.VERB):
        if intent.phase == run.phase.key and intent.outcome is not None and intent.id not in told:
            try:
                run.journal.entries(ledger.TRANSFER, ledger.rows(intent), run.batch)
            except Fenced:
                raise
            except StoreError:  # it is all in the action, and is written down when the phase goes on
                return


def _refuse_unmeasured(run: PhaseRun, models: Sequence[str]) -> None:
    """A real robot drives into labware only by numbers that somebody has measured."""
    if models and not run.gateway.simulated(_role(run)):
        raise Refused(
            "nobody has measured this labware", device=_role(run), action="transfer", value=", ".join(models),
            remedy="measure it on the robot, then `vesiflow deck measured MODEL --reason ...`",
        )  # fmt: skip


async def _document(run: PhaseRun, handler: LiquidHandler, order: Sequence[Transfer]) -> None:
    """What will be sent is on record before it is sent."""
    if isinstance(handler, Documented):
        sent = await handler.read_document(order)
        run.journal.event(robot_runs.DOCUMENT, run.batch, key=run.phase.key, role=_role(run), **asdict(sent))


async def _copy_runs(run: PhaseRun, handler: LiquidHandler) -> None:
    """The robot's own record of every run of this phase that is not copied yet; later, when it cannot be reached."""
    if not isinstance(handler, Documented):
        return
    told = {entry.data["record"]["run"] for entry in run.journal.events(run.batch, (robot_runs.RUN,))}
    for intent in run.journal.intents(run.batch, ledger.VERB):
        name = ledger.run_of(intent) if intent.phase == run.phase.key else ""
        if name and name not in told:
            try:
                record = await handler.read_record(name)
            except VesiflowError:
                return
            run.journal.event(robot_runs.RUN, run.batch, key=run.phase.key, role=_role(run), record=record)


async def _carried_out(run: PhaseRun, handler: LiquidHandler, order: list[Transfer], *, by_itself: bool) -> None:
    """One order; requests to hold and stop reach a handler that can be interrupted while it works.

    `by_itself`: a person with a worklist takes as long as it takes.
    """
    if not isinstance(handler, Interruptible):
        with run.pulse.resting() if by_itself else nullcontext():
            await handler.transfer(order)
        return
    task = run.clock.spawn(_transferred(handler, order), "transfers")
    told = ""
    try:
        while not task.done():
            run.pulse.beat()
            told = await _told(run, handler, told)
            if run.requests.hold is not None and run.requests.stop is None:
                await handler.pause()
            await run.attend(handler.resume)
            await run.clock.sleep(LOOK)
    except Stopped:
        await handler.stop()
        with suppress(VesiflowError):
            await run.clock.join(task)
        raise
    finally:
        if not task.done():
            task.cancel()
    await run.clock.join(task)


async def _told(run: PhaseRun, handler: LiquidHandler, before: str) -> str:
    """What a person should look at; news of it is an alarm, and holds the unit where the robot waits for a decision."""
    if not isinstance(handler, Recoverable):
        return ""
    found = await handler.read_attention()
    if found.what and found.what != before:
        run.alarm("lh.attention", found.what)
        if found.stands:
            run.requests.hold = run.requests.hold or found.what
    return found.what


async def _transferred(handler: LiquidHandler, order: list[Transfer]) -> None:
    await handler.transfer(order)


def books(run: PhaseRun) -> ledger.Books:
    """What the journal says is on the deck of this phase's liquid handler."""
    roles = run.gateway.sharing(_role(run))
    return ledger.fold(run.journal.events(None, ledger.KINDS), run.journal.intents(None, ledger.VERB), roles)


async def place_bottle(run: PhaseRun, bottle: str, position: str, *, empty: bool = False) -> None:
    """A bottle, scanned, at a position; weighed first when the batch does not know its volume. Once a phase."""
    if books(run).placed_by(position, _phase(run)):
        return
    volume = 0.0 if empty else run.facts.get(f"bottle.{bottle}.volume")
    if volume is None:
        volume = await run.ask_volume("weigh bottle", f"Weigh what is in bottle {bottle}", {"bottle": bottle})
    text = f"Place bottle {bottle} on the deck as {position}"
    await run.ask_barcode("place on deck", text, {"bottle": bottle, "position": position}, bottle)
    _book(run, position, bottle, volume, bottle)


async def place_stock(
    run: PhaseRun, text: str, liquid: str, concentration: float, volume: float, position: str
) -> None:
    """A bottle of stock or buffer, prepared with at least `volume` m^3; once a phase."""
    if books(run).placed_by(position, _phase(run)):
        return
    details = {"cargo": liquid, "concentration": concentration, "volume": volume, "position": position}
    values = await run.ask("prepare cargo", text, details, {"lot": "text"})
    _book(run, position, f"{liquid} {values['lot']}", volume, liquid)


async def place_labware(run: PhaseRun, handler: LiquidHandler, action: str, text: str, position: str) -> None:
    """Fresh labware, scanned, and full tip racks; Refused when another barcode belongs here or this one was used.

    Once a phase.
    """
    now = books(run)
    if now.placed_by(position, _phase(run)):
        return
    label = f"{position}-{run.batch}-{run.phase.key.split('/')[0]}"
    values = await run.ask(action, text, {position: label}, {"barcode": "text"})
    barcode = values["barcode"]
    form = (await handler.read_layout()).labware[position].barcode
    if form and not fnmatchcase(barcode, form):
        run.not_so()
        run.alarm("lh.labware", f"{action}: found {barcode}, {position} takes {form}")
        raise Refused("wrong labware", device="operator", action=action, value=barcode, bounds=form,
                      remedy=f"find what belongs to {position}")  # fmt: skip
    if elsewhere := [name for name, (item, _) in now.at.items() if item == barcode and name != position]:
        run.not_so()
        raise Refused(f"{barcode} stands at {elsewhere[0]}", device="operator", action=action, value=barcode,
                      remedy="scan what you put down")  # fmt: skip
    if any(content.volume != 0.0 for content in now.items.get(barcode, {}).values()):
        raise Refused(
            f"{position} {barcode} was used before", device="operator", action=action, remedy="take a fresh one"
        )
    run.journal.event(ledger.TIPS, run.batch, key=run.phase.key, role=_role(run), rack=None)
    _book(run, position, barcode, None, "")


def _book(run: PhaseRun, position: str, item: str, volume: float | None, liquid: str) -> None:
    run.journal.event(
        ledger.PLACED,
        run.batch,
        key=run.phase.key,
        role=_role(run),
        position=position,
        item=item,
        volume=volume,
        liquid=liquid,
    )


def _role(run: PhaseRun) -> str:
    return f"{run.phase.unit}.liquid_handler"


def _phase(run: PhaseRun) -> str:
    return f"{run.batch}/{run.phase.key}"
