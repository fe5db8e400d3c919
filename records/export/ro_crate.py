"""A batch as an RO-Crate: a folder that anyone can read without vesiflow, every file named with its SHA-256.

Follows RO-Crate 1.1 with the Process Run Crate profile 0.5: each phase is a CreateAction. The journal goes along as
JSON lines whose hashes anyone can compute again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from records.batch_record import written
from records.export.telemetry_csv import write_csv
from records.journal_reader import JournalReader
from records.model import BatchRecord, PhaseRecord
from records.report import html, write_text
from records.store import BatchFolder
from records.telemetry import TelemetryReader
from vesiflow.errors import ConfigError

_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_CONTEXT = ["https://w3id.org/ro/crate/1.1/context", {"sha256": "https://schema.org/sha256"}]
_FILES = {
    "report.html": ("Batch record for people", "text/html"),
    "record.json": ("Batch record as data", "application/json"),
    "journal.jsonl": ("Journal entries of the batch, each with the SHA-256 of its body", "application/jsonl"),
    "telemetry.csv": ("Samples of all tags", "text/csv"),
    "recipe.yaml": ("Recipe as it was written", "application/yaml"),
}


def write_crate(
    folder: BatchFolder, record: BatchRecord, telemetry: TelemetryReader | None, target: Path
) -> list[Path]:
    """Write the crate into `target`, which must be new or empty (else ConfigError); the files written."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigError("the folder is not empty", device=str(target), remedy="name a new folder")
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(error.strerror or str(error), device=str(target), remedy="name another folder") from error
    source = _write_journal(folder, target / "journal.jsonl")
    write_text(target / "record.json", written(record) + "\n")
    write_text(target / "report.html", html(record, telemetry))
    if source:
        write_text(target / "recipe.yaml", source)
    if telemetry is not None:
        write_csv(telemetry, target / "telemetry.csv")
    files = [target / name for name in _FILES if (target / name).is_file()]
    metadata = {"@context": _CONTEXT, "@graph": _graph(record, files)}
    write_text(target / "ro-crate-metadata.json", json.dumps(metadata, indent=2, ensure_ascii=False) + "\n")
    return [target / "ro-crate-metadata.json", *files]


def _write_journal(folder: BatchFolder, path: Path) -> str:
    """The entries of the batch, one JSON object a line; returns the recipe text found in them."""
    source, lines = "", []
    with JournalReader(folder.journal) as reader:
        for seq, body, digest in reader.bodies(folder.batch):
            lines.append(json.dumps({"seq": seq, "hash": digest, "body": body}, ensure_ascii=False))
        for entry in reader.events(folder.batch, ("batch.created",)):
            recipe = entry.data.get("recipe")
            source = str(recipe.get("source", "")) if isinstance(recipe, dict) else ""
    write_text(path, "".join(f"{line}\n" for line in lines))
    return source


def _graph(record: BatchRecord, files: list[Path]) -> list[dict[str, Any]]:
    header = record.header
    phases = [phase for unit in record.units for phase in unit.phases if phase.started and phase.ended]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "conformsTo": {"@id": _PROFILE},
        "name": f"Batch {header.batch}",
        "description": f"{header.recipe} {header.version} on line {header.line}, state {header.state}"
        + (" (SIMULATED: no product exists)" if header.simulated else ""),
        "datePublished": (header.ended or header.created).date().isoformat(),
        "license": "None given: the data belong to those who ran the batch.",
        "hasPart": [{"@id": path.name} for path in files],
        "mentions": [{"@id": f"#{phase.key}"} for phase in phases],
    }
    return [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
            "about": {"@id": "./"},
        },
        root,
        {"@id": _PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"},
        {
            "@id": "#vesiflow",
            "@type": "SoftwareApplication",
            "name": "vesiflow",
            "softwareVersion": header.software,
        },
        *(_file(path) for path in files),
        *(_action(phase) for phase in phases),
    ]


def _file(path: Path) -> dict[str, Any]:
    name, media = _FILES[path.name]
    content = path.read_bytes()
    return {
        "@id": path.name,
        "@type": "File",
        "name": name,
        "encodingFormat": media,
        "contentSize": str(len(content)),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _action(phase: PhaseRecord) -> dict[str, Any]:
    assert phase.started and phase.ended
    done = phase.outcome == "complete"
    status = "CompletedActionStatus" if done else "FailedActionStatus"
    return {
        "@id": f"#{phase.key}",
        "@type": "CreateAction",
        "name": f"{phase.kind} ({phase.key})",
        "instrument": {"@id": "#vesiflow"},
        "startTime": phase.started.isoformat(),
        "endTime": phase.ended.isoformat(),
        "actionStatus": f"http://schema.org/{status}",
        "object": {"@id": "recipe.yaml"},
        "result": {"@id": "record.json"},
    } | ({} if done else {"error": phase.reason})
