"""One thing that `vesiflow doctor` has looked at."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARN, FAIL = "ok", "look", "mend"


@dataclass(frozen=True)
class Finding:
    """`verdict` is ok, look (works, but) or mend (does not work); `remedy` says how."""

    what: str
    verdict: str
    found: str
    remedy: str = ""
