"""The robot's HTTP API: bodies, errors, pages. HTTP tells whether a request was taken, never whether a move succeeded.

Facts of robot software 8 and 9. Every call carries `Opentrons-Version: 4`, fixed, so that drift shows. A body is
{"data": ...}; errors are {"errors": [...]} or, when the header is wrong, {"message", "errorCode"}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devices.http_link import Answer, HttpLink
from vesiflow.errors import BadReply, ConfigError, DeviceFault, Refused, VesiflowError

VERSION = "4"
HEADERS = {"Opentrons-Version": VERSION}
PAGE = 200
MOST_COMMANDS = 100_000
STARTING = 503


class Starting(Refused):
    """Not now: the robot is booting, or still analyses what was just sent. Ask again later."""


@dataclass(frozen=True, slots=True)
class Health:
    """Who answers: `model` "OT-2 Standard" or "OT-3 Standard" (a Flex), software, newest protocol API level."""

    name: str
    model: str
    api_version: str
    serial: str
    newest_level: tuple[int, int]


@dataclass(frozen=True)
class Robot:
    """One robot. All state is the robot's; nothing here is kept between calls."""

    link: HttpLink

    async def health(self) -> Health | None:
        """Who answers, None while it is starting."""
        answer = await self._call("GET", "/health")
        if answer.status == STARTING:
            return None
        body = self._fine(answer, "GET /health").body
        try:
            level = body.get("maximum_protocol_api_version") or [2, 0]
            return Health(
                str(body["name"]), str(body["robot_model"]), str(body["api_version"]),
                str(body.get("robot_serial") or ""), (int(level[0]), int(level[1])),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            raise self._strange("GET /health", body) from None

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """The `data` of a resource."""
        return self._data(await self._call("GET", path, query=query), f"GET {path}")

    async def whole(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The whole body of a resource, with links and meta."""
        body = self._fine(await self._call("GET", path, query=query), f"GET {path}").body
        if not isinstance(body, dict):
            raise self._strange(f"GET {path}", body)
        return body

    async def post(self, path: str, data: object, query: Mapping[str, str] | None = None) -> Any:
        """Create something; the `data` of what was created."""
        return self._data(await self._call("POST", path, body={"data": data}, query=query), f"POST {path}")

    async def patch(self, path: str, data: object) -> Any:
        """Change something."""
        return self._data(await self._call("PATCH", path, body={"data": data}), f"PATCH {path}")

    async def put(self, path: str, data: object) -> None:
        """Set something."""
        self._fine(await self._call("PUT", path, body={"data": data}), f"PUT {path}")

    async def delete(self, path: str) -> None:
        """Remove something."""
        self._fine(await self._call("DELETE", path), f"DELETE {path}")

    async def upload(self, protocol: str, labware: Mapping[str, object], key: str) -> Any:
        """A protocol with its own labware; the same files again give the protocol that is there already."""
        files = [("files", ("protocol.py", protocol.encode(), "text/x-python"))]
        files += [("files", (name, json.dumps(data).encode(), "application/json")) for name, data in labware.items()]
        return self._data(await self._call("POST", "/protocols", files=files, form={"key": key}), "POST /protocols")

    async def commands(self, run: str) -> list[dict[str, Any]]:
        """Every command of a run, page by page; BadReply when pages and total disagree."""
        path = f"/runs/{run}/commands"
        found: list[dict[str, Any]] = []
        while True:
            body = await self.whole(path, {"cursor": str(len(found)), "pageLength": str(PAGE)})
            page, total = body.get("data"), (body.get("meta") or {}).get("totalLength")
            if not isinstance(page, list) or not isinstance(total, int) or total > MOST_COMMANDS:
                raise self._strange(f"GET {path}", body)
            found += page
            if len(found) >= total:
                return found
            if not page:
                raise self._strange(f"GET {path}", f"{len(found)} of {total} commands")

    async def _call(self, method: str, path: str, **rest: Any) -> Answer:
        return await self.link.exchange(method, path, headers=HEADERS, **rest)

    def _data(self, answer: Answer, what: str) -> Any:
        body = self._fine(answer, what).body
        if not isinstance(body, dict) or "data" not in body:
            raise self._strange(what, body)
        return body["data"]

    def _fine(self, answer: Answer, what: str) -> Answer:
        if answer.status < 400:
            return answer
        raise refusal(answer, self.link.name, what)

    def _strange(self, what: str, body: object) -> BadReply:
        return BadReply(
            "not the answer of an Opentrons robot", device=self.link.name, action=what, value=repr(body)[:80],
            remedy="check the address",
        )  # fmt: skip


def refusal(answer: Answer, device: str, what: str) -> VesiflowError:
    """An error answer as what may be done next: below 500 the robot did nothing."""
    name, detail = _said(answer.body)
    reason = f"the robot answers {answer.status} {name}".rstrip()
    if answer.status == STARTING:
        return Starting(f"{reason}: {detail}", device=device, action=what, remedy="wait until it has started")
    if answer.status >= 500:
        return DeviceFault(f"{reason}: {detail}", device=device, action=what, remedy="see the robot's log")
    if answer.status in (400, 422):
        return ConfigError(f"{reason}: {detail}", device=device, action=what, remedy="mend what was sent")
    return Refused(f"{reason}: {detail}", device=device, action=what, remedy="look at the robot")


def _said(body: Any) -> tuple[str, str]:
    """Name and detail of an error in either of its shapes."""
    if isinstance(body, dict):
        errors = body.get("errors")
        if isinstance(errors, list) and errors and isinstance(errors[0], dict):
            first = errors[0]
            return str(first.get("id", ""))[:60], str(first.get("detail") or first.get("title") or "")[:300]
        if "message" in body:
            return str(body.get("errorCode", ""))[:60], str(body["message"])[:300]
    return "", "no reason given"
