"""Who owns which unit: claims of whole blocks of a recipe, all at once or not at all, in the order batches came.

A batch owns a unit from the first to the last unit procedure on it, so that nobody comes between them. Unit procedures
whose units overlap in time make a block, and a block is claimed as a whole when its first phase begins: whoever owns
something never waits, so nobody waits for ever. See docs/decisions/0008-claims.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from devices.line_file import LineFile
from line.phases import PHASES
from protocols.control import ControlRecipe, Phase
from vesiflow.errors import Refused

Needs = Callable[[Phase], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Block:
    """Phases `start` (index in the recipe) and following; `last`: resource -> index of the last phase that needs it."""

    start: int
    last: Mapping[str, int]

    def needed(self, index: int) -> frozenset[str]:
        """What is needed from phase `index` to the end of the block."""
        return frozenset(name for name, last in self.last.items() if last >= index)


def blocks(recipe: ControlRecipe, needs: Needs) -> tuple[Block, ...]:
    """The blocks of a recipe in order; at their borders a batch owns nothing."""
    phases = list(recipe.phases())
    ends = {phase.unit: index for index, phase in enumerate(phases)}
    found: list[Block] = []
    start, end = 0, -1
    for index, phase in enumerate(phases):
        end = max(end, ends[phase.unit])
        if index == end:
            block = range(start, index + 1)
            found.append(Block(start, {name: i for i in block for name in sorted(needs(phases[i]))}))
            start = index + 1
    return tuple(found)


def needed(recipe: ControlRecipe, key: str, needs: Needs) -> frozenset[str]:
    """What a batch must own to begin phase `key`, to the end of the block."""
    index = next(i for i, phase in enumerate(recipe.phases()) if phase.key == key)
    return next(block for block in reversed(blocks(recipe, needs)) if block.start <= index).needed(index)


def begun(recipe: ControlRecipe, key: str, done: Collection[str | None], needs: Needs) -> bool:
    """Whether a phase of the block of `key` is in `done`."""
    keys = [phase.key for phase in recipe.phases()]
    block = next(block for block in reversed(blocks(recipe, needs)) if block.start <= keys.index(key))
    return any(item in done for item in keys[block.start : keys.index(key) + 1])


def needs_on(line: LineFile) -> Needs:
    """A phase needs its unit, and the instruments that its unit shares with another (a robot: while something of the
    batch stands on its deck)."""
    users: dict[str, set[str]] = {}
    for name, role in line.roles.items():
        users.setdefault(role.instrument, set()).add(name.partition(".")[0])

    def needs(phase: Phase) -> frozenset[str]:
        shared = {
            role.instrument
            for name, role in line.roles.items()
            if name.startswith(f"{phase.unit}.") and len(users[role.instrument] - {"line"}) > 1
            and (PHASES[phase.kind].on_deck or not name.endswith(".liquid_handler"))
        }  # fmt: skip
        return frozenset({phase.unit, *shared})

    return needs


class Claims:
    """The owners, and who waits, in the order in which batches were taken in. A claim never expires."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}
        self._waiting: dict[str, frozenset[str]] = {}
        self._order: dict[str, int] = {}

    def enrol(self, batch: str) -> None:
        """Give a batch its place in the line."""
        self._order.setdefault(batch, len(self._order))

    def owner(self, name: str) -> str | None:
        """The batch that has a unit or instrument."""
        return self._owners.get(name)

    def owned(self, batch: str) -> frozenset[str]:
        """What a batch owns."""
        return frozenset(name for name, owner in self._owners.items() if owner == batch)

    def claim(self, batch: str, wanted: frozenset[str]) -> bool:
        """Own all of `wanted`, or wait for all of it; Refused when batches would wait for each other for ever."""
        self._waiting[batch] = wanted
        if self.granted(batch):
            return True
        circle = self._circle(batch)
        if circle:
            waits = "; ".join(f"{name} waits for {told(self.waits(name))}" for name in circle)
            del self._waiting[batch]
            raise Refused(f"batches would wait for each other: {waits}", remedy="stop one of them")
        return False

    def granted(self, batch: str) -> bool:
        """Whether a batch that waits owns now what it waits for; then it waits no longer."""
        if batch not in self._waiting or self.waits(batch):
            return False
        self._owners.update(dict.fromkeys(self._waiting.pop(batch), batch))
        return True

    def waits(self, batch: str) -> dict[str, str]:
        """What a batch waits for: resource -> its owner, or the batch that is before it in the line."""
        found = {}
        for name in sorted(self._waiting.get(batch, frozenset())):
            owner = self._owners.get(name)
            before = owner if owner not in (None, batch) else self._first(name, batch)
            if before is not None:
                found[name] = before
        return found

    def waiting(self) -> list[str]:
        """Batches that wait, first come first."""
        return sorted(self._waiting, key=self._order.__getitem__)

    def keep(self, batch: str, still: frozenset[str]) -> frozenset[str]:
        """Release what a batch owns beyond `still`; what was released."""
        gone = self.owned(batch) - still
        for name in gone:
            del self._owners[name]
        return gone

    def leave(self, batch: str) -> None:
        """The batch is over: it owns nothing and waits for nothing."""
        self._waiting.pop(batch, None)
        self.keep(batch, frozenset())

    def _first(self, name: str, batch: str) -> str | None:
        """Who came before `batch` and waits for `name`, too."""
        if self._owners.get(name) == batch:
            return None
        older = (other for other in self.waiting() if self._order[other] < self._order[batch])
        return next((other for other in older if name in self._waiting[other]), None)

    def _circle(self, batch: str) -> list[str]:
        """Batches that wait for each other, from `batch` on; empty when it comes to its turn some time."""

        def ways(path: list[str]) -> Iterator[list[str]]:
            for other in sorted(set(self.waits(path[-1]).values())):
                if other == batch:
                    yield path
                elif other not in path:
                    yield from ways([*path, other])

        return next(ways([batch]), [])


def told(waits: Mapping[str, str]) -> str:
    """ "tff (batch A), sec (batch B)"."""
    return ", ".join(f"{name} (batch {other})" for name, other in waits.items())
