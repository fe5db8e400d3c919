"""`vesiflow line`: which lines there are, whether their instruments answer, and the controller as a service."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import uvicorn
from rich.markup import escape
from rich.tree import Tree

from console.reports import reported
from console.running import drive
from console.summary import plain_table, screen
from console.web.login import Login
from console.web.page import mount
from devices.line_file import LineFile, load_line, packaged
from line.access import Guarded, refuse_open, token
from line.api import create_app
from line.host import Host, hosted, look_at_disk
from line.identify import Found, findings
from line.ownership import end, fence
from line.service import Service, announced
from records.store import Store
from vesiflow.clock import WallClock
from vesiflow.errors import ConfigError, VesiflowError

NETWORK = ("socket://", "http://", "https://", "none", "console")
"""Where line settings do not matter."""
_LOOK = 1.0  # s
_SETTLE = 2.0  # s until device servers have seen that the connections of a dead process are gone


def list_lines() -> None:
    """List the packaged lines with their instruments."""
    table = plain_table("line", "clock", ">instruments", ">roles", "simulated")
    for name in packaged():
        line = load_line(name)
        simulated = "yes" if line.simulation is not None else "no"
        table.add_row(name, line.clock, str(len(line.instruments)), str(len(line.roles)), simulated)
    screen().print(table)


def check(line: str = "sim", /) -> int:
    """Open every port of a line and ask every instrument who it is; nothing moves.

    Exit code 0 when all answer, 1 when some do not, 2 when the line file is wrong.

    Parameters
    ----------
    line
        Name of a packaged line, or a YAML file.
    """
    file = load_line(line)
    found = drive(findings(file, Store()))
    screen().print(_tree(file, found))
    missing = [item.spec.name for item in found if not item.answers]
    if missing:
        print(f"line {file.name}: {len(missing)} of {len(found)} instruments do not answer: {', '.join(missing)}")
        return 1
    print(f"line {file.name}: all {len(found)} instruments answer")
    return 0


def _tree(line: LineFile, found: list[Found]) -> Tree:
    tree = Tree(f"line {escape(line.name)} ({escape(line.file)})", highlight=False)
    for item in found:
        spec, identity = item.spec, item.identity
        colour, word = ("green", "answers") if item.answers else ("red", "FAILS")
        branch = tree.add(f"[{colour}]{word}[/] {escape(spec.name)}: {escape(spec.driver_name)} at {escape(spec.at)}")
        if identity is not None:
            parts = [identity.vendor, identity.model, _named("serial number", identity.serial_number),
                     _named("firmware", identity.firmware)]  # fmt: skip
            branch.add(escape(", ".join(part for part in parts if part)))
        if item.error is not None:
            branch.add(f"[red]{escape(item.error.reason)}[/]{escape(_compared(item.error))}")
            if not spec.at.startswith(NETWORK):
                branch.add(f"settings: {escape(str(spec.settings))}")
            if item.error.remedy:
                branch.add(f"remedy: {escape(item.error.remedy)}")
        if item.roles:
            branch.add(f"roles: {escape(', '.join(item.roles))}")
    return tree


def _named(name: str, value: str) -> str:
    return f"{name} {value}" if value else ""


def _compared(error: VesiflowError) -> str:
    """ " (got 7, allowed 0412)" of an error that compares."""
    if error.value is None:
        return ""
    return f" (got {error.value}{f', allowed {error.bounds}' if error.bounds else ''})"


def serve(
    line: str = "sim",
    /,
    *,
    host: str = "127.0.0.1",
    port: int = 4300,
    seed: int | None = None,
    take_over: bool = False,
    exchanged: bool = False,
) -> None:
    """Own a line: open its instruments and serve its controller until Ctrl-C; then everything is in its safe state.

    Parameters
    ----------
    line
        Name of a packaged line, or a YAML file.
    host
        Address to listen on. Other machines are let in only with the token in VESIFLOW_LINE_TOKEN, here and there.
    port
        Port to listen on.
    seed
        Of a simulated line.
    take_over
        Take the line from the process that owns it and hangs or was stopped: nothing of that process goes out any more,
        should it wake up. Its batches come up held.
    exchanged
        Instruments were exchanged on purpose while a batch was under way: take it up, held, with the new ones.
    """
    if not 0 < port < 65536:
        raise ConfigError("no port", action="--port", value=port, bounds="1..65535")
    known = token()
    refuse_open(host, known)
    drive(_serve(load_line(line), host, port, seed, take_over, exchanged, known))


async def _serve(
    line: LineFile, host: str, port: int, seed: int | None, take_over: bool, exchanged: bool, known: str | None
) -> None:
    store = Store()
    if take_over:
        await _take_over(store.line(line.name), line.name)
    with _listening(host, port) as listener:
        async with hosted(line, store, seed=seed, exchanged=exchanged) as here, reported(here.controller.batches):
            me = Service(line.name, f"http://{_reachable(host)}:{port}", os.getpid(), line.file)
            app = create_app(here.controller)
            mount(app, closed=known is not None)
            guarded = app if known is None else Login(Guarded(app, known), known, line.name, WallClock())
            server = _Server(uvicorn.Config(guarded, log_level="warning", access_log=False, lifespan="off"))
            with announced(store.line(line.name), me):
                serving = asyncio.create_task(server.serve(sockets=[listener]), name="serve")
                print(f"line {line.name}: controller at {me.url} (Ctrl-C stops the line)", flush=True)
                try:
                    for batch, why in here.controller.buried.items():
                        print(f"batch {batch} is Aborted: {why}", flush=True)
                    await _while_owned(here, serving)
                finally:
                    server.should_exit = server.force_exit = True
                    await serving


async def _take_over(folder: Path, line: str) -> None:
    clock = WallClock()
    before = await fence(folder, line, clock)
    if before is not None:
        ended = before.isdigit() and end(int(before), folder)
        what = "and ended it" if ended else "which can do nothing any more; end it if its ports stay in use"
        print(f"line {line}: took it from process {before}, {what}", flush=True)
        await clock.sleep(_SETTLE)


async def _while_owned(here: Host, serving: asyncio.Task[None]) -> None:
    """Until the service ends, with an eye on the disk; Fenced when another controller has taken the line."""
    clock = WallClock()
    while not serving.done():
        with here.owner:
            look_at_disk(here.controller)
        look = asyncio.create_task(clock.sleep(_LOOK), name="still the owner?")
        await asyncio.wait({serving, look}, return_when=asyncio.FIRST_COMPLETED)
        look.cancel()


def _reachable(host: str) -> str:
    """Where a service that listens on `host` is reached from this machine."""
    return "127.0.0.1" if host in ("0.0.0.0", "") else f"[{host}]" if ":" in host else host


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise ConfigError(
            error.strerror or str(error), action=f"listen on {host}:{port}", remedy="choose another --port"
        ) from error


class _Server(uvicorn.Server):
    """A server that leaves signals to the command line, which brings the line to its safe state."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Take no signals."""
        return nullcontext()
