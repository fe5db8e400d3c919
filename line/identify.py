"""Asks every instrument of a line who it is; nothing moves."""

from __future__ import annotations

from devices.line_file import LineFile
from line.host import make_world, opened


async def identities(line: LineFile) -> list[dict[str, str]]:
    """One row per instrument: name, driver, address, model, serial number, firmware. Raises what opening raises."""
    async with opened(line, make_world(line)) as instruments:
        return [
            {
                "instrument": name,
                "driver": item.spec.driver_name,
                "at": item.spec.at,
                "model": item.identity.model,
                "serial number": item.identity.serial_number or "-",
                "firmware": item.identity.firmware or "-",
            }
            for name, item in instruments.instruments.items()
        ]
