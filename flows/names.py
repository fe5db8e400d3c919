"""How runs are called in Prefect."""

from __future__ import annotations

from typing import Any

from prefect.runtime import flow_run


def run_name() -> str:
    """The batch id when one was given, else recipe and line."""
    order: Any = flow_run.parameters.get("order")
    given = order if isinstance(order, dict) else order.model_dump(mode="json") if order is not None else {}
    return str(given.get("batch") or f"{given.get('recipe', 'exosome')} on {given.get('line', 'sim')}")
