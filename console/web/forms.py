"""What all pages of a line share: templates, headers, and reading a form that the line's own page has sent."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from vesiflow.errors import ConfigError, Refused

HERE = Path(__file__).parent
LONGEST = 10_000  # bytes of a form
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # not no-referrer: with that a browser calls the page's own forms "Origin: null"
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)

Form = dict[str, str]


async def read(request: Request) -> Form:
    """The fields of a form that a page of this line has sent; Refused from another site, ConfigError when too long."""
    sent_by, origin = request.headers.get("sec-fetch-site", "same-origin"), request.headers.get("origin")
    if sent_by not in ("same-origin", "none") or (origin and urlsplit(origin).netloc != request.headers.get("host")):
        raise Refused("the form comes from another site", action="form", remedy="use the page of this line")
    body = await request.body()
    if len(body) > LONGEST:
        raise ConfigError("the form is too long", value=f"{len(body)} bytes", bounds=f"{LONGEST} bytes")
    return {name: text.strip() for name, text in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)}
