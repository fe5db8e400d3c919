"""The how-to for drivers is run: its excerpts are in the example, its commands work in an environment of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "add-a-driver.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "diy-pump"
EXCERPTS = re.findall(r"^```(?:python|toml|yaml)\n# (\S+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^\$ (.+)$", PAGE, re.MULTILINE)


def install(project: Path, site: Path) -> None:
    """What `pip install -e` leaves behind, without a package index: the metadata with its entry points."""
    about = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = site / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n")
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in about["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups))


def test_every_excerpt_is_in_the_example() -> None:
    assert len(EXCERPTS) >= 6
    for name, excerpt in EXCERPTS:
        assert excerpt.strip() in (EXAMPLE / name).read_text(encoding="utf-8"), f"{name} has no longer:\n{excerpt}"


@pytest.mark.slow
def test_its_commands_run(tmp_path: Path) -> None:
    environment = dict(os.environ)
    for command in COMMANDS:
        words = command.split()
        if words[:3] == ["pip", "install", "-e"]:
            install(ROOT / words[3], tmp_path)
            environment["PYTHONPATH"] = os.pathsep.join((str(tmp_path), str(ROOT / words[3])))
            continue
        assert words[0] == "pytest"
        done = subprocess.run(
            [sys.executable, "-m", *words, "-q", "-p", "no:cacheprovider"],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-4000:]
        assert re.search(r"\d\d passed", done.stdout) and "skipped" not in done.stdout, done.stdout[-2000:]


def test_an_unknown_driver_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(EXAMPLE / "tests"), "--vesiflow-driver", "nobody", "-q"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(EXAMPLE)}, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode != 0 and "no driver nobody" in done.stdout + done.stderr
