"""The only way from a phase to an instrument: limits, then the journal, then the act, then the evidence.

A physical action is written (intent, durable) before its bytes go out and closed with DONE, NOT_DONE or UNKNOWN.
Nothing is ever repeated here; UNKNOWN becomes InDoubt and holds the unit. Without a durable intent nothing goes out but
what de-energises (commands declared safe); and nothing at all once another controller writes the journal.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any

from devices.commands import Command, Kind, Verdict, declared
from devices.open_line import OpenInstrument, OpenLine
from records.journal import Fenced, Intent, Journal, StoreError
from vesiflow.clock import Clock
from vesiflow.errors import BadReply, ConfigError, InDoubt, LimitExceeded, NotSent, Refused, VesiflowError
from vesiflow.quantities import show

_UNITS = {
    "flow": ("m^3/s", "mL/min"),
    "pressure": ("Pa", "psi"),
    "temperature": ("degC", "degC"),
    "voltage": ("V", "V"),
    "volume": ("m^3", "uL"),
}
_NEEDS_BEFORE = {Kind.COUNTED, Kind.POSITIONAL, Kind.MASS}
_NOTHING_SENT = (NotSent, ConfigError, LimitExceeded, Refused)


class Gateway:
    """The roles of one line as journaled objects for one batch and phase.

    `token` is what the batch was granted; `granted` (unit -> highest token, kept by the controller) fences off a batch
    whose unit has been given to another one since.
    """

    def __init__(
        self,
        line: OpenLine,
        journal: Journal,
        batch: str,
        phase: str,
        token: int,
        granted: Mapping[str, int] | None = None,
    ) -> None:
        self._line = line
        self._journal = journal
        self._batch = batch
        self._phase = phase
        self._token = token
        self._granted = {} if granted is None else granted

    def role(self, name: str) -> Any:
        """The object behind role `name`, its acting methods journaled; ConfigError when the line has none."""
        if name not in self._line.roles:
            raise ConfigError(f"line {self._line.file.name} has no role {name}", remedy="add it to the line file")
        return _Journaled(self, name, self._line.roles[name])

    @property
    def clock(self) -> Clock:
        """The clock of the line."""
        return self._line.clock

    def sharing(self, role: str) -> frozenset[str]:
        """All roles that the instrument behind `role` gives."""
        roles = self._line.file.roles
        return frozenset(name for name, spec in roles.items() if spec.instrument == roles[role].instrument)

    def simulated(self, role: str) -> bool:
        """Whether nothing real is behind `role`."""
        return self._instrument(role).spec.simulated or not self._line.clock.real

    async def act(self, role: str, method: Callable[..., Awaitable[Any]], how: Command, *args: Any) -> Any:
        """Do one method of a role as a journaled physical action."""
        self._within_limits(role, method.__name__, method, args)
        return await self.perform(role, method.__name__, how, lambda: method(*args), *args)

    async def renew(self, role: str, method: Callable[[], Awaitable[None]]) -> None:
        """Keep on what this batch has begun; nothing is written, for nothing begins."""
        self._still_granted(role, method.__name__)
        await method()

    async def perform(self, role: str, verb: str, how: Command, work: Callable[[], Awaitable[Any]], *args: Any) -> Any:
        """Do `work` with an intent before and an outcome after; `how` names the evidence method of the role."""
        self._still_granted(role, verb)
        evidence = getattr(self._line.roles[role], how.evidence) if how.evidence else None
        before = await evidence() if evidence and how.kind in _NEEDS_BEFORE else None
        try:
            intent = self._journal.intent(*self._row(role, verb, how, args, before), safe=how.safe)
        except Fenced:
            raise
        except StoreError:
            if not how.safe:
                raise
            return await self._unwritten(work, self._row(role, verb, how, args, before))
        sent = self._sent(role)
        try:
            self._still_granted(role, verb)
            result = await work()
        except _NOTHING_SENT as error:
            if isinstance(error, NotSent | LimitExceeded) and self._sent(role) != sent:
                # An earlier step of the same method did leave: a port lost half way, a value that was clamped.
                await self._settle(intent, role, verb, how, args, before, evidence, error)
                return None
            self._close(intent, Verdict.NOT_DONE, "reply", None, None, str(error))
            raise
        except BaseException as error:
            await self._settle(intent, role, verb, how, args, before, evidence, error)
            return None
        self._close(intent, Verdict.DONE, "reply", None, result, "read back")
        return result

    async def _unwritten(self, work: Callable[[], Awaitable[Any]], row: tuple[Any, ...]) -> Any:
        """A de-energising act while the journal takes nothing: it goes out all the same and is written later."""
        try:
            result = await work()
        except BaseException as error:
            verdict = Verdict.NOT_DONE if isinstance(error, _NOTHING_SENT) else Verdict.UNKNOWN
            self._journal.owe(verdict, str(error) or type(error).__name__, None, *row)
            raise
        self._journal.owe(Verdict.DONE, "read back", result, *row)
        return result

    def _close(self, *outcome: Any) -> None:
        """Write an outcome; owed when the file does not take it, and then nothing goes on as if all were well."""
        try:
            self._journal.outcome(*outcome)
        except Fenced:
            raise
        except StoreError:
            self._journal.owe_outcome(*outcome)
            raise

    def done(self, verb: str) -> int:
        """How many actions `verb` of this phase are behind it: happened, or decided about by a person (discarded
        ones too: what is given up is not done once more)."""
        return sum(
            1
            for intent in self._journal.intents(self._batch)
            if intent.phase == self._phase and intent.verb == verb and _happened(intent)
        )

    async def _settle(
        self,
        intent: str,
        role: str,
        verb: str,
        how: Command,
        args: tuple[Any, ...],
        before: Any,
        evidence: Callable[[], Awaitable[Any]] | None,
        error: BaseException,
    ) -> None:
        """After a lost or strange reply: decide by evidence, never by repetition."""
        verdict, after = Verdict.UNKNOWN, None
        if evidence is not None and how.judge is not None and isinstance(error, VesiflowError):
            try:
                after = await evidence()
                verdict = how.judge(before, after, args)
            except VesiflowError:
                verdict = Verdict.UNKNOWN
        reason = str(error) or type(error).__name__
        self._close(intent, verdict, "evidence", None, after, reason)
        if verdict is Verdict.DONE:
            return
        if verdict is Verdict.UNKNOWN and isinstance(error, VesiflowError):
            raise InDoubt(
                f"unknown whether it happened: {reason}",
                device=role,
                action=verb,
                remedy="look at the instrument, then decide",
            ) from error
        raise error

    def _still_granted(self, role: str, verb: str) -> None:
        granted = self._granted.get(role.partition(".")[0], self._token)
        if granted > self._token:
            raise Refused(
                "its unit belongs to another batch by now", device=role, action=verb, value=f"token {self._token}",
                bounds=f"{granted} was granted since", remedy="nothing was sent; see `vesiflow line status`",
            )  # fmt: skip

    def _within_limits(self, role: str, verb: str, method: Callable[..., Any], args: tuple[Any, ...]) -> None:
        limits = self._line.file.roles[role].limits
        if not limits:
            return
        names = [name for name in inspect.signature(method).parameters if name != "self"]
        for name, value in _numbers(zip(names, args, strict=False)):
            if name in limits and not limits[name][0] <= value <= limits[name][1]:
                unit, display = _UNITS.get(name, ("", ""))
                low, high = (show(bound, unit, display) for bound in limits[name])
                raise LimitExceeded(
                    f"{name} outside the limits of the line",
                    device=role,
                    action=verb,
                    value=show(value, unit, display),
                    bounds=f"{low} to {high}",
                    remedy="mend the recipe or the line file",
                )

    def _row(self, role: str, verb: str, how: Command, args: tuple[Any, ...], before: Any) -> tuple[Any, ...]:
        """An intent's arguments for the journal."""
        instrument = self._instrument(role)
        return (
            self._batch,
            self._phase,
            role,
            verb,
            list(args),
            str(how.kind),
            how.evidence or "reply",
            before,
            instrument.identity.serial_number,
            "sim" if self.simulated(role) else "real",
            self._token,
        )

    def _sent(self, role: str) -> int:
        """Writes of commands to the instrument so far; 0 where it has no link that counts them."""
        link = getattr(self._instrument(role), "link", None)
        return int(getattr(getattr(link, "counters", None), "sent", 0))

    def _instrument(self, role: str) -> OpenInstrument:
        return self._line.instruments[self._line.file.roles[role].instrument]


