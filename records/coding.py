"""Values as canonical JSON and back, without loss.

RFC 8785 writes every number as a double: 1 and 1.0 become the same bytes, large integers and NaN are refused.
The journal therefore keeps every float as a decimal string, `{"$dec": "2.5e-06"}`, integers beyond 2^53 - 1 as
`{"$int": "…"}` and bytes as `{"$hex": "…"}`; keys that begin with "$" get a second one.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from vesiflow.ids import canonical

_LARGEST = 2**53 - 1


def encode(value: Any) -> Any:
    """`value` as JSON data that canonicalises without loss; TypeError for what has no written form."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return encode(value.value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Real):
        return _number(value)
    if isinstance(value, Mapping):
        return {_key(key): encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    return _special(value)


def decode(value: Any) -> Any:
    """What was given to `encode` (tuples come back as lists)."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, item),) = value.items()
        if key in _DECODERS:
            return _DECODERS[key](item)
    return {key.removeprefix("$"): decode(item) for key, item in value.items()}


def dumps(value: Any) -> str:
    """`value` encoded, as canonical JSON text."""
    return canonical(encode(value))


def loads(text: str) -> Any:
    """What was given to `dumps`."""
    return decode(json.loads(text))


_DECODERS: Mapping[str, Any] = {"$dec": float, "$int": int, "$hex": bytes.fromhex}


def _number(value: Real) -> Any:
    if isinstance(value, Integral):
        number = int(value)
        return number if abs(number) <= _LARGEST else {"$int": str(number)}
    return {"$dec": repr(float(value))}


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key in the journal must be text, not {key!r}")
    return _text(f"${key}" if key.startswith("$") else key)


def _text(text: str) -> str:
    """`text` without lone surrogates, which no UTF-8 can hold (undecodable bytes of a name or reply)."""
    return text.encode("utf-8", "backslashreplace").decode()


def _special(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$hex": bytes(value).hex()}
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {_key(item.name): encode(getattr(value, item.name)) for item in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no written form in the journal")
