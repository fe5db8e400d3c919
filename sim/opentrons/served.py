"""Answers `sim://` addresses of instruments that speak HTTP: the application on the bench, in this process."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx

from sim import bench
from vesiflow.errors import ConfigError


def transport(url: str) -> httpx.AsyncBaseTransport:
    """An httpx transport to the application at `url` ("sim://bench/ot2"); ConfigError when nothing stands there."""
    here = bench.current()
    parts = urlsplit(url)
    name = f"{parts.netloc}{parts.path}"
    if here is None:
        raise ConfigError("no simulated line is running", value=url, remedy="use `vesiflow simulate` or `sim serve`")
    if name not in here.apps:
        known = ", ".join(sorted(here.apps)) or "none"
        raise ConfigError("no robot of that name", value=url, bounds=known, remedy="mend `at:` in the line file")
    return httpx.ASGITransport(app=here.apps[name]())
