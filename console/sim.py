"""`vesiflow sim`: a simulated line for programs that are not vesiflow, and for a controller in another process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.markup import escape

from console.files import expect_writable, write_text
from console.running import drive
from console.summary import plain_table, screen
from devices.line_file import LineFile, load_line
from devices.readdress import readdressed
from line.host import make_world
from sim.served import served
from sim.wire.server import Endpoint
from vesiflow.errors import ConfigError

EMULATED = "emulated"
FASTEST = 1000.0


def serve(
    line: str = "sim",
    /,
    *,
    tcp: bool = False,
    pty: bool = False,
    port: int = 0,
    speed: float = 1.0,
    seed: int | None = None,
    write_line: Path | None = None,
    ledger: Path | None = None,
) -> None:
    """Serve the emulated instruments of a simulated line until Ctrl-C.

    Parameters
    ----------
    line
        Name of a packaged line, or a YAML file; its `simulation:` section says what stands behind the instruments.
    tcp
        One TCP port per instrument, on this machine only.
    pty
        One pseudo terminal per instrument. It keeps 8N1 whatever the settings shown; a client that insists on others
        may be refused by the system and should use --tcp.
    port
        First of the TCP ports; by default any free ones.
    speed
        How many times faster than real time the plant runs, 0.1 to 1000.
    seed
        Decides all noise, instead of the line file's.
    write_line
        Write a line file called "emulated" with these addresses, for `vesiflow line serve FILE` in another process.
    ledger
        Write what physically happens to this file, one JSON object a line.
    """
    if tcp is pty:
        raise ConfigError("over TCP or over pseudo terminals?", remedy="give one of --tcp and --pty")
    file = load_line(line)
    _check(file, port, speed)
    expect_writable(write_line, ledger)
    drive(_serve(replace(file, clock="scaled", speed=speed), port if tcp else None, seed, write_line, ledger))


def _check(line: LineFile, port: int, speed: float) -> None:
    if line.simulation is None:
        raise ConfigError(
            "nothing stands behind its instruments", device=f"line {line.name}", remedy="add a `simulation:` section"
        )
    if not 0.1 <= speed <= FASTEST:
        raise ConfigError("no speed", action="--speed", value=f"{speed:g}", bounds=f"0.1..{FASTEST:g}")
    last = 65535 - len(line.instruments)
    if port and not 1024 <= port <= last:
        raise ConfigError("no port", action="--port", value=port, bounds=f"1024..{last}, or 0 for any free ones")


async def _serve(
    line: LineFile, tcp_base: int | None, seed: int | None, write_line: Path | None, ledger: Path | None
) -> None:
    world = make_world(line, seed)
    assert world.simulated is not None  # checked before
    emulated = {spec.at.removeprefix("sim://") for spec in line.instruments.values() if spec.at.startswith("sim://")}
    async with served(
        world.simulated, world.clock, tcp_base=tcp_base, pty=tcp_base is None, only=emulated, ledger=ledger
    ) as here:
        _show(line, here.endpoints)
        if write_line is not None:
            addresses = {f"sim://{item.address}": item.where for item in here.endpoints}
            write_text(write_line, readdressed(line, addresses, EMULATED, line.speed))
            print(f"written: {write_line}; drive it with: vesiflow line serve {write_line}")
        print(f"line {line.name}: {len(here.endpoints)} instruments served (Ctrl-C ends it)", flush=True)
        await here.until_over()


def _show(line: LineFile, endpoints: list[Endpoint]) -> None:
    table = plain_table("instrument", "roles", "address", "settings")
    at = {spec.at.removeprefix("sim://"): name for name, spec in line.instruments.items()}
    for item in endpoints:
        name = at[item.address]
        roles = ", ".join(role for role, spec in line.roles.items() if spec.instrument == name)
        table.add_row(*map(escape, (name, roles, item.where, item.settings)))
    screen().print(table)
