"""One driver, connected to its counterpart over a `Wire` on virtual time; nothing may be left behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from devices import registry
from devices.link import Link
from devices.testing.counterpart import Counterpart, Make, driver_name
from devices.testing.wire import Fault, StillWaiting, Wire
from vesiflow.clock import VirtualClock

T = TypeVar("T")


@dataclass
class Session:
    """A connected driver and everything around it."""

    device: Any
    counterpart: Counterpart
    wire: Wire
    link: Link
    clock: VirtualClock

    def role(self, capability: str) -> Any:
        """The object that is `capability`, with the counterpart's role options."""
        return self.device.role(capability, **self.counterpart.roles.get(capability, {}))

    async def within_limit(self, call: Awaitable[T]) -> T:
        """What `call` gives; StillWaiting when it takes longer than the counterpart allows."""
        began = self.clock.now()
        self.wire.until = began + self.counterpart.limit
        try:
            return await call
        finally:
            self.wire.until = float("inf")
            if self.clock.now() - began > 2 * self.counterpart.limit:
                raise StillWaiting(f"took {self.clock.now() - began:g} s")

    async def settled(self) -> bytes:
        """Mend the wire, wait until it is quiet; what nobody had read."""
        self.wire.fault, self.wire.spoil = Fault.NONE, None
        left = b""
        while data := await self.wire.read(4.0):
            left += data
        return left


def converse(key: str, make: Make, talk: Callable[[Session], Awaitable[T]]) -> T:
    """Connect the driver `key` to what `make` builds and run `talk`; no task and no thread may be left."""

    async def run() -> T:
        clock = VirtualClock()
        counterpart = make(clock)
        wire = Wire(clock, counterpart.emulator)

        async def act() -> T:
            driver = registry.load(driver_name(key))
            link = Link(wire, clock, "kit")
            device = driver(link, clock, driver.options.model_validate(dict(counterpart.options)))
            await device.connect()
            session = Session(device, counterpart, wire, link, clock)
            if counterpart.prepare is not None:
                await counterpart.prepare(device)
            result = await talk(session)
            await wire.close()
            return result

        result = await clock.spawn(act(), "conformance")
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks left behind: {sorted(task.get_name() for task in left)}"
        return result

    threads = set(threading.enumerate())
    result = asyncio.run(run())
    left = [thread.name for thread in threading.enumerate() if thread not in threads]
    assert not left, f"threads left behind: {left}"
    return result
