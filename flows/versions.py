"""Packages that are known not to work together, found before they fail with a traceback or, worse, without a word."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata

from vesiflow.errors import ConfigError

PREFECT_FLOOR = (3, 6, 22)
"""Below it the server's authentication can be passed by (CVE-2026-7723, CVE-2026-3514, CVE-2026-7722)."""
BESIDE: Mapping[str, tuple[tuple[int, int], tuple[int, int], str]] = {
    "fastapi": ((0, 139), (0, 151), "does not start"),
    "sqlalchemy": ((2, 0), (2, 1), "starts no run on a schedule"),
}
"""Package -> (from, below, what Prefect's server (3.8) does with another version)."""


def refuse_broken(**given: str) -> None:
    """ConfigError when packages, as installed or as `given`, are known not to run together."""
    found = numbers(given.get("prefect") or metadata.version("prefect"))
    if found < PREFECT_FLOOR:
        raise ConfigError(
            "this Prefect has known security holes",
            device="prefect",
            value=_text(found),
            bounds=f">= {_text(PREFECT_FLOOR)}",
            remedy="run `uv sync --locked`",
        )
    for name, (low, high, what) in BESIDE.items():
        beside = numbers(given.get(name) or metadata.version(name))
        if not low <= beside[:2] < high:
            raise ConfigError(
                f"Prefect {_text(found)} {what} with this version",
                device=name,
                value=_text(beside),
                bounds=f">= {_text(low)}, < {_text(high)}",
                remedy="run `uv sync --locked`",
            )


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: "3.8.8rc1" is (3, 8, 8)."""
    parts = []
    for part in version.split("."):
        digits = ""
        for character in part:
            if not character.isdigit():
                break
            digits += character
        if not digits:
            break
        parts.append(int(digits))
    return tuple(parts)


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
