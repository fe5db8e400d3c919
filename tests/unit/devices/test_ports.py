"""Ports that cannot be opened: one line with the cause and what to do, never another exception."""

from __future__ import annotations

import os
import socket
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from devices import transports
from devices.transports import SerialSettings, open_transport
from vesiflow.clock import WallClock
from vesiflow.errors import ConfigError


@pytest.fixture
def pseudo_terminal() -> Iterator[str]:
    master, slave = os.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


async def refused(url: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        await open_transport(url, SerialSettings(), WallClock())
    assert "\n" not in str(caught.value) and caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("/dev/does-not-exist", "the port does not exist"),
        ("/dev/null", "this is no serial port"),
        ("/tmp", "this is no serial port"),
        ("socket://127.0.0.1", "the address has no port number"),
        ("socket://127.0.0.1:notaport", "Could not open port"),
        ("foo://x", "protocol 'foo' not known"),
        ("hwgrep://no-such-adapter", "no ports found"),
        ("sim://nowhere", "the port does not exist"),
    ],
)
async def test_what_is_no_port(url: str, reason: str) -> None:
    assert reason in (await refused(url)).reason


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    assert (await refused(f"socket://127.0.0.1:{free}")).reason == "nothing listens there"


async def test_a_plain_file(tmp_path: Path) -> None:
    (tmp_path / "port").touch()
    assert (await refused(str(tmp_path / "port"))).reason == "this is no serial port"


async def test_a_port_in_use(pseudo_terminal: str) -> None:
    first = await open_transport(pseudo_terminal, SerialSettings(), WallClock())
    try:
        error = await refused(pseudo_terminal)
        assert error.reason == "the port is in use by another process" and "other program" in str(error)
    finally:
        await first.close()


@pytest.mark.parametrize(
    ("said", "reason", "remedy"),
    [
        (
            "[Errno 13] could not open port /dev/ttyUSB0: [Errno 13] Permission denied: '/dev/ttyUSB0'",
            "no permission",
            "dialout",
        ),
        ("[Errno 16] could not open port /dev/ttyUSB0: [Errno 16] Device or resource busy", "in use", "other program"),
        ("Could not open port socket://h:1: [Errno 113] No route to host", "cannot be reached", "check cable"),
        (
            "Could not open port socket://h:1: [Errno -2] Name or service not known",
            "no host of this name",
            "check cable",
        ),
    ],
)
async def test_what_the_operating_system_says(
    said: str, reason: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing(serial.Serial):  # type: ignore[misc]
        def open(self) -> None:
            raise serial.SerialException(said)

    monkeypatch.setattr(transports, "_make", lambda url, settings: Refusing())
    error = await refused("/dev/ttyUSB0")
    assert reason in error.reason and remedy in (error.remedy or "")
