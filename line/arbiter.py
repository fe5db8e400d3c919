"""Which batch may use which units: claims of blocks, written into the journal, fenced by tokens that only grow."""

from __future__ import annotations

from typing import Any

from devices.line_file import LineFile
from devices.open_line import OpenLine
from line.batch import Batch
from line.claims import Claims, begun, needed, needs_on
from protocols.control import ControlRecipe, to_json
from records.journal import Journal, StoreError
from vesiflow import __version__
from vesiflow.clock import Clock


class Arbiter:
    """Grants units to batches. `granted` (unit -> token) is what the gateways check."""

    def __init__(self, line: LineFile, journal: Journal) -> None:
        self.claims = Claims()
        self.granted: dict[str, int] = {}
        self.token = 0
        self._journal = journal
        self._needs = needs_on(line)

    def may_begin(self, batch: Batch, key: str) -> bool:
        """Whether the batch owns what phase `key` and the rest of its block need, or gets it now; else it waits."""
        wanted = needed(batch.recipe, key, self._needs)
        if wanted <= self.claims.owned(batch.id):
            return True
        first = batch.id not in self.claims.waiting()
        if self.claims.claim(batch.id, wanted):
            try:
                self._write_down(batch)
            except StoreError:
                self.claims.leave(batch.id)
                raise
            return True
        if first:
            self._journal.event("phase.waiting", batch.id, key=key, waits=self.claims.waits(batch.id))
        return False

    def release(self, batch: Batch) -> bool:
        """Take back the units that the batch needs no more in this block; whether there were any."""
        return bool(self.claims.keep(batch.id, self._still(batch, None)))

    def again(self, batch: Batch, interrupted: str | None) -> None:
        """What the batch owned when its controller died: the rest of a block that it had begun."""
        still = self._still(batch, interrupted)
        if still and self.claims.claim(batch.id, still):
            self._write_down(batch)

    def _still(self, batch: Batch, interrupted: str | None) -> frozenset[str]:
        """What the batch needs of a block that it has begun."""
        key = batch.next_key
        done = {name for name, status in batch.phases.items() if status.state == "complete"} | {interrupted}
        if key is None or not begun(batch.recipe, key, done, self._needs):
            return frozenset()
        return needed(batch.recipe, key, self._needs)

    def _write_down(self, batch: Batch) -> None:
        """Under a token higher than any before."""
        self.token += 1
        batch.token = self.token
        units = sorted(self.claims.owned(batch.id))
        self._journal.event("batch.claimed", batch.id, token=self.token, units=units)
        self.granted.update(dict.fromkeys(units, self.token))


def created(recipe: ControlRecipe, line: OpenLine, clock: Clock) -> dict[str, Any]:
    """What the journal says of a new batch: recipe, line, software and which instruments were there."""
    return {
        "recipe": to_json(recipe),
        "recipe_digest": recipe.digest,
        "line": line.file.name,
        "line_digest": line.file.digest,
        "software": __version__,
        "simulated": not clock.real or any(item.spec.simulated for item in line.instruments.values()),
        "instruments": {
            name: {
                "driver": item.spec.driver_name,
                "model": item.identity.model,
                "serial": item.identity.serial_number,
            }
            for name, item in sorted(line.instruments.items())
        },
    }
