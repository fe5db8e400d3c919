"""Rewrite docs/drivers.md from the drivers' cards: `python docs/write_drivers.py`."""

from __future__ import annotations

from pathlib import Path

from devices import registry

PAGE = Path(__file__).with_name("drivers.md")
HEAD = """# Drivers

Written by `docs/write_drivers.py` from the cards of all drivers that come with vesiflow. Maturity: *emulated* means
that no real instrument has answered this driver yet, only an emulator written from the same manual a second time;
*captured* that recorded sessions of a real one replay; *bench-verified* that a line ran with it. What is not certain
in a manual is named as "unconfirmed" at the top of each driver's file. How a driver is made:
[add a driver](how-to/add-a-driver.md).

| driver | instrument | gives | line | source | maturity |
|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(f"| {' | '.join(row(name))} |\n" for name in registry.names() if ours(name))


def ours(name: str) -> bool:
    """Whether a registered driver comes with vesiflow."""
    return str(registry.load(name).__module__).startswith("devices.drivers.")


def row(name: str) -> list[str]:
    """One driver's row; drivers that need no serial line say what they speak."""
    driver = registry.load(name)
    card, speaks = driver.card, getattr(driver, "speaks", "serial")
    line = str(driver.settings) if speaks == "serial" else speaks
    gives = ", ".join(capability.replace("_", " ") for capability in driver.provides)
    return [f"`{name}`", f"{card.vendor} {card.model}", gives, line, card.manual, card.maturity]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
