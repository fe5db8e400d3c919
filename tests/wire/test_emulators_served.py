"""Emulators served to foreign clients: plain sockets and a pseudo terminal opened by pyserial."""

import asyncio

import pytest
import serial

from devices.drivers.julabo import Julabo as JulaboDriver
from devices.link import Link
from devices.transports import SerialSettings, open_transport
from sim.bench import Bench
from sim.wire.julabo import Julabo
from sim.wire.mettler_sics import MettlerBalance
from sim.wire.server import Endpoint, close, serve
from sim.wire.watson_marlow_323 import WatsonMarlow323
from vesiflow.clock import ScaledClock, VirtualClock
from vesiflow.errors import ConfigError

SPEED = 20.0


def bench(clock):
    return Bench(
        {
            "tff/balance": MettlerBalance(clock.now, lambda: 0.1, lambda: True),
            "tff/feed": WatsonMarlow323(clock.now, lambda speed: None),
        }
    )


async def exchange(endpoint: Endpoint, request: bytes, end: bytes) -> bytes:
    host, port = endpoint.where.removeprefix("socket://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.readuntil(end), 10)
    finally:
        writer.close()


def test_tcp():
    async def scenario():
        clock = ScaledClock(SPEED)
        served = await serve(bench(clock), clock, tcp_base=0)
        try:
            assert [(e.address, e.settings) for e in served] == [
                ("tff/balance", "9600 8N1"),
                ("tff/feed", "9600 8N2"),
            ]
            begin = clock.now()
            assert await exchange(served[0], b"S\r\n", b"\n") == b"S S     100.00 g\r\n"
            assert clock.now() - begin >= MettlerBalance.STABILITY
            assert await exchange(served[1], b"1RS\r", b"!\r") == b"1RS\r323Du 3 CW 0 !\r"
        finally:
            await close(served)

    asyncio.run(scenario())


def test_one_client_at_a_time_and_closing_ends_its_stream():
    async def scenario():
        clock = ScaledClock(SPEED)
        line = bench(clock)
        served = await serve(line, clock, tcp_base=0)
        host, port = served[0].where.removeprefix("socket://").split(":")
        first, first_writer = await asyncio.open_connection(host, int(port))
        first_writer.write(b"I4\r\n")
        await asyncio.wait_for(first.readuntil(b"\n"), 10)
        assert line.open == {"tff/balance"}
        second, second_writer = await asyncio.open_connection(host, int(port))
        assert await asyncio.wait_for(second.read(), 10) == b""
        await close(served)
        assert await asyncio.wait_for(first.read(), 10) == b""
        for writer in (first_writer, second_writer):
            writer.close()
        assert line.open == set()

    asyncio.run(scenario())


def test_unplugged_instrument_refuses():
    async def scenario():
        clock = ScaledClock(SPEED)
        line = bench(clock)
        line.unplugged.add("tff/balance")
        served = await serve(line, clock, tcp_base=0)
        try:
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await exchange(served[0], b"I4\r\n", b"\n")
        finally:
            await close(served)

    asyncio.run(scenario())


def test_pty_is_raw_and_survives_a_client_that_comes_and_goes():
    def talk(where: str, request: bytes, end: bytes) -> bytes:
        with serial.Serial(where, 9600, timeout=10) as port:
            port.write(request)
            return bytes(port.read_until(end))

    async def scenario():
        clock = ScaledClock(SPEED)
        served = await serve(bench(clock), clock, pty=True)
        try:
            for _ in range(2):
                heard = await asyncio.to_thread(talk, served[0].where, b"S\r\n", b"\n")
                assert heard == b"S S     100.00 g\r\n"
        finally:
            await close(served)

    asyncio.run(scenario())


def test_a_driver_opens_a_pty_with_its_own_settings_whatever_the_kernel_makes_of_them():
    async def scenario():
        clock = ScaledClock(SPEED)
        bath = Julabo(clock.now, lambda: 20.0, lambda value: None, lambda on: None)
        served = await serve(Bench({"bath": bath}), clock, pty=True)
        try:
            transport = await open_transport(served[0].where, JulaboDriver.settings, clock)
            try:
                device = JulaboDriver(Link(transport, clock, "bath"), clock)
                assert (await device.connect()).vendor == "JULABO"
            finally:
                await transport.close()
        finally:
            await close(served)

    asyncio.run(scenario())


@pytest.mark.parametrize("options", [{}, {"tcp_base": 0, "pty": True}])
def test_one_way_must_be_chosen(options):
    with pytest.raises(ConfigError, match="choose one of"):
        asyncio.run(serve(Bench({}), ScaledClock(1.0), **options))


def test_virtual_time_cannot_be_served():
    with pytest.raises(ConfigError, match="wall or scaled"):
        asyncio.run(serve(Bench({}), VirtualClock(), tcp_base=0))


def test_port_in_use_is_one_clear_line():
    async def scenario():
        clock = ScaledClock(SPEED)
        served = await serve(bench(clock), clock, tcp_base=0)
        taken = int(served[0].where.rsplit(":", 1)[1])
        try:
            with pytest.raises(ConfigError, match="cannot serve tff/balance"):
                await serve(bench(clock), clock, tcp_base=taken)
        finally:
            await close(served)

    asyncio.run(scenario())


def test_a_port_may_be_closed_twice():
    async def scenario():
        clock = ScaledClock(SPEED)
        served = await serve(bench(clock), clock, tcp_base=0)
        try:
            port = await open_transport(served[0].where, SerialSettings(), clock)
            await port.close()
            await port.close()
        finally:
            await close(served)

    asyncio.run(scenario())
