"""Flows without a server: forms, names, deployments, and that nothing which moves matter is ever retried."""

from __future__ import annotations

import inspect
import json
import re
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import prefect
import pytest
from prefect.cache_policies import NO_CACHE
from prefect.utilities.callables import parameter_schema
from pydantic import ValidationError

from flows import deployment_file, execution, texts, versions
from flows.deployment_file import deployments
from flows.order import Order, UnitOrder, WhenHeld
from line.api import BatchView, PhaseView
from line.prepare import prepare
from line.procedure import Outcome
from vesiflow.documents import DocumentError
from vesiflow.errors import ConfigError

MODULES = sorted(
    f"flows.{item.name.removesuffix('.py')}"
    for item in files("flows").iterdir()
    if item.name.endswith(".py") and item.name != "__init__.py"
)
DATA = Path(__file__).parents[2] / "data" / "recipes"


def members(kind: type) -> list[Any]:
    return [item for name in MODULES for item in vars(import_module(name)).values() if isinstance(item, kind)]


def test_no_task_is_retried_cached_or_stored() -> None:
    tasks = members(prefect.Task)
    assert len(tasks) >= 2
    for task in tasks:
        assert task.retries == 0, task.name
        assert task.cache_policy is NO_CACHE, task.name
        assert task.persist_result is False, task.name


def test_no_flow_is_retried_or_stored() -> None:
    found = {flow.name: flow for flow in members(prefect.Flow)}
    assert {
        "manufacture",
        "tff",
        "sec",
        "electroporation",
        "lyophilization",
        "campaign",
        "backup",
        "check-line",
    } <= set(found)
    for flow in found.values():
        assert not flow.retries, flow.name
        assert not flow.persist_result, flow.name


def test_no_flow_module_names_pickle() -> None:
    for item in files("flows").iterdir():
        if item.name.endswith(".py"):
            assert not re.search(r"import (cloud)?pickle|from (cloud)?pickle", item.read_text(encoding="utf-8"))


def test_the_form_has_titles_help_examples_choices_and_a_pattern_for_quantities() -> None:
    schema = parameter_schema(import_module("flows.batch").manufacture.fn).model_dump()
    order = schema["definitions"]["Order"]
    for name, entry in order["properties"].items():
        assert entry.get("title"), name
        assert entry.get("description"), name
    volume = next(item for item in order["properties"]["volume"]["anyOf"] if item.get("type") == "string")
    assert re.search(volume["pattern"], "1.5 L")
    assert re.search(volume["pattern"], "750 mL")
    assert not re.search(volume["pattern"], "2 bar")
    assert not re.search(volume["pattern"], "2")
    assert schema["definitions"]["WhenHeld"]["enum"] == ["wait", "stop"]
    assert order["additionalProperties"] is False


def test_an_order_goes_through_json_unchanged() -> None:
    order = Order.model_validate({"recipe": "tff", "volume": "1.5 L", "seed": 3, "when_held": "stop"})
    again = Order.model_validate(json.loads(order.model_dump_json()))
    assert again == order
    assert again.when_held is WhenHeld.STOP
    assert order.model_dump(mode="json")["volume"] == "1.5 L"


@pytest.mark.parametrize(
    "wrong",
    [
        {"volume": "2 bar"},
        {"volume": "nan L"},
        {"batch": "../../etc"},
        {"batch": "a b"},
        {"controller": "file:///etc/passwd"},
        {"controller": "http://"},
        {"who": ""},
        {"seed": -1},
        {"when_held": "never"},
        {"recipes": "tff"},
    ],
)
def test_orders_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Order.model_validate(wrong)


def test_a_unit_order_may_name_its_unit_procedure() -> None:
    assert UnitOrder(unit_procedure=3).unit_procedure == 3
    with pytest.raises(ValidationError):
        UnitOrder(unit_procedure=0)


