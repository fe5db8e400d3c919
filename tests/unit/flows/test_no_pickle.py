"""Whoever can write into the result storage must not be able to run code: results are JSON and stay JSON."""

from __future__ import annotations

import base64
import json
import lzma
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from flows import settings

PROGRAM = """
import asyncio, sys
if sys.argv[2] == "ours":
    import flows.batch
from prefect.results import ResultStore
from prefect.serializers import JSONSerializer
from prefect.settings import get_current_settings
from prefect.filesystems import LocalFileSystem
assert get_current_settings().results.default_serializer == "json"
async def main():
    store = ResultStore(result_storage=LocalFileSystem(basepath=sys.argv[1]))
    assert isinstance(store.serializer, JSONSerializer), store.serializer
    for name in ("json", "pickle", "compressed-pickle"):
        try:
            print("read", await store.aread(name))
        except Exception as error:
            print("refused", type(error).__name__)
asyncio.run(main())
"""


class Trap:
    """Leaves a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, (f"open({str(self.mark)!r}, 'w').close()",))


@pytest.mark.slow
def test_a_planted_pickle_is_not_loaded(tmp_path: Path) -> None:
    mark, said = planted(tmp_path, "ours")
    assert said.splitlines()[1] == "refused Refused"
    assert not mark.exists()


@pytest.mark.slow
def test_the_trap_is_a_real_one(tmp_path: Path) -> None:
    mark, _ = planted(tmp_path, "Prefect alone")
    assert mark.exists()


def planted(tmp_path: Path, whose: str) -> tuple[Path, str]:
    """Read results of several kinds that spring a trap; the trap's mark, and what the reader says."""
    mark, storage = tmp_path / "sprung", tmp_path / "results"
    storage.mkdir()
    blob = pickle.dumps(Trap(mark))
    packed = lzma.compress(base64.b64encode(blob))
    for kind, data in (("json", blob), ("pickle", blob), ("compressed/pickle", packed)):
        meta = {"storage_key": kind, "expiration": None, "serializer": {"type": kind}, "prefect_version": "3.8.8"}
        record = {"metadata": meta, "result": base64.b64encode(data).decode()}
        (storage / kind.replace("/", "-")).write_text(json.dumps(record), encoding="utf-8")
    environment: dict[str, str] = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PREFECT_HOME": str(tmp_path / "home"),
    }
    settings.apply(home=tmp_path, environment=environment)
    command = [sys.executable, "-c", PROGRAM, str(storage), whose]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return mark, done.stdout
