"""No result is ever unpickled in a process of ours, whatever a file in the result storage says of itself.

Prefect reads with the serializer that a stored result names, not with the one that is set; whoever can write into the
storage could name pickle and run code. Here the name leads to a refusal.
"""

from __future__ import annotations

import warnings
from typing import Any

from prefect.serializers import Serializer
from pydantic import Field

from vesiflow.errors import Refused


def forbid() -> None:
    """Put the refusal in the place of Prefect's pickle serializer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Prefect says that the name is taken, which is the point

        class NoPickle(Serializer):  # Prefect cannot register a generic one
            """Refuses."""

            type: str = Field(default="pickle", frozen=True)

            def dumps(self, obj: Any) -> bytes:
                """Refused."""
                raise Refused("results are JSON, never pickle", device="prefect", action="store a result")

            def loads(self, blob: bytes) -> Any:
                """Refused."""
                raise Refused("results are JSON, never pickle", device="prefect", action="read a result")
