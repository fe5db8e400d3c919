"""The entries of one batch in order, and small readings of their data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from records.journal_reader import Entry


@dataclass(frozen=True, slots=True)
class Timeline:
    """`created` is the entry that began the batch; `entries` are all of the batch."""

    created: Entry
    entries: tuple[Entry, ...]

    @property
    def recipe(self) -> Mapping[str, Any]:
        """The control recipe as it was journaled."""
        recipe = self.created.data.get("recipe")
        return recipe if isinstance(recipe, dict) else {}

    def of(self, *kinds: str) -> Iterator[Entry]:
        """Entries of these kinds."""
        return (entry for entry in self.entries if entry.kind in kinds)

    def at(self, utc: datetime) -> float:
        """Seconds since the batch was created."""
        return round((utc - self.created.utc).total_seconds(), 6)

    def facts(self, before: int) -> Mapping[str, float]:
        """What the batch remembered at entry `before`: the facts of the last phase that had ended."""
        known: Mapping[str, Any] = {}
        for entry in self.of("phase.ended"):
            if entry.seq >= before:
                break
            known = entry.data.get("facts") or known
        return {name: number(value) for name, value in known.items()}


def number(value: Any) -> float:
    """A number of an entry, which may be written as a decimal string; NaN when it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def texts(data: Mapping[str, Any]) -> dict[str, str]:
    """All values as text."""
    return {str(name): str(value) for name, value in data.items()}


def brief(entry: Entry) -> str:
    """An entry in one line."""
    data = entry.data
    match entry.kind:
        case "batch.created":
            return f"by {data.get('who', '')}; recipe digest {str(data.get('recipe_digest', ''))[:12]}"
        case "batch.state":
            return f"{data.get('old')} to {data.get('new')}: {data.get('why', '')} ({data.get('who', '')})"
        case "phase.started":
            return f"{data.get('key')} ({data.get('phase', data.get('kind', ''))})"
        case "phase.ended":
            reason = f": {data['reason']}" if data.get("reason") else ""
            return f"{data.get('key')} {data.get('outcome')}{reason}"
        case "sample":
            return f"{data.get('point')}: {data.get('assay')} {data.get('value')} {data.get('unit', '')}".strip()
        case "prompt.asked":
            return f"{data.get('action')}: {data.get('text', '')}"
        case "prompt.answered":
            given = ", ".join(f"{name} {value}" for name, value in (data.get("values") or {}).items())
            return f"{data.get('action')}: {given or 'done'} ({data.get('by', data.get('who', ''))})"
        case "transfer":
            what = f"{float(data.get('volume', 0.0)) * 1e9:.4g} uL {data.get('liquid')}"
            return f"{data.get('source')} to {data.get('target')}: {what}, {data.get('state')}"
        case "deviation":
            return f"{data.get('what')}: {data.get('value')} against {data.get('limit')} {data.get('unit', '')}".strip()
    return ", ".join(f"{name} {value}" for name, value in data.items())
