"""The token of a line for a flow: of this process, else of the Secret block that the server keeps for all workers."""

from __future__ import annotations

from prefect.blocks.system import Secret

from line.access import checked, token

BLOCK = "vesiflow-line-token"


async def line_token() -> str | None:
    """The token, None where there is none; ConfigError, which does not show it, for one that is too weak."""
    found = token()
    if found is not None:
        return found
    try:
        block: Secret[str] = await Secret.aload(BLOCK)
    except ValueError:  # the server has no such block
        return None
    return checked(block.get(), f"Secret block {BLOCK}")
