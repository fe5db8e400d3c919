"""Pairs of packages that are known not to work together, found before they fail with a traceback."""

from __future__ import annotations

from importlib import metadata

from vesiflow.errors import ConfigError

PREFECT_FLOOR = (3, 6, 22)
"""Below it the server's authentication can be passed by (CVE-2026-7723, CVE-2026-3514, CVE-2026-7722)."""
FASTAPI_RANGE = ((0, 139), (0, 151))
"""FastAPI outside it breaks the import of Prefect's server (3.8)."""


def refuse_broken(prefect: str | None = None, fastapi: str | None = None) -> None:
    """ConfigError when Prefect and FastAPI, as installed or as given, are known not to run together."""
    found = numbers(prefect or metadata.version("prefect"))
    if found < PREFECT_FLOOR:
        raise ConfigError(
            "this Prefect has known security holes",
            device="prefect",
            value=_text(found),
            bounds=f">= {_text(PREFECT_FLOOR)}",
            remedy="run `uv sync --locked`",
        )
    low, high = FASTAPI_RANGE
    beside = numbers(fastapi or metadata.version("fastapi"))
    if not low <= beside[:2] < high:
        raise ConfigError(
            f"Prefect {_text(found)} does not start with this FastAPI",
            device="fastapi",
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
