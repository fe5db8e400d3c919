"""The Prefect server that is used: whether it answers and is of the version that is installed here."""

from __future__ import annotations

import prefect
from prefect.client.orchestration import PrefectClient

from vesiflow.errors import ConfigError, NotSent


async def expect_same_version(client: PrefectClient) -> None:
    """ConfigError when the server is of another version (3.8 beside 3.7) than the Prefect that is installed here.

    NotSent when there is none, or something else answers.
    """
    if (error := await client.api_healthcheck()) is not None:
        raise NotSent(
            f"no Prefect server answers at {client.api_url}",
            remedy="start one with `prefect server start`, or give the right --server",
        ) from error
    server, ours = await client.api_version(), prefect.__version__
    if server.split(".")[:2] != ours.split(".")[:2]:
        raise ConfigError(
            "the Prefect server has another version",
            value=server,
            bounds=f"{ours} as here",
            remedy=f"install Prefect {ours} there, or the server's version here",
        )
