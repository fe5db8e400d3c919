"""Equipment phases: one plain async function each, over the roles of its unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from line.phases import common, electroporation, freeze_drying, freezing, sec, tff, tff_service, vials
from line.run import PhaseFunction


@dataclass(frozen=True, slots=True)
class EquipmentPhase:
    """A phase function, and whether it finds its place again when it is run once more after a hold."""

    function: PhaseFunction
    can_continue: bool = True


PHASES: Mapping[str, EquipmentPhase] = {
    "tff.install_module": EquipmentPhase(tff_service.install_module),
    "tff.flush": EquipmentPhase(tff_service.flush),
    "tff.load": EquipmentPhase(tff.load),
    "tff.concentrate": EquipmentPhase(tff.concentrate),
    "tff.diafilter": EquipmentPhase(tff.diafilter),
    "tff.recover": EquipmentPhase(tff.recover),
    "tff.clean": EquipmentPhase(tff_service.clean),
    "sec.equilibrate": EquipmentPhase(sec.equilibrate),
    "sec.inject": EquipmentPhase(sec.inject, can_continue=False),
    "sec.elute": EquipmentPhase(sec.elute, can_continue=False),
    "sec.pool": EquipmentPhase(sec.pool),
    "sec.wash": EquipmentPhase(sec.wash),
    "electroporation.check_conductivity": EquipmentPhase(electroporation.check_conductivity),
    "electroporation.prepare": EquipmentPhase(electroporation.prepare, can_continue=False),
    "electroporation.chill": EquipmentPhase(electroporation.chill),
    "electroporation.pulse": EquipmentPhase(electroporation.pulse, can_continue=False),
    "electroporation.rest": EquipmentPhase(electroporation.rest),
    "electroporation.collect": EquipmentPhase(electroporation.collect, can_continue=False),
    "lyophilization.formulate": EquipmentPhase(vials.formulate, can_continue=False),
    "lyophilization.fill": EquipmentPhase(vials.fill, can_continue=False),
    "lyophilization.load": EquipmentPhase(vials.load),
    "lyophilization.freeze": EquipmentPhase(freezing.freeze),
    "lyophilization.anneal": EquipmentPhase(freezing.anneal),
    "lyophilization.evacuate": EquipmentPhase(freeze_drying.evacuate),
    "lyophilization.primary_drying": EquipmentPhase(freeze_drying.primary_drying),
    "lyophilization.secondary_drying": EquipmentPhase(freeze_drying.secondary_drying),
    "lyophilization.backfill": EquipmentPhase(freeze_drying.backfill),
    "lyophilization.stopper": EquipmentPhase(vials.stopper),
    "lyophilization.unload": EquipmentPhase(vials.unload),
    "sample": EquipmentPhase(common.sample),
    "approve": EquipmentPhase(common.approve),
}
