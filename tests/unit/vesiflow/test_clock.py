"""The virtual clock jumps only when every actor waits."""

from __future__ import annotations

import asyncio

import pytest

from vesiflow.clock import Lock, ScaledClock, VirtualClock, WallClock


async def test_two_actors_meet_in_order_of_deadlines() -> None:
    clock = VirtualClock()
    seen: list[tuple[str, float]] = []

    async def actor(name: str, period: float, times: int) -> None:
        for _ in range(times):
            await clock.sleep(period)
            seen.append((name, clock.now()))

    tasks = [clock.spawn(actor("a", 3.0, 2), "a"), clock.spawn(actor("b", 2.0, 3), "b")]
    await asyncio.gather(*tasks)
    assert seen == [("b", 2.0), ("a", 3.0), ("b", 4.0), ("a", 6.0), ("b", 6.0)]


async def test_fifty_hours_take_no_time() -> None:
    clock = VirtualClock()
    await clock.spawn(clock.sleep(50 * 3600.0), "long")
    assert clock.now() == 50 * 3600.0


async def test_time_stands_still_while_an_actor_works_outside() -> None:
    clock = VirtualClock()
    order: list[str] = []

    async def sleeper() -> None:
        await clock.sleep(10.0)
        order.append("slept")

    async def outside() -> None:
        with clock.frozen():
            for _ in range(20):
                await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        order.append("outside")

    first = clock.spawn(sleeper(), "sleeper")
    await outside()
    await first
    assert order == ["outside", "slept"]


async def test_a_cancelled_sleeper_does_not_leap_the_clock() -> None:
    clock = VirtualClock()
    cleaned: list[float] = []

    async def victim() -> None:
        try:
            await clock.sleep(5.0)
        finally:
            cleaned.append(clock.now())

    async def boss() -> None:
        task = clock.spawn(victim(), "victim")
        late = clock.spawn(clock.sleep(100.0), "late")
        await clock.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await clock.join(task)
        assert clock.now() == 1.0
        await clock.join(late)

    await clock.spawn(boss(), "boss")
    assert cleaned == [1.0]
    assert clock.now() == 100.0


async def test_event_wakes_waiters_before_time_moves() -> None:
    clock = VirtualClock()
    event = clock.event()
    woken: list[float] = []

    async def waiter() -> None:
        await event.wait()
        woken.append(clock.now())

    async def setter() -> None:
        await clock.sleep(2.0)
        event.set()
        await clock.sleep(50.0)

    await asyncio.gather(clock.spawn(waiter(), "w"), clock.spawn(setter(), "s"))
    assert woken == [2.0]


async def test_lock_hands_over_in_order_and_survives_cancellation() -> None:
    clock = VirtualClock()
    lock = Lock(clock)
    order: list[str] = []

    async def user(name: str) -> None:
        async with lock:
            order.append(name)
            await clock.sleep(1.0)

    async def boss() -> None:
        tasks = [clock.spawn(user(name), name) for name in "abc"]
        await clock.sleep(0.5)
        tasks[1].cancel()
        with pytest.raises(asyncio.CancelledError):
            await clock.join(tasks[1])
        await clock.join(tasks[2])

    await clock.spawn(boss(), "boss")
    assert order == ["a", "c"]
    assert clock.now() == 2.0


async def test_wall_and_scaled_clocks_move_forward() -> None:
    for clock in (WallClock(), ScaledClock(100.0)):
        before, date = clock.now(), clock.utc()
        await clock.sleep(0.1 if clock.virtual else 0.05)
        assert clock.now() > before
        assert clock.utc() > date
        assert await clock.join(clock.spawn(_done(), "t")) == "done"


async def _done() -> str:
    return "done"


async def test_a_follower_keeps_up_and_does_not_drive() -> None:
    clock = VirtualClock()
    seen: list[float] = []

    async def follower() -> None:
        while True:
            await clock.follow(10.0)
            seen.append(clock.now())

    task = clock.spawn(follower(), "follower")
    for _ in range(5):
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)
    assert (seen, clock.now()) == ([], 0.0)
    await clock.spawn(clock.sleep(35.0), "actor")
    assert (seen, clock.now()) == ([10.0, 20.0, 30.0], 35.0)
    task.cancel()
    await asyncio.wait({task})
