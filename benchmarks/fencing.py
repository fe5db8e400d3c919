"""Nothing stale on the wire: `python -m benchmarks.fencing --tries 200 --races 1000`.

A controller is stopped (SIGSTOP) at a random moment of its work, another one takes the line over, the first wakes up
(SIGCONT). The wire is one queue of the operating system, so that what went out in which order is beyond dispute. The
first controller has a dead-man that trips when it wakes, as a real one has. Prints a table, writes
benchmarks/results/fencing.json, ends with 1 when anything stale went out.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import socket
import struct
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

from benchmarks.kept import store
from devices.commands import Kind, command
from devices.link import Link
from line.gateway import Gateway
from line.ownership import fence, owned
from line.watchdog import LoopWatch
from records.journal import Fenced, Journal, JournalReader, verify
from vesiflow.clock import WallClock
from vesiflow.errors import Refused

HANG = 0.1  # s
PATIENCE = 60  # s for a controller that says nothing
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # what counts is the order, not the disk
SENT_BY_THE_NEW = 5
BETWEEN = 0.003  # s from one action to the next; a real controller takes seconds
LONGEST = 0.03  # s until the first controller is stopped


class Wire:
    """A transport that puts every write as one packet onto a queue of the operating system."""

    url, blocks, lost = "queue", False, False

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    async def write(self, data: bytes) -> None:
        """Onto the queue."""
        self._end.send(data)

    async def read(self, patience: float) -> bytes:
        """This instrument never answers."""
        return b""


class Pump:
    """An instrument that obeys in silence."""

    def __init__(self, link: Link, name: str) -> None:
        self._link, self._name = link, name

    @command(Kind.BLIND)
    async def dose(self, number: int) -> None:
        """One packet: who sends, and which."""
        await self._link.send(f"{self._name} {number}".encode())

    @command(Kind.SETPOINT, safe=True)
    async def stop(self) -> None:
        """What the dead-man sends."""
        await self._link.send(f"{self._name} stop".encode())


async def controller(folder: Path, name: str, end: socket.socket, doses: int | None) -> None:
    """Own the line and dose (`doses` times or until Fenced) with everything between that a controller has."""
    clock = WallClock()
    with owned(folder, "bench") as owner:
        journal = Journal(folder / "journal.sqlite", clock, code_version="1", boot_id=name, guard=owner)
        link = Link(Wire(end), clock, "pump", guard=owner)  # type: ignore[arg-type]
        pump = Pump(link, name)
        watch = LoopWatch(lambda: _trip(link, pump), lambda: None, hang=HANG)
        watch.start()
        try:
            role = Gateway(_line(pump, clock), journal, "b1", name, 1).role("tff.pump")
            number = 0
            while doses is None or number < doses:
                await role.dose(number)
                number += 1
                await clock.sleep(BETWEEN)
        finally:
            watch.stop()
            journal.close()


def _trip(link: Link, pump: Pump) -> None:
    link.seize()
    with suppress(Fenced):
        asyncio.run(pump.stop())


def _line(pump: Pump, clock: WallClock) -> Any:
    spec = SimpleNamespace(at="queue", simulated=True)
    instrument = SimpleNamespace(spec=spec, identity=SimpleNamespace(serial_number="7"))
    file = SimpleNamespace(roles={"tff.pump": SimpleNamespace(instrument="pump", limits={})}, name="bench")
    return SimpleNamespace(file=file, clock=clock, instruments={"pump": instrument}, roles={"tff.pump": pump})


async def taking_over(folder: Path, end: socket.socket) -> None:
    """The second controller."""
    if await fence(folder, "bench", WallClock(speed=25.0)) is None:  # the patience in a fraction of the time
        raise AssertionError("the first one does not own the line")
    await controller(folder, "new", end, SENT_BY_THE_NEW)


def child(work: Callable[[], Any]) -> int:
    """`work` in a process of its own, its pid; exit code 0, 3 when fenced, 4 when refused, 5 for anything else."""
    pid = os.fork()
    if pid:
        return pid
    code = 5
    try:
        asyncio.run(work())
        code = 0
    except Fenced:
        code = 3
    except Refused:
        code = 4
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def ended(pid: int) -> int:
    """Exit code of a child."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def attempt(seed: int) -> Counter[str]:
    """One controller stopped, fenced and woken: what was counted."""
    rng, pause, counts = random.Random(seed), Event(), Counter[str](tries=1)
    with tempfile.TemporaryDirectory(prefix="vesiflow-fencing-", dir=MEMORY) as root:
        folder = Path(root)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", PATIENCE, 0))
        first = child(lambda: controller(folder, "old", theirs, None))
        packets = [ours.recv(64).decode()]
        code = 4
        while code == 4:
            pause.wait(rng.uniform(0.0, LONGEST))
            drain(ours, packets)
            os.kill(first, signal.SIGSTOP)
            pause.wait(rng.choice((0.0, 1.5 * HANG)))
            second = child(lambda: taking_over(folder, theirs))
            if rng.random() < 0.5:  # the old one wakes up while the new one begins
                until_new(ours, packets)
                os.kill(first, signal.SIGCONT)
            code = ended(second)
            os.kill(first, signal.SIGCONT)
            counts["taken over" if code == 0 else "refused in mid-write" if code == 4 else "failed"] += 1
        theirs_left = ended(first)
        theirs.close()
        while data := ours.recv(64):
            packets.append(data.decode())
        ours.close()
        counts["woke up fenced"] += theirs_left == 3
        counts["stale on the wire"] += stale(packets)
        counts["journal broken"] += not sound(folder / "journal.sqlite", packets)
    return counts


