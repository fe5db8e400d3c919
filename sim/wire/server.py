"""Serves a bench to any foreign client: one TCP port or one pseudo terminal per instrument.

Emulators are the very same as behind `sim://`; their delays pass on the clock given (wall or scaled). One client
at a time, as on a cable. A pseudo terminal keeps 8N1 whatever the client asks for, so the settings are shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from sim.bench import Bench
from sim.wire.emulator import Emulator, WireSettings
from vesiflow.clock import Clock
from vesiflow.errors import ConfigError

HOST = "127.0.0.1"
_CHUNK = 4096


@dataclass
class Endpoint:
    """Where the instrument at `address` of the bench is served, and its line settings as text."""

    address: str
    where: str
    settings: str
    _closers: list[Callable[[], None]] = field(default_factory=list, repr=False)
    _tasks: list[asyncio.Task[Any]] = field(default_factory=list, repr=False)

    async def close(self) -> None:
        """Stop serving; a client that is still connected sees the end of the stream."""
        for close in self._closers:
            close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def shown(settings: WireSettings) -> str:
    """ "4800 7E1", or "any" where the line has no settings."""
    if settings.baudrate is None:
        return "any"
    return f"{settings.baudrate} {settings.bytesize}{settings.parity}{settings.stopbits:g}"


async def serve(
    bench: Bench,
    clock: Clock,
    *,
    tcp_base: int | None = None,
    pty: bool = False,
    only: Collection[str] | None = None,
) -> list[Endpoint]:
    """Serve the endpoints of `bench` (those named in `only`): TCP ports from `tcp_base` on (0: any free ones), or
    pseudo terminals."""
    if clock.virtual:
        raise ConfigError("a virtual clock cannot serve foreign clients", remedy="use a wall or scaled clock")
    if (tcp_base is None) is not pty:
        raise ConfigError("serve over TCP or over pseudo terminals", remedy="choose one of --tcp and --pty")
    served: list[Endpoint] = []
    wanted = [(name, emulator) for name, emulator in bench.endpoints.items() if only is None or name in only]
    address = ""
    try:
        for number, (address, emulator) in enumerate(wanted):
            if tcp_base is None:
                served.append(_serve_pty(address, emulator, clock))
            else:
                port = tcp_base + number if tcp_base else 0
                served.append(await _serve_tcp(address, emulator, bench, clock, port))
    except OSError as error:
        await close(served)
        raise ConfigError(
            f"cannot serve {address}: {error.strerror or error}", remedy="choose another --port"
        ) from error
    return served


async def close(endpoints: list[Endpoint]) -> None:
    """Stop serving all of them."""
    for endpoint in endpoints:
        await endpoint.close()


async def _pump(emulator: Emulator, clock: Clock, poked: asyncio.Event, write: Callable[[bytes], None]) -> None:
    """Send what the emulator has to say, when it is due; `poked` after every received byte."""
    while True:
        poked.clear()
        data = emulator.transmit()
        if data:
            write(data)
        due = emulator.due_in()
        poke = asyncio.ensure_future(poked.wait())
        waits: set[asyncio.Future[object]] = {poke}  # type: ignore[arg-type]
        if due is not None:
            waits.add(asyncio.ensure_future(clock.sleep(max(due, 1e-4))))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


async def _serve_tcp(address: str, emulator: Emulator, bench: Bench, clock: Clock, port: int) -> Endpoint:
    endpoint = Endpoint(address, "", shown(emulator.settings))

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if address in bench.open or address in bench.unplugged:
            writer.close()
            return
        bench.open.add(address)
        emulator.transmit()  # said while nobody listened
        poked = asyncio.Event()
        pump = asyncio.create_task(_pump(emulator, clock, poked, writer.write))
        handler = asyncio.current_task()
        assert handler is not None
        endpoint._tasks.append(handler)
        try:
            while (data := await reader.read(_CHUNK)) and address not in bench.unplugged and not pump.done():
                emulator.receive(data)
                poked.set()
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client is gone, as after the end of its stream; or serving has ended
        finally:
            bench.open.discard(address)
            endpoint._tasks.remove(handler)
            writer.close()
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await pump

    server = await asyncio.start_server(connected, HOST, port)
    endpoint.where = f"socket://{HOST}:{server.sockets[0].getsockname()[1]}"
    endpoint._closers.append(server.close)
    return endpoint


def _serve_pty(address: str, emulator: Emulator, clock: Clock) -> Endpoint:
    """The slave end is raw before anybody opens it and stays open here, so that a client may come and go."""
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    poked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def heard() -> None:
        with contextlib.suppress(BlockingIOError):
            emulator.receive(os.read(master, _CHUNK))
            poked.set()

    def say(data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):  # nobody reads: lost, as on a line without flow control
            os.write(master, data)

    def stop() -> None:
        loop.remove_reader(master)
        os.close(master)
        os.close(slave)

    loop.add_reader(master, heard)
    endpoint = Endpoint(address, os.ttyname(slave), shown(emulator.settings))
    endpoint._closers.append(stop)
    endpoint._tasks.append(asyncio.create_task(_pump(emulator, clock, poked, say), name=f"pty {address}"))
    return endpoint
