"""Where a batch stands by its journal, and whether it may go on: read only, nothing is asked of the line."""

from __future__ import annotations

from dataclasses import dataclass

from line.state import OVER, State
from protocols.control import ControlRecipe, from_json
from records.journal import Intent, JournalReader
from records.store import BatchFolder, Store
from vesiflow.errors import ConfigError, Refused

LAST_ACTIONS = 8


@dataclass(frozen=True)
class Stand:
    """A batch as its journal tells it: recipe, line file, state and why, and its last physical actions."""

    folder: BatchFolder
    recipe: ControlRecipe
    line_digest: str
    state: State
    reason: str
    actions: tuple[Intent, ...]

    @property
    def batch(self) -> str:
        """Id of the batch."""
        return self.folder.batch

    def refuse_over(self) -> None:
        """Refused when nothing of the batch is left to do."""
        if self.state in OVER:
            raise Refused(f"is {self.state}: {self.reason}", device=f"batch {self.batch}", remedy="start a new batch")

    def refuse_other_line(self, line: str, digest: str) -> None:
        """ConfigError unless `line` is the batch's and its file is the one that the batch began with."""
        if line != self.folder.line:
            raise ConfigError("runs on another line", device=f"batch {self.batch}", value=line, bounds=self.folder.line)
        if digest != self.line_digest:
            raise ConfigError(
                "the line file has changed since the batch began",
                device=f"batch {self.batch}",
                value=f"{digest[:12]}",
                bounds=f"{self.line_digest[:12]}",
                remedy="bring the old file back, or stop the batch",
            )

    def refuse_other_recipe(self, recipe: ControlRecipe) -> None:
        """ConfigError unless the batch runs exactly `recipe`."""
        if recipe.digest != self.recipe.digest:
            raise ConfigError(
                "runs another recipe",
                device=f"batch {self.batch}",
                value=f"{recipe.recipe} {recipe.version}, {recipe.digest[:12]}",
                bounds=f"{self.recipe.recipe} {self.recipe.version}, {self.recipe.digest[:12]}",
                remedy="a recipe is frozen when its batch begins; start a new batch for another one",
            )


def stand(store: Store, batch: str) -> Stand:
    """Where `batch` stands; ConfigError when the data folder has none of that id."""
    folder = store.find(batch)
    with JournalReader(folder.journal) as reader:
        created = reader.events(batch, ["batch.created"])[0].data
        states = reader.events(batch, ["batch.state"])
        actions = reader.intents(batch)[-LAST_ACTIONS:]
    state, reason = (State(states[-1].data["new"]), states[-1].data["why"]) if states else (State.IDLE, "")
    return Stand(folder, from_json(created["recipe"]), created["line_digest"], state, reason, tuple(actions))
