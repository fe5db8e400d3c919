"""`vesiflow faults`: the catalogue of faults, and trials that show that each is noticed and the line made safe."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from rich.markup import escape

from console.files import expect_writable, write_json, write_text
from console.progress_note import note
from console.running import drive
from console.summary import plain_table, screen
from line.trial import run
from line.trial_result import Result
from sim.faults.files import catalogue
from sim.faults.model import Entry
from vesiflow.errors import ConfigError


def list_() -> None:
    """List the faults: what goes wrong, what must be noticed, what must follow."""
    table = plain_table("fault", "operation", "what goes wrong", "what must follow", "proven by")
    for entry in catalogue().values():
        proof = entry.shown_by or (f"check {entry.check}" if entry.check else f"trial {entry.trial}")
        table.add_row(*map(escape, (entry.id, entry.operation, entry.fault, entry.reaction, proof)))
    screen().print(table)


def run_(
    *ids: str, json: Path | None = None, junit: Path | None = None, quick: bool = False, seed: int = 1
) -> int:  # fmt: skip
    """Run faults on short batches and print what was noticed, when, and whether the line was made safe.

    Parameters
    ----------
    ids
        Faults by id, or by the beginning of an id ("TFF"); all when none is given.
    json
        Write the results to this file.
    junit
        Write a JUnit report with one test case per fault to this file.
    quick
        Only those that take a few seconds.
    seed
        Of the simulated line and of chance.
    """
    entries = chosen(ids, quick)
    expect_writable(json, junit)
    results = []
    for entry in entries:
        note(f"{entry.id}: {entry.fault}")
        results.append(drive(run(entry, seed)))
    print_results(results)
    if json:
        write_json(json, {"seed": seed, "results": [as_data(one) for one in results]})
    if junit:
        write_text(junit, as_junit(results))
    unmet = [one.id for one in results if not one.met]
    print(f"{len(results) - len(unmet)} of {len(results)} faults noticed and made safe as expected")
    return 1 if unmet else 0


def chosen(ids: tuple[str, ...], quick: bool) -> list[Entry]:
    """The entries with a trial that `ids` name; ConfigError for an id that nothing begins with."""
    known = catalogue()
    for name in ids:
        if not any(one.startswith(name) for one in known):
            raise ConfigError(f"no such fault: {name!r}", remedy="see `vesiflow faults list`")
    found = [one for one in known.values() if not one.shown_by and (not ids or one.id.startswith(ids))]
    return [one for one in found if one.quick or not quick]


def print_results(results: list[Result]) -> None:
    """The table of a run."""
    table = plain_table("fault", ">detected after", "by", "reaction", ">safe after", ">material lost", "verdict")
    for one in results:
        verdict = "as expected" if one.met else "; ".join(one.problems)
        went_on = one.state == "Complete"  # nothing had to be made safe; what a whole batch loses is no fault's
        safe, lost = ("-", "-") if went_on else (_seconds(one.safe_after), f"{100 * one.lost:.1f} %")
        noticed = "-" if went_on and one.noticed is None else _seconds(one.noticed)
        table.add_row(*map(escape, (one.id, noticed, one.noticed_by[:40], one.state, safe, lost, verdict)))
    screen().print(table)


def as_data(result: Result) -> dict[str, object]:
    """A result as plain data."""
    return {
        "id": result.id,
        "struck_s": _rounded(result.struck),
        "noticed_after_s": _rounded(result.noticed),
        "noticed_by": result.noticed_by,
        "state": result.state,
        "safe_after_s": _rounded(result.safe_after),
        "product_lost": round(result.lost, 4),
        "alarms": list(result.alarms),
        "met": result.met,
        "problems": list(result.problems),
    }


def as_junit(results: list[Result]) -> str:
    """A JUnit report, one test case a fault."""
    failures = sum(not one.met for one in results)
    suite = ElementTree.Element(
        "testsuite", name="vesiflow faults", tests=str(len(results)), failures=str(failures), errors="0", skipped="0"
    )
    for one in results:
        case = ElementTree.SubElement(suite, "testcase", classname="faults", name=one.id)
        if not one.met:
            ElementTree.SubElement(case, "failure", message="; ".join(one.problems), type="fault")
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _seconds(value: float | None) -> str:
    if value is None:
        return "never"
    return f"{value:.1f} s" if value < 600.0 else f"{value / 3600.0:.1f} h"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