def drain(end: socket.socket, packets: list[str]) -> None:
    """Read what is on the wire, lest it be full."""
    with suppress(BlockingIOError):
        while True:
            packets.append(end.recv(64, socket.MSG_DONTWAIT).decode())


def until_new(end: socket.socket, packets: list[str]) -> None:
    """Read the wire until the new controller has been heard, or for a moment when it was refused."""
    end.settimeout(0.4)
    with suppress(TimeoutError):
        while not packets[-1].startswith("new"):
            packets.append(end.recv(64).decode())
    end.settimeout(None)


def stale(packets: list[str]) -> int:
    """Packets of the old controller after the first of the new one."""
    begun = next((n for n, packet in enumerate(packets) if packet.startswith("new")), len(packets))
    return sum(packet.startswith("old") for packet in packets[begun:])


def sound(path: Path, packets: list[str]) -> bool:
    """Whether the chain holds, every dose on the wire has its intent, and nothing old is written after the new one."""
    with JournalReader(path) as reader:
        boots = [entry.boot for entry in reader.events(None)]
        intents = Counter((intent.boot, intent.args[0]) for intent in reader.intents("b1"))
    sent = Counter((name, int(number)) for name, number in map(str.split, packets) if number != "stop")
    return verify(path).ok and boots == sorted(boots, reverse=True) and sent <= intents


def race(seed: int) -> Counter[str]:
    """Two controllers start at once: exactly one gets the line."""
    with tempfile.TemporaryDirectory(prefix="vesiflow-race-", dir=MEMORY) as root:
        folder, go, stay = Path(root), os.pipe(), os.pipe()

        async def start() -> None:
            os.close(go[1])
            os.close(stay[1])
            os.read(go[0], 1)  # both wake when the parent closes its end
            with owned(folder, "bench"):
                os.read(stay[0], 1)

        both = [child(start), child(start)]
        os.close(go[1])
        first, status = os.waitpid(-1, 0)
        os.close(stay[1])
        codes = sorted([os.waitstatus_to_exitcode(status), ended(next(pid for pid in both if pid != first))])
        os.close(go[0])
        os.close(stay[0])
    return Counter(races=1, two_owners=codes == [0, 0], no_owner=codes == [4, 4], one_owner=codes == [0, 4])


def total(work: Callable[[int], Counter[str]], count: int, seed: int) -> Counter[str]:
    """Sum over `count` runs."""
    found: Counter[str] = Counter()
    for number in range(count):
        found.update(work(seed * 1_000_000 + number))
    return found


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fencing", description=__doc__)
    parser.add_argument("--tries", type=int, default=200, help="controllers stopped and woken up late")
    parser.add_argument("--races", type=int, default=1000, help="two controllers started at once")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    tries, races = total(attempt, given.tries, given.seed), total(race, given.races, given.seed)
    for name, count in {**tries, **races}.items():
        print(f"{name.replace('_', ' '):24}{count:>8}")
    plan = f"--tries {given.tries} --races {given.races} --seed {given.seed}"
    store("fencing", {"command": f"python -m benchmarks.fencing {plan}", "stopped": tries, "races": races})
    bad = tries["stale on the wire"] + tries["failed"] + tries["journal broken"] + races["two_owners"]
    bad += tries["tries"] - tries["woke up fenced"] + races["no_owner"]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
