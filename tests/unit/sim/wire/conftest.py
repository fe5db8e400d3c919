"""A fake time and a host that talks to an emulator on it."""

from __future__ import annotations

import pytest

from sim.wire.emulator import Emulator


class FakeTime:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.seconds += seconds


class Host:
    """Sends bytes and listens; `took` is how long the last answer needed."""

    def __init__(self, time: FakeTime) -> None:
        self.time = time
        self.took = 0.0

    def ask(self, emulator: Emulator, request: bytes, patience: float = 2.0) -> bytes:
        """All bytes that answer `request` until the instrument has nothing under way, within `patience` s."""
        emulator.receive(request)
        return self.listen(emulator, patience)

    def listen(self, emulator: Emulator, patience: float = 2.0) -> bytes:
        begin = self.time.seconds
        heard = emulator.transmit()
        self.took = 0.0
        while (due := emulator.due_in()) is not None and self.time.seconds + due <= begin + patience:
            self.time.wait(max(due, 1e-6))
            more = emulator.transmit()
            if more:
                self.took = self.time.seconds - begin
            heard += more
        return heard


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def host(time: FakeTime) -> Host:
    return Host(time)
