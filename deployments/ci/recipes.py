"""Check and simulate every recipe of a repository on a simulated line, also with faults: for CI.

    python recipes.py FOLDER_OR_FILE... [--line sim] [--fault TFF-01-step ...] [--out ci-recipes] [--jobs 2]

Needs `vesiflow` on the path and nothing else. A recipe passes when its check passes and its batch completes; with a
fault, when the batch completes nevertheless or ends in order (stopped, with a reason). A fault that struck in none of
the recipes fails in all of them: nothing was tried. Leaves in --out: junit.xml, one folder per run with result,
record and report, summary.md (added to $GITHUB_STEP_SUMMARY where there is one). Exit code 0 when all pass, 1 when one
does not, 2 when there is no recipe.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

RECIPE = re.compile(r"^recipe:\s", re.MULTILINE)
STRUCK = re.compile(r"^fault .*: (struck at .*|could not strike.*)$", re.MULTILINE)
"""What `vesiflow simulate` says of a fault whose moment has come."""
ABSENT = re.compile(r"the recipe has no phase ")
"""What it says of a fault that waits for a phase of other recipes."""
ORDERLY = ("Complete", "Stopped", "Aborted")
LIMIT = 1800  # s for one run


@dataclass(frozen=True)
class Case:
    """One run: of a recipe, as it is or with a fault."""

    recipe: Path
    fault: str
    line: str
    folder: Path

    @property
    def name(self) -> str:
        return f"{self.recipe} with {self.fault}" if self.fault else str(self.recipe)


@dataclass(frozen=True)
class Verdict:
    """What came of it; `failure` is empty when it passes, `struck` when its fault did not strike."""

    case: Case
    state: str
    failure: str
    struck: str = ""

    @property
    def text(self) -> str:
        """For people."""
        if self.failure or not self.case.fault:
            return self.failure or self.state
        return f"{self.state}, the fault {self.struck or 'did not strike'}"


def main() -> int:
    """Everything; the exit code."""
    asked = _arguments()
    found = recipes(asked.paths)
    if not found:
        print(
            f"no recipe in {', '.join(map(str, asked.paths))}: a recipe is a YAML file with `recipe:`", file=sys.stderr
        )
        return 2
    out = asked.out.resolve()
    cases = [
        Case(recipe, fault, asked.line, out / f"{number:03}-{recipe.stem}{'-' * bool(fault)}{fault}")
        for number, (recipe, fault) in enumerate(((one, fault) for one in found for fault in ("", *asked.fault)), 1)
    ]
    spoken = threading.Lock()

    def judged(case: Case) -> Verdict:
        verdict = judge(case)
        with spoken:
            print(f"{'FAIL' if verdict.failure else 'pass'}  {case.name}: {verdict.text}", flush=True)
        return verdict

    with ThreadPoolExecutor(asked.jobs) as pool:
        verdicts = in_vain(list(pool.map(judged, cases)))
    publish(out, verdicts)
    return 1 if any(one.failure for one in verdicts) else 0


def recipes(paths: list[Path]) -> list[Path]:
    """Files as they are given, and every YAML file below the folders that says it is a recipe."""
    found = []
    for path in paths:
        inside = [path] if path.is_file() else sorted((*path.rglob("*.yaml"), *path.rglob("*.yml")))
        found += [one for one in inside if RECIPE.search(one.read_text(encoding="utf-8"))]
    return found


def in_vain(verdicts: list[Verdict]) -> list[Verdict]:
    """The verdicts; those with a fault that struck in no recipe fail."""
    struck = {one.case.fault for one in verdicts if one.struck or one.failure}
    lost = {one.case.fault for one in verdicts} - struck - {""}
    for fault in sorted(lost):
        print(f"FAIL  {fault}: it struck in none of the recipes", flush=True)
    reason = "the fault struck in none of the recipes: choose one that can, or another fault"
    return [replace(one, failure=reason) if one.case.fault in lost else one for one in verdicts]


def judge(case: Case) -> Verdict:
    """Check it, make it, look at how it ended."""
    case.folder.mkdir(parents=True, exist_ok=True)
    checked = _vesiflow("check", str(case.recipe), "--line", case.line)
    if checked.returncode:
        return Verdict(case, "refused", checked.stderr.strip().replace("vesiflow check: ", "") or "the check failed")
    result = case.folder / "result.json"
    more = ("--fault", case.fault) if case.fault else ("--quiet",)
    done = _vesiflow(
        "simulate", str(case.recipe), "--line", case.line, "--keep", str(case.folder), "--json", str(result),
        "--junit", str(case.folder / "phases.xml"), *more,
    )  # fmt: skip
    if case.fault and done.returncode == 2 and ABSENT.search(done.stderr):
        return Verdict(case, "not run", "")
    if done.returncode not in (0, 1) or not result.is_file():
        return Verdict(case, "not run", done.stderr.strip() or f"exit code {done.returncode}")
    state = str(json.loads(result.read_text(encoding="utf-8"))["header"]["state"])
    if not case.fault and done.returncode:
        return Verdict(case, state, _reason(case.folder / "phases.xml") or state)
    struck = STRUCK.search(done.stdout)
    said = struck.group(1) if struck else ""
    if state not in ORDERLY:
        return Verdict(case, state, f"the batch was left {state}", said)
    return Verdict(case, state, said if said.startswith("could not") else "", said)


def publish(out: Path, verdicts: list[Verdict]) -> None:
    """junit.xml and summary.md."""
    failures = sum(bool(one.failure) for one in verdicts)
    suite = ElementTree.Element(
        "testsuite", name="vesiflow recipes", tests=str(len(verdicts)), failures=str(failures), errors="0", skipped="0"
    )
    lines = ["| | recipe | fault | batch |", "|---|---|---|---|"]
    for one in verdicts:
        case = ElementTree.SubElement(suite, "testcase", classname="recipes", name=one.case.name)
        if one.failure:
            ElementTree.SubElement(case, "failure", message=one.failure, type="recipe")
        first, *more = one.text.splitlines()
        said = first.replace("|", "\\|") + (f" (and {len(more)} more)" if more else "")
        lines.append(f"| {'FAIL' if one.failure else 'pass'} | {one.case.recipe} | {one.case.fault} | {said} |")
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    (out / "junit.xml").write_bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
    summary = "\n".join(lines) + "\n"
    (out / "summary.md").write_text(summary, encoding="utf-8")
    if "GITHUB_STEP_SUMMARY" in os.environ:
        with Path(os.environ["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as file:
            file.write(summary)


def _reason(phases: Path) -> str:
    failure = ElementTree.parse(phases).find(".//failure") if phases.is_file() else None
    return "" if failure is None else str(failure.get("message"))


def _vesiflow(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["vesiflow", *arguments], capture_output=True, text=True, check=False, timeout=LIMIT)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="check and simulate recipes, also with faults")
    parser.add_argument("paths", nargs="+", type=Path, help="folders or files")
    parser.add_argument("--line", default="sim", help="a packaged line or a line file, simulated")
    parser.add_argument("--fault", action="append", default=[], help="see `vesiflow faults list`; may be repeated")
    parser.add_argument("--out", type=Path, default=Path("ci-recipes"), help="a new folder")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at the same time")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
