"""JUnit XML of a run: one test case per phase, for CI servers."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from console.files import write_text
from line.procedure import Outcome
from protocols.control import ControlRecipe


def write(path: Path, recipe: ControlRecipe, outcome: Outcome) -> None:
    """One test case per phase with its process time; ConfigError when the file cannot be written."""
    write_text(path, text(recipe, outcome))


def text(recipe: ControlRecipe, outcome: Outcome) -> str:
    """The report; a phase that failed or was stopped is a failure, one never reached is skipped."""
    suite = ElementTree.Element("testsuite", name=f"vesiflow {recipe.recipe} on {recipe.line}")
    total = failures = skipped = 0
    seconds = 0.0
    for view in outcome.batch.phases:
        duration = (view.ended or 0.0) - (view.started or 0.0)
        group = f"{recipe.recipe}.{view.key.split('/')[0]}"
        case = ElementTree.SubElement(suite, "testcase", classname=group, name=view.key, time=f"{duration:.3f}")
        total, seconds = total + 1, seconds + duration
        if view.state == "idle":
            skipped += 1
            ElementTree.SubElement(case, "skipped", message="an earlier phase did not complete")
        elif view.state != "complete":
            failures += 1
            failed = outcome.failed
            reason = failed.reason if failed and failed.key == view.key else view.reason
            ElementTree.SubElement(case, "failure", message=reason, type=view.state)
    for name, value in (("tests", total), ("failures", failures), ("errors", 0), ("skipped", skipped)):
        suite.set(name, str(value))
    suite.set("time", f"{seconds:.3f}")
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
