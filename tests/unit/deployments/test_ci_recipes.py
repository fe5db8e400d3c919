"""The script for CI: what counts as a pass, what is published."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
import yaml

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "deployments" / "ci" / "recipes.py"
RECIPES = ROOT / "protocols" / "recipes"
SHORT = ROOT / "tests" / "data" / "recipes" / "short.yaml"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("recipes", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["recipes"] = module
    spec.loader.exec_module(module)
    return module


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = os.environ | {"PATH": path} | environment
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], env=own, capture_output=True, text=True, check=False
    )


def test_every_recipe_of_a_folder_is_found_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.yaml").write_text("# mine\nrecipe: a\n")
    (tmp_path / "b.yml").write_text("recipe: b\n")
    (tmp_path / "line.yaml").write_text("name: bench\n")
    assert [path.name for path in script().recipes([tmp_path])] == ["b.yml", "a.yaml"]


def test_a_recipe_that_cannot_run_fails_with_its_problems(tmp_path: Path) -> None:
    out, summary = tmp_path / "out", tmp_path / "step.md"
    done = run(str(RECIPES / "bad_sec.yaml"), "--out", str(out), GITHUB_STEP_SUMMARY=str(summary))
    assert (done.returncode, done.stderr) == (1, "")
    (case,) = ElementTree.parse(out / "junit.xml").iter("testcase")
    failure = case.find("failure")
    assert failure is not None
    assert "bad_sec.yaml:" in str(failure.get("message"))
    assert summary.read_text() == (out / "summary.md").read_text()
    assert summary.read_text().splitlines()[2].startswith("| FAIL |")


def test_nothing_to_do_is_bad_input(tmp_path: Path) -> None:
    done = run(str(tmp_path), "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "no recipe in" in done.stderr


@pytest.mark.parametrize(
    ("code", "state", "fault", "said", "passes"),
    [
        (0, "Complete", "", "", True),
        (1, "Stopped", "", "", False),
        (1, "Stopped", "TFF-01-step", "struck at 857.2 s", True),
        (1, "Held", "TFF-01-step", "struck at 857.2 s", False),
        (2, "Complete", "TFF-01-step", "", False),
        (0, "Complete", "TFF-01-step", "could not strike at 3.0 s: no such vessel", False),
        (1, "Complete", "TFF-01-step", "never struck", True),
    ],
)
def test_what_passes(
    code: int, state: str, fault: str, said: str, passes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = script()

    def vesiflow(*arguments: str) -> subprocess.CompletedProcess[str]:
        if arguments[0] == "check":
            return subprocess.CompletedProcess(arguments, 0, "", "")
        Path(arguments[arguments.index("--json") + 1]).write_text(f'{{"header": {{"state": "{state}"}}}}')
        out = f"a line\nfault TFF-01-step (tff.fouling): {said}\nanother\n"
        return subprocess.CompletedProcess(arguments, code, out, "")

    monkeypatch.setattr(module, "_vesiflow", vesiflow)
    verdict = module.judge(module.Case(Path("a.yaml"), fault, "sim", tmp_path))
    assert (verdict.failure == "") is passes
    assert verdict.struck == ("" if said == "never struck" or code == 2 else said)


def test_a_fault_of_a_phase_that_a_recipe_has_not_did_not_strike(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(str(SHORT), "--fault", "LYO-02", "--out", str(out), "--jobs", "1")
    assert done.returncode == 1
    assert f"pass  {SHORT} with LYO-02: not run, the fault did not strike" in done.stdout
    assert "FAIL  LYO-02: it struck in none of the recipes" in done.stdout


@pytest.mark.parametrize(("struck", "failures"), [(("", "struck at 857.2 s"), 0), (("", ""), 2)])
def test_a_fault_must_strike_somewhere(struck: tuple[str, str], failures: int, tmp_path: Path) -> None:
    module = script()
    runs = [
        module.Verdict(module.Case(Path(f"{number}.yaml"), fault, "sim", tmp_path), "Complete", "", one)
        for number, one in enumerate(struck)
        for fault in ("", "TFF-01-step")
    ]
    assert sum(bool(one.failure) for one in module.in_vain(runs)) == failures


def test_the_action_runs_the_script_and_pins_what_it_uses() -> None:
    action = yaml.safe_load((SCRIPT.parent / "action.yml").read_text(encoding="utf-8"))
    steps = action["runs"]["steps"]
    assert "recipes.py" in steps[1]["run"]
    assert all(len(step["uses"].partition("@")[2]) == 40 for step in steps if "uses" in step)
    assert "${{" not in steps[1]["run"], "inputs come by environment, not into the shell's text"
