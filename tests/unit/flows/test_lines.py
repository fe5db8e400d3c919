"""Where an order's line is: by its path, by the variable of a server, or packaged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flows import lines
from flows.lines import Whereabouts, locate, variable
from vesiflow.errors import ConfigError

KNOWN: dict[str, Any] = {
    "vesiflow_line_my_bench": {"file": "/etc/my-bench.yaml", "controller": "http://127.0.0.1:4300"},
    "vesiflow_line_odd": "/etc/odd.yaml",
}


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server with the variables of two lines, and a run of a deployment on it."""

    async def aget(name: str) -> Any:
        return KNOWN.get(name)

    monkeypatch.setattr(lines, "Variable", SimpleNamespace(aget=aget))
    monkeypatch.setattr(lines, "deployment", SimpleNamespace(id="1"))


@pytest.mark.parametrize(
    ("line", "controller", "found"),
    [
        ("my-bench", None, Whereabouts(file="/etc/my-bench.yaml", controller="http://127.0.0.1:4300")),
        ("my-bench", "http://lab:1", Whereabouts(file="/etc/my-bench.yaml", controller="http://lab:1")),
        ("here/my-bench.yaml", None, Whereabouts(file="here/my-bench.yaml")),
        ("sim", None, Whereabouts(file="sim")),
    ],
)
async def test_a_name_is_looked_up_and_a_path_is_not(line: str, controller: str | None, found: Whereabouts) -> None:
    assert await locate(line, controller) == found


@pytest.mark.parametrize(
    ("line", "says"), [("gone", "no such line.*gone.*deploy --line"), ("odd", "does not say where")]
)
async def test_what_the_server_does_not_know_is_named(line: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        await locate(line)


async def test_a_run_that_was_typed_is_not_led_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "deployment", SimpleNamespace(id=None))
    assert await locate("my-bench") == Whereabouts(file="my-bench")


def test_names_of_variables_are_what_prefect_takes() -> None:
    assert variable("Bench-2.b") == "vesiflow_line_bench_2_b"
