"""`vesiflow line scan`: the serial ports of this machine and who answers on them, as a tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter
from rich.markup import escape
from rich.tree import Tree

from console.running import drive
from console.summary import screen
from devices.scan import Port, Scanned, askable, serial_ports
from devices.scan import ask as ask_port
from vesiflow.clock import WallClock

Names = Annotated[list[str] | None, Parameter(negative="")]


def scan(*port: str, driver: Names = None, ask: bool = True) -> int:
    """List the serial ports of this machine and ask on each who is there.

    Every driver asks its first question with its own line settings until one is understood; that takes up to half a
    minute and is noise to an instrument that vesiflow does not know: name the drivers, or give --no-ask, where one is
    plugged in. Exit code 1 when a port that was named does not answer.

    Parameters
    ----------
    port
        Ports to ask instead: a device file, or socket://HOST:PORT.
    driver
        Ask with this driver only; may be given several times.
    ask
        Ask who is there; --no-ask only lists the ports.
    """
    names = askable(driver or ())
    ports = [Port(at) for at in port] or serial_ports()
    if not ports:
        print("this machine has no serial port; plug one in, or name one (a device file, or socket://HOST:PORT)")
        return 0
    found = drive(_asked(ports, names)) if ask else [Scanned(item) for item in ports]
    tree = Tree(_count(ports, "port") + (f", asked by {_count(names, 'driver')}" if ask else ""), highlight=False)
    for item in found:
        _branch(tree, item, ask)
    screen().print(tree)
    return int(ask and bool(port) and any(item.identity is None for item in found))


def _count(items: Sequence[object], name: str) -> str:
    return f"{len(items)} {name}{'' if len(items) == 1 else 's'}"


async def _asked(ports: list[Port], names: list[str]) -> list[Scanned]:
    clock = WallClock()
    tasks = [clock.spawn(ask_port(port, names, clock), f"ask {port.at}") for port in ports]
    return [await clock.join(task) for task in tasks]


def _branch(tree: Tree, item: Scanned, asked: bool) -> None:
    port, identity = item.port, item.identity
    branch = tree.add(f"{escape(port.at)}" + (f" ({escape(port.about)})" if port.about else ""))
    if identity is not None:
        parts = [identity.vendor, identity.model, identity.serial_number and f"serial number {identity.serial_number}"]
        branch.add(f"[green]answers[/] {escape(item.driver)}: {escape(', '.join(part for part in parts if part))}")
    elif item.error is not None:
        branch.add(f"[red]{escape(item.error.reason)}[/]; {escape(item.error.remedy or 'check the port')}")
    elif asked:
        branch.add("[yellow]nobody answers[/]; check power, cable and line settings, or the unit number")