def _happened(intent: Intent) -> bool:
    if intent.resolution is not None:
        return intent.resolution.verdict != "not_done"
    return intent.outcome is not None and intent.outcome.state == Verdict.DONE


def _numbers(named: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Arguments by name; of a record (a pulse program) its fields, of several records those of each."""
    for name, value in named:
        if is_dataclass(value):
            yield from ((field.name, getattr(value, field.name)) for field in fields(value))
        elif isinstance(value, list | tuple):
            yield from _numbers((name, item) for item in value)
        else:
            yield name, value


async def _read(method: Callable[..., Awaitable[Any]], *args: Any, **named: Any) -> Any:
    """Noise on a line spoils an answer, not the instrument: what only reads may be asked again."""
    try:
        return await method(*args, **named)
    except BadReply:
        return await method(*args, **named)


class _Journaled:
    """A role whose acting methods go through the gateway; reads pass to the driver, a garbled one is asked again."""

    def __init__(self, gateway: Gateway, role: str, target: Any) -> None:
        self._gateway = gateway
        self._role = role
        self._target = target

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)
        how = declared(method)
        if how is None:
            raise TypeError(f"{self._role}.{name} declares no command class")
        bound: Callable[..., Awaitable[Any]]
        if how.kind is Kind.READ:
            bound = partial(_read, method)
        elif how.kind is Kind.RENEWAL:
            bound = partial(self._gateway.renew, self._role, method)
        else:
            bound = partial(self._gateway.act, self._role, method, how)
        setattr(self, name, bound)
        return bound
