"""The table of telemetry tags: inside unit, the unit people see, and what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vesiflow.quantities import factor


@dataclass(frozen=True, slots=True)
class Tag:
    """A measured or set value: recorded in `unit` (inside), shown in `display`."""

    name: str
    unit: str
    display: str
    label: str

    @property
    def shown_unit(self) -> str:
        """The display unit as people write it."""
        return {"percent": "%", "degC": "°C", "uF": "µF", "mtorr": "mTorr", "1/s": "s⁻¹", "ohm": "Ω"}.get(
            self.display, self.display
        )

    def to_display(self, value: float) -> float:
        """`value` in the display unit."""
        scale, zero = factor(self.unit, self.display)
        return value * scale + zero


_WRITTEN = {"percent": "%", "degC": "°C", "uF": "µF", "mtorr": "mTorr", "1/s": "s⁻¹", "ohm": "Ω"}
_SETPOINT = "_setpoint"

_ROWS = (
    ("tff.tmp", "Pa", "psi", "transmembrane pressure"),
    ("tff.tmp_setpoint", "Pa", "psi", "TMP set-point"),
    ("tff.flux", "m/s", "LMH", "permeate flux"),
    ("tff.shear", "1/s", "1/s", "wall shear rate"),
    ("tff.shear_setpoint", "1/s", "1/s", "shear set-point"),
    ("tff.feed_pressure", "Pa", "psi", "feed pressure"),
    ("tff.retentate_pressure", "Pa", "psi", "retentate pressure"),
    ("tff.permeate_pressure", "Pa", "psi", "permeate pressure"),
    ("tff.retentate_mass", "kg", "g", "retentate mass"),
    ("tff.permeate_mass", "kg", "g", "permeate mass"),
    ("tff.feed_flow", "m^3/s", "mL/min", "feed flow"),
    ("tff.permeate_flow", "m^3/s", "mL/min", "permeate flow"),
    ("tff.buffer_flow", "m^3/s", "mL/min", "buffer flow"),
    ("tff.conductivity", "S/m", "mS/cm", "permeate conductivity"),
    ("tff.diavolumes", "", "", "diavolumes"),
    ("sec.uv", "AU", "mAU", "UV 280 nm"),
    ("sec.conductivity", "S/m", "mS/cm", "conductivity"),
    ("sec.pressure", "Pa", "psi", "column pressure"),
    ("sec.flow", "m^3/s", "mL/min", "flow"),
    ("sec.volume", "m^3", "mL", "volume since injection"),
    ("sec.tube", "", "", "collecting into tube"),
    ("electroporation.conductivity", "S/m", "mS/cm", "sample conductivity"),
    ("electroporation.pulse_logs", "", "", "pulse logs"),
    ("electroporation.voltage", "V", "V", "pulse voltage"),
    ("electroporation.voltage_setpoint", "V", "V", "voltage set-point"),
    ("electroporation.time_constant", "s", "ms", "time constant"),
    ("electroporation.load", "ohm", "ohm", "load resistance"),
    ("electroporation.temperature", "degC", "degC", "plate temperature"),
    ("lyophilization.shelf", "degC", "degC", "shelf"),
    ("lyophilization.shelf_setpoint", "degC", "degC", "shelf set-point"),
    ("lyophilization.shelf_runs", "", "", "shelf circulator runs"),
    ("lyophilization.product_centre", "degC", "degC", "product, centre vial"),
    ("lyophilization.product_edge", "degC", "degC", "product, edge vial"),
    ("lyophilization.condenser", "degC", "degC", "condenser"),
    ("lyophilization.capacitance", "Pa", "mtorr", "capacitance gauge"),
    ("lyophilization.pirani", "Pa", "mtorr", "Pirani gauge"),
    ("lyophilization.pressure_setpoint", "Pa", "mtorr", "chamber pressure set-point"),
    ("lyophilization.ratio", "", "", "Pirani / capacitance"),
)

TAGS: Mapping[str, Tag] = {row[0]: Tag(*row) for row in _ROWS}


def tag(name: str) -> Tag:
    """The tag called `name`; an unlisted set-point takes its partner's units, other unlisted names have none."""
    if name in TAGS:
        return TAGS[name]
    partner = TAGS.get(name.removesuffix(_SETPOINT))
    if name.endswith(_SETPOINT) and partner is not None:
        return Tag(name, partner.unit, partner.display, f"{partner.label} set-point")
    return Tag(name, "", "", name.rpartition(".")[2].replace("_", " "))
