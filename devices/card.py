"""The driver card: which instrument a driver was written for, from which manual, and how far it is proven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Maturity = Literal["emulated", "captured", "bench-verified"]


@dataclass(frozen=True, slots=True)
class DriverCard:
    """Shown in `docs/drivers.md`; `manual` names the document the bytes were taken from.

    `maturity`: "emulated" means that no real instrument has answered this driver yet, "captured" that recorded
    sessions of one replay, "bench-verified" that a line ran with it.
    """

    vendor: str
    model: str
    manual: str
    maturity: Maturity = "emulated"
