"""A pulled adapter, a closed connection, an instrument that takes no data: typed errors, and then it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from devices.link import Link, until
from devices.readings import Identity
from devices.transports import SerialSettings, ThreadTransport, open_transport
from sim.bench import Bench, using
from sim.wire.emulator import Now, Outbox, WireSettings
from vesiflow.clock import ScaledClock, VirtualClock, WallClock
from vesiflow.errors import BadReply, ConfigError, NoReply, NotSent

CR = until(b"\r")
Talk = Callable[[Link, Bench, VirtualClock], Awaitable[None]]


class Echo:
    """Says its name to `ID`, its number to `N`; answers after 0.1 s."""

    settings = WireSettings()

    def __init__(self, now: Now) -> None:
        self._out = Outbox(now, 0.1)
        self.name, self.heard = b"SN7", b""

    def receive(self, data: bytes) -> None:
        self.heard += data
        self._out.put((self.name if data == b"ID\r" else b"12") + b"\r")

    def transmit(self) -> bytes:
        return self._out.take()

    def due_in(self) -> float | None:
        return self._out.due_in()


def on_bench(talk: Talk) -> Echo:
    async def run() -> Echo:
        clock = VirtualClock()
        echo = Echo(clock.now)
        bench = Bench({"one": echo})

        async def act() -> None:
            link = Link(await open_transport("sim://one", SerialSettings(), clock), clock, "pump")

            async def identify() -> Identity:
                return Identity("v", "m", (await link.query(b"ID\r", CR)).decode().strip())

            link.identity, link.identify = await identify(), identify
            await talk(link, bench, clock)
            await link.transport.close()
            assert not bench.open

        with using(bench):
            await clock.spawn(act(), "act")
        return echo

    return asyncio.run(run())


def test_a_pulled_adapter_is_opened_again_and_the_instrument_asked_who_it_is() -> None:
    async def talk(link: Link, bench: Bench, clock: VirtualClock) -> None:
        bench.unplugged.add("one")
        for _ in range(3):
            with pytest.raises(NotSent, match="check cable"):
                await link.query(b"N\r", CR)
        assert link.dirty and link.counters.reconnects == 0
        bench.unplugged.clear()
        assert await link.query(b"N\r", CR) == b"12\r"
        assert (link.dirty, link.counters.reconnects, link.counters.recoveries) == (False, 1, 3)

    assert on_bench(talk).heard == b"ID\rID\rN\r"


def test_pulled_while_the_answer_is_under_way() -> None:
    async def talk(link: Link, bench: Bench, clock: VirtualClock) -> None:
        async def pull() -> None:
            await clock.sleep(0.05)
            bench.unplugged.add("one")

        task = clock.spawn(pull(), "pull")
        with pytest.raises(NoReply, match="disconnected"):
            await link.query(b"N\r", CR)
        await clock.join(task)
        with pytest.raises(NotSent, match="the port is lost: the port does not exist"):
            await link.send(b"N\r")
        bench.unplugged.clear()
        assert await link.query(b"N\r", CR) == b"12\r"

    assert on_bench(talk).heard == b"ID\rN\rID\rN\r"


def test_another_instrument_at_the_same_port_hears_nothing_but_the_question_who_it_is() -> None:
    async def talk(link: Link, bench: Bench, clock: VirtualClock) -> None:
        bench.unplugged.add("one")
        with pytest.raises(NotSent):
            await link.query(b"N\r", CR)
        bench.unplugged.clear()
        bench.endpoints["one"].name = b"SN8"  # type: ignore[attr-defined]
        with pytest.raises(BadReply, match="another instrument answers"):
            await link.query(b"N\r", CR)
        assert link.dirty

    assert b"N\r" not in on_bench(talk).heard


def test_writes_of_commands_are_counted_and_those_of_a_recovery_are_not() -> None:
    async def talk(link: Link, bench: Bench, clock: VirtualClock) -> None:
        sent = link.counters.sent
        bench.unplugged.add("one")
        with pytest.raises(NotSent):
            await link.query(b"N\r", CR)
        assert link.counters.sent == sent
        bench.unplugged.clear()
        await link.query(b"N\r", CR)
        assert link.counters.sent == sent + 1

    on_bench(talk)


async def test_a_closed_connection_is_opened_again() -> None:
    """A real socket: the far end hangs up, is away, and comes back at the same address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (line := await reader.readline()) and line != b"BYE\n":
            writer.write(b"12\r")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    clock = WallClock()
    transport = await open_transport(f"socket://127.0.0.1:{port}", SerialSettings(), clock)
    link = Link(transport, clock, "pump", quiet=0.02)
    assert await link.query(b"N\n", CR) == b"12\r"
    server.close()
    with pytest.raises(NoReply):
        await link.query(b"BYE\n", CR, timeout=5.0)
    assert transport.lost
    with pytest.raises(NotSent, match="the port is lost"):
        await link.query(b"N\n", CR)
    server = await asyncio.start_server(answer, "127.0.0.1", port)
    assert await link.query(b"N\n", CR) == b"12\r"
    assert link.counters.reconnects == 1
    await transport.close()
    server.close()


class Stuck:
    """A port whose far end never raises CTS, or that is gone."""

    timeout = 0.0

    def __init__(self, gone: bool = False) -> None:
        self.gone, self.written, self.forgotten = gone, b"", False

    def write(self, data: bytes) -> None:
        self.written += data

    @property
    def out_waiting(self) -> int:
        return len(self.written)

    def reset_output_buffer(self) -> None:
        self.forgotten = True

    @property
    def in_waiting(self) -> int:
        raise OSError(5, "Input/output error")

    def read(self, size: int) -> bytes:
        raise OSError(5, "Input/output error")

    def open(self) -> None:
        raise ValueError("Invalid baud rate: 0")

    def close(self) -> None:
        if self.gone:
            raise OSError(5, "Input/output error")


async def test_a_command_that_is_not_taken_in_time_is_forgotten() -> None:
    port = Stuck()
    transport = ThreadTransport("stuck://", port, ScaledClock(200.0))
    with pytest.raises(NoReply, match="does not take data; check flow control"):
        await transport.write(b"GO\r")
    assert port.forgotten and not transport.lost
    await transport.close()


@pytest.mark.parametrize("call", ["read", "discard_input"])
async def test_errors_of_the_system_are_typed(call: str) -> None:
    transport = ThreadTransport("gone://", Stuck(gone=True), WallClock())
    act: dict[str, Callable[[], Awaitable[Any]]] = {
        "read": lambda: transport.read(0.0),
        "discard_input": transport.discard_input,
    }
    with pytest.raises((NoReply, NotSent), match="Input/output error"):
        await act[call]()
    assert transport.lost
    with pytest.raises(NotSent, match="Invalid baud rate"):
        await transport.reopen()
    await transport.close()


async def test_an_impossible_setting_is_a_config_error() -> None:
    transport = ThreadTransport("stuck://", Stuck(), WallClock())
    with pytest.raises(ConfigError, match="Invalid baud rate"):
        await transport.open()
