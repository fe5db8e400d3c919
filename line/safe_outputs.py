"""What safe means in the plant, per unit: looked up where it happens, not where it was ordered."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sim.freeze_dryer import ISOLATION, VENT
from sim.plant import Plant

_NO_PUMP = 1e-5  # Pa m^3/s; a vacuum pump that moves less than this stands
_UNDER_VACUUM = 5e4  # Pa


def _tff(plant: Plant) -> bool:
    """Feed stands, and with the occluding permeate pump the permeate is shut: the sample stays wet in loop and bag."""
    return plant.tff.drive == 0.0 and not any(plant.tff.pumps)


def _sec(plant: Plant) -> bool:
    """No flow, the outlet in waste: what still drips spoils no fraction."""
    return plant.sec.flow == 0.0 and plant.sec.diverted


def _electroporation(plant: Plant) -> bool:
    """No train under way: the pulser holds no charge between trains."""
    return plant.now() >= plant.station.busy_until


def _lyophilization(plant: Plant) -> bool:
    """No vent onto product under vacuum, no heat that nobody controls, no way open to a pump that stands."""
    dryer = plant.dryer
    vented = dryer.relays[VENT] and bool(dryer.lots) and dryer.chamber.pressure < _UNDER_VACUUM
    heated = dryer.stuck_heater > 0.0 and dryer.circulating
    flooded = dryer.relays[ISOLATION] and dryer.machine.throughput < _NO_PUMP
    return not (vented or heated or flooded)


_UNITS: Mapping[str, Callable[[Plant], bool]] = {
    "tff": _tff,
    "sec": _sec,
    "electroporation": _electroporation,
    "lyophilization": _lyophilization,
}


def safe(plant: Plant, unit: str) -> bool:
    """Whether the outputs of `unit` are safe at this moment."""
    return _UNITS[unit](plant)
