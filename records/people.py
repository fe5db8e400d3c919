"""What people were asked, and what they answered."""

from __future__ import annotations

from records.journal_reader import Entry
from records.model import Question
from records.timeline import Timeline, texts


def questions(line: Timeline) -> tuple[Question, ...]:
    """Every question in order, with its answer as far as there is one."""
    found: list[Question] = []
    waiting: dict[tuple[str, str], Entry] = {}
    for entry in line.of("prompt.asked", "prompt.answered"):
        name = (str(entry.data.get("key", "")), str(entry.data.get("action", "")))
        if entry.kind == "prompt.asked":
            waiting[name] = entry
        elif name in waiting:
            found.append(_question(line, waiting.pop(name), entry))
    found += [_question(line, entry, None) for entry in waiting.values()]
    return tuple(sorted(found, key=lambda item: item.at))


def answers(line: Timeline) -> dict[str, str]:
    """Who answered the sample prompt of each phase."""
    return {
        str(entry.data.get("key", "")): _by(entry)
        for entry in line.of("prompt.answered")
        if entry.data.get("action") == "sample"
    }


def _question(line: Timeline, asked: Entry, answered: Entry | None) -> Question:
    return Question(
        utc=asked.utc,
        at=line.at(asked.utc),
        phase=str(asked.data.get("key", "")),
        action=str(asked.data.get("action", "")),
        text=str(asked.data.get("text", "")),
        values=texts(answered.data.get("values") or {}) if answered else {},
        by=_by(answered) if answered else "",
        seconds=(answered.utc - asked.utc).total_seconds() if answered else None,
    )


def _by(entry: Entry) -> str:
    return str(entry.data.get("by") or entry.data.get("who") or "")
