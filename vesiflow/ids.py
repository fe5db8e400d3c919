"""Identifiers: ULIDs (sortable, 26 characters, safe as file names) and digests of canonical JSON."""

from __future__ import annotations

import hashlib
import random
import re
from datetime import datetime
from typing import Any

import rfc8785

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def ulid(at: datetime, source: random.Random | None = None) -> str:
    """A ULID: 48 bits of milliseconds, 80 random bits (https://github.com/ulid/spec)."""
    bits = (source or random.SystemRandom()).getrandbits(80)
    value = (int(at.timestamp() * 1000) << 80) | bits
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def is_safe(name: str) -> bool:
    """Whether `name` may become a file or folder name: letters, digits, dot, dash, underscore."""
    return bool(_SAFE.fullmatch(name)) and ".." not in name


def canonical(value: Any) -> str:
    """RFC 8785 canonical JSON, the form that is hashed and stored."""
    return rfc8785.dumps(value).decode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of `value`, in hex."""
    return hashlib.sha256(rfc8785.dumps(value)).hexdigest()
