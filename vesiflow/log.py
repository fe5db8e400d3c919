"""structlog: human-readable on a terminal, JSON in a service; bound batch, unit, phase and role."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog


def configure(level: str = "WARNING", json: bool | None = None) -> None:
    """Set up logging once per process; JSON when standard error is no terminal, unless said otherwise."""
    as_json = not sys.stderr.isatty() if json is None else json
    renderer: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def get(**bound: Any) -> Any:
    """A logger with `bound` context (batch, unit, phase, role)."""
    return structlog.get_logger(**bound)
