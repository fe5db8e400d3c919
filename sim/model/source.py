"""Reading a case file: YAML that is a mapping and in which no key stands twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sim.model.fields import Bad, shown

FILE = "-"  # the key of errors that concern the file as a whole


def load(path: Path) -> dict[Any, Any]:
    """The mapping in `path`; Bad when there is none."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise Bad(FILE, "no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Bad(FILE, f"cannot be read: {reason.lower()}") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None:
            _no_duplicates(node, "", set())
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Bad(FILE, f"is not YAML: {_where(error)}") from None
    except (ValueError, RecursionError, TypeError, OverflowError) as error:
        if isinstance(error, Bad):
            raise
        raise Bad(FILE, f"is not YAML: {shown(error)}") from None
    if not isinstance(content, dict):
        raise Bad(FILE, "is not a mapping of keys to values")
    return content


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = " ".join(str(getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable").split())
    return f"{problem} (line {mark.line + 1})" if mark else problem


def _no_duplicates(node: yaml.Node, path: str, seen: set[int]) -> None:
    """Walk the tree before it becomes dicts, where the second of two equal keys would win silently."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            _no_duplicates(item, f"{path}[{i}]", seen)
    elif isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else FILE
            full = f"{path}.{name}" if path else name
            if name in keys:
                raise Bad(full, "stands twice")
            keys.add(name)
            _no_duplicates(value, full, seen)
