"""Hostile recipes, a simulated instrument on a real line, addresses that are no robot."""

from __future__ import annotations

import time

import httpx
import yaml

from devices.http_link import HttpLink, HttpTransport, open_http
from devices.line_file import line_from_text, load_line
from line.prepare import Prepared
from line.simulation import simulation
from line.trial_line import trial
from line.trial_result import Result
from protocols.load import loads
from vesiflow.clock import VirtualClock, WallClock
from vesiflow.errors import VesiflowError

RECIPES = {
    "a tag": "recipe: !!python/object/apply:os.system ['true']\n",
    "an alias bomb": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "a path for a name": "recipe: ../../etc/passwd\nversion: 1.0.0\nprocedure: []\n",
    "a number that is none": "recipe: x\nversion: 1.0.0\nmaterial: {m: {volume: .nan L}}\nprocedure: []\n",
    "a huge number": "recipe: x\nversion: 1.0.0\nmaterial: {m: {volume: 1e400 L}}\nprocedure: []\n",
    "a deep nest": "recipe: " + "[" * 2000 + "]" * 2000 + "\n",
}
STRANGERS = ("http://169.254.169.254:31950", "http://8.8.8.8:31950", "http://intranet:31950", "gopher://10.0.0.1")
SLOW = 1.0  # s


async def recipe(result: Result, seed: int) -> Result:
    """Each is refused with its line, in less than a second, and nothing of it is carried out."""
    for name, text in RECIPES.items():
        began = time.perf_counter()
        try:
            loads(text, "recipe.yaml")
        except VesiflowError as error:
            result.add("" if "recipe.yaml:" in str(error) else f"{name}: no line is named")
        else:
            result.add(f"{name} was taken")
        result.add(f"{name}: slow" if time.perf_counter() - began > SLOW else "")
    return result.ended("Refused", by="reader")


async def mixed(result: Result, seed: int) -> Result:
    """One simulated instrument on a real line, one real one on a simulated line: refused, whichever it is."""
    data = yaml.safe_load(load_line("sim").text)
    del data["simulation"]
    data["instruments"]["feed"]["at"] = "/dev/ttyUSB0"
    result.add(_opened(yaml.safe_dump(data), "a simulated instrument on a real line was taken"))
    line, recipe_, _ = trial("tff")
    data = yaml.safe_load(line.text)
    data["instruments"]["feed"]["at"] = "/dev/ttyUSB0"
    try:
        simulation(Prepared(line_from_text(yaml.safe_dump(data)), recipe_), seed)
    except VesiflowError as error:
        result.note = str(error)
    else:
        result.add("a real instrument was simulated")
    return result.ended("Refused", by="line file")


def _opened(text: str, otherwise: str) -> str:
    try:
        line_from_text(text)
    except VesiflowError:
        return ""
    return otherwise


async def address(result: Result, seed: int) -> Result:
    """Strange hosts are refused before anything is sent; a robot that sends us elsewhere is not followed."""
    for at in STRANGERS:
        try:
            link = await open_http(at, "robot", WallClock(), ())
        except VesiflowError:
            continue
        await link.transport.close()
        result.add(f"{at} was taken for a robot")
    asked: list[str] = []

    def elsewhere(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"location": "http://localhost:5432/"})

    client = httpx.AsyncClient(
        transport=httpx.MockTransport(elsewhere), base_url="http://robot", follow_redirects=False
    )
    link = HttpLink(HttpTransport("http://robot", client), VirtualClock(), "robot")
    try:
        await link.exchange("GET", "/health", headers={})
    except VesiflowError as error:
        result.note = str(error)
    else:
        result.add("a redirect was followed")
    finally:
        await client.aclose()
    result.add(f"asked {asked}" if asked != ["http://robot/health"] else "")
    return result.ended("Refused", by="address check")
