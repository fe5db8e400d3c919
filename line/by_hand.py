"""One instrument of a line in a person's hand: no controller, but its lock, its limits and its journal all the same.

Only the instrument that is asked for is opened. What acts goes through the gateway as an equipment phase's actions do:
limits first, then the journal, then the bytes, then the evidence. Interlocks watch a running batch and are not here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

from devices.line_file import LineFile, RoleSpec
from devices.open_line import OpenInstrument, OpenLine, Wrap, open_instrument
from line.gateway import Gateway
from line.host import World, make_world
from line.ownership import Owner, owned
from line.restore import last_token, remembered
from records.journal import Journal, Signer
from records.store import Store
from sim import bench
from vesiflow import __version__
from vesiflow.clock import Clock
from vesiflow.errors import ConfigError
from vesiflow.ids import ulid

T = TypeVar("T")
BY_HAND = "by hand"


@dataclass(frozen=True)
class Hand:
    """The object behind a role, with its acting methods journaled (`role`), and as the driver gives it (`plain`).

    `under_way` names the batches of this line that are not over: what is done by hand is no part of them.
    """

    role: Any
    plain: Any
    instrument: OpenInstrument
    clock: Clock
    under_way: tuple[str, ...]


@dataclass(frozen=True)
class Handling:
    """Who takes which role of which line into their hands. `wrap` goes around the transport, `wrap_role` around the
    role's object: both for recording."""

    line: LineFile
    role: str
    who: str
    wrap: Wrap | None = None
    wrap_role: Callable[[OpenInstrument, Any], Any] = lambda instrument, role: role

    @property
    def spec(self) -> RoleSpec:
        """The role; ConfigError that names those of the line."""
        if self.role not in self.line.roles:
            raise ConfigError(f"line {self.line.name} has no role {self.role!r}", bounds=", ".join(self.line.roles))
        return self.line.roles[self.role]


async def by_hand(handling: Handling, store: Store, work: Callable[[Hand], Awaitable[T]]) -> T:
    """What `work` gives with the instrument open; Refused while a controller owns the line."""
    world = make_world(handling.line)
    with (
        noted(handling.line, store, handling.who, world.clock) as (journal, owner),
        bench.using(world.simulated.bench) if world.simulated else nullcontext(),
    ):
        return await world.clock.spawn(_handled(handling, handling.spec, world, journal, owner, work), BY_HAND)


@contextmanager
def noted(line: LineFile, store: Store, who: str, clock: Clock) -> Iterator[tuple[Journal, Owner]]:
    """The journal of `line`, to be written by a person who owns the line; Refused while a controller owns it."""
    with owned(store.line(line.name), line.name) as owner:
        journal = Journal(
            store.journal(line.name), clock, code_version=__version__, boot_id=ulid(clock.utc()),
            actor=f"{who} {BY_HAND}", guard=owner, signer=Signer.of(store.root),
        )  # fmt: skip
        with journal:
            yield journal, owner


async def _handled(
    handling: Handling,
    spec: RoleSpec,
    world: World,
    journal: Journal,
    owner: Owner,
    work: Callable[[Hand], Awaitable[T]],
) -> T:
    line = handling.line
    instrument = await open_instrument(line.instruments[spec.instrument], world.clock, handling.wrap, owner)
    try:
        plain = instrument.driver.role(spec.capability, **spec.options)
        roles = {spec.role: handling.wrap_role(instrument, plain)}
        opened = OpenLine(line, world.clock, {spec.instrument: instrument}, roles)
        gateway = Gateway(opened, journal, "", BY_HAND, last_token(journal))
        under_way = tuple(batch.id for batch in remembered(journal))
        return await work(Hand(gateway.role(spec.role), plain, instrument, world.clock, under_way))
    finally:
        await instrument.close()