def test_every_packaged_deployment_names_a_flow_that_takes_its_parameters() -> None:
    found = deployments("sim")
    assert len({item.entrypoint for item in found}) == len(found) == 10
    for item in found:
        model = item.flow()
        assert isinstance(model, prefect.Flow)
        model.validate_parameters({"order": item.parameters["order"]})
        assert item.description
        assert "vesiflow" in item.tags
        assert ":" not in item.entrypoint


def test_another_line_gets_its_own_pool_and_waits_for_people() -> None:
    for item in deployments("bench-1"):
        assert item.name == "bench-1"
        assert item.work_pool.name == "line-bench-1"
        assert item.parameters["order"].get("line", "bench-1") == "bench-1"
        assert item.parameters["order"].get("when_held", "wait") == "wait"


def test_a_wrong_deployment_file_names_its_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = files("deployments").joinpath("prefect.yaml").read_text(encoding="utf-8")
    (tmp_path / "prefect.yaml").write_text(text.replace("concurrency_limit: 1", "concurency: 1", 1), encoding="utf-8")
    monkeypatch.setattr(deployment_file, "files", lambda _: tmp_path)
    with pytest.raises(
        DocumentError, match=r"deployments/prefect\.yaml:\d+: deployments\[\d\]\.concurency: unknown key"
    ):
        deployments("sim")


def test_job_variables_carry_settings_of_runs_but_not_of_servers() -> None:
    env = deployment_file.job_variables()["env"]
    assert env["PREFECT_RESULTS_DEFAULT_SERIALIZER"] == "json"
    assert not [name for name in env if name.startswith("PREFECT_SERVER_")]


def test_summary_and_table_of_a_batch() -> None:
    recipe = prepare(str(DATA / "short.yaml"), "sim").recipe
    keys = [phase.key for phase in recipe.phases()]
    views = [
        PhaseView(key=key, kind="x", state=state, started=start, ended=start and start + 1800, reason=reason)
        for key, state, start, reason in zip(
            keys, ("complete", "failed", "idle", "idle"), (10.0, 1810.0, None, None), ("", "a | b", "", ""), strict=True
        )
    ]
    batch = BatchView(
        id="B_1",
        recipe="short",
        state="Aborted",
        reason="",
        now=4000,
        running=None,
        progress=0,
        readings={},
        phases=views,
    )
    text = texts.summary(recipe, Outcome(batch, views[1]))
    assert text.startswith("# B_1: Aborted\n")
    assert r"a \| b" in text
    assert "| 1 capture | tff | 1/4 | 1.00 |" in text
    rows = texts.table(recipe, batch)
    assert rows[0]["hours"] == "0.50"
    assert rows[2]["hours"] == ""
    assert 0 < texts.percent(recipe, batch) < 100
    assert re.fullmatch("[a-z0-9-]+", texts.key("summary", "B_1.x"))


@pytest.mark.parametrize("item", deployments("sim"), ids=lambda item: item.entrypoint)
async def test_every_flow_refuses_packages_that_do_not_go_together(
    item: deployment_file.Deployment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        versions.metadata, "version", {"prefect": "3.8.8", "fastapi": "0.158.0", "sqlalchemy": "2.0.1"}.__getitem__
    )
    monkeypatch.chdir(tmp_path)
    flow = item.flow()
    given = flow.validate_parameters({"order": item.parameters["order"]})
    with pytest.raises(ConfigError, match=r"fastapi: .*0\.158\.0.*uv sync --locked"):
        result = flow.fn(**given)
        await result if inspect.isawaitable(result) else None


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        ("sec", "recipe sec: it has no unit procedure on tff; order it on deployment sec/sim"),
        ("lyophilization", "recipe lyophilization: it has no unit procedure on tff; order it on deployment"),
    ],
)
async def test_a_recipe_on_the_wrong_unit_names_the_deployment_that_fits(
    monkeypatch: pytest.MonkeyPatch, recipe: str, reason: str
) -> None:
    async def located(order: Order) -> Order:
        return order

    monkeypatch.setattr(execution, "located", located)
    with pytest.raises(ConfigError, match=reason):
        await execution.execute_unit(UnitOrder(recipe=recipe), "tff")
