"""No result is ever unpickled in a process of ours, whatever a file in the result storage says of itself.

Prefect reads with the serializer that a stored result names, not with the one that is set; whoever can write into the
storage could name pickle, plain or compressed, and run code. Here both names lead to a refusal.
"""

from __future__ import annotations

from typing import Any, NoReturn

from prefect.serializers import PickleSerializer

from vesiflow.errors import Refused


def forbid() -> None:
    """Put the refusal in the place of what Prefect's pickle serializer does; the compressed one calls it, too."""
    for method in ("dumps", "loads"):
        setattr(PickleSerializer, method, _refused)


def _refused(self: PickleSerializer[Any], data: Any) -> NoReturn:
    raise Refused("results are JSON, never pickle", device="prefect", action="store or read a result")
