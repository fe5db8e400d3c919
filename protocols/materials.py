"""What is known of buffers and cleaning agents: conductivity, sugar, and the glass transition of what they freeze to.

Numbers are typical values at 25 degC, good for static checks; the batch itself measures. Collapse temperatures:
trehalose cakes -29 degC, sucrose -32 degC; salts lower them far (NaCl systems stay soft to about -45 degC).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Liquid:
    """Conductivity S/m, solids kg/m^3, glass transition of the freeze concentrate and collapse temperature degC.

    `kind` is "buffer" for what may touch product and "agent" for what may not.
    """

    name: str
    kind: str
    conductivity: float
    solids: float
    glass: float
    collapse: float
    contents: str


_NO_SUGAR = (-60.0, -45.0)
_SUCROSE = (-33.0, -32.0)
_TREHALOSE = (-29.5, -29.0)

LIQUIDS: Mapping[str, Liquid] = {
    liquid.name: liquid
    for liquid in (
        Liquid("medium", "buffer", 1.5, 12.0, *_NO_SUGAR, "conditioned medium, serum-free"),
        Liquid("PBS", "buffer", 1.6, 9.6, *_NO_SUGAR, "phosphate-buffered saline, pH 7.4"),
        Liquid("pulse buffer", "buffer", 0.03, 87.0, *_TREHALOSE, "250 mM trehalose, 2 mM histidine"),
        Liquid("formulation buffer", "buffer", 0.05, 52.0, *_TREHALOSE, "5 % (w/v) trehalose, 10 mM histidine"),
        Liquid("sucrose buffer", "buffer", 0.05, 52.0, *_SUCROSE, "5 % (w/v) sucrose, 10 mM histidine"),
        Liquid("cargo", "buffer", 0.01, 0.5, *_NO_SUGAR, "cargo in water for injection"),
        Liquid("water", "buffer", 0.0001, 0.0, *_NO_SUGAR, "water for injection"),
        Liquid("0.5 M NaOH", "agent", 9.0, 20.0, *_NO_SUGAR, "sodium hydroxide, cleaning"),
        Liquid("0.1 M NaOH", "agent", 2.2, 4.0, *_NO_SUGAR, "sodium hydroxide, cleaning and storage"),
        Liquid("20 % ethanol", "agent", 0.0001, 0.0, *_NO_SUGAR, "ethanol in water, storage"),
    )
}


def names(kind: str) -> list[str]:
    """The liquids of a kind, for messages and tables."""
    return [liquid.name for liquid in LIQUIDS.values() if liquid.kind == kind]
