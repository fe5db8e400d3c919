"""Equipment phases: one plain async function each, over the roles of its unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from devices.commands import Command
from line.phases import at_rest, common, electroporation, elution, freeze_drying, freezing, sec, tff, tff_service, vials
from line.run import AtRest, PhaseFunction, nothing


@dataclass(frozen=True, slots=True)
class EquipmentPhase:
    """A phase function; `can_continue` when it finds its place again after a hold or a death of the controller,
    `unattended` when it may do so without being told, `on_deck` while something of the batch stands on the deck of its
    unit's robot, `at_rest` gives the limits that are watched while its unit is held."""

    function: PhaseFunction
    can_continue: bool = True
    unattended: bool = False
    on_deck: bool = False
    at_rest: AtRest = nothing


PHASES: Mapping[str, EquipmentPhase] = {
    "tff.install_module": EquipmentPhase(tff_service.install_module),
    "tff.flush": EquipmentPhase(tff_service.flush, at_rest=at_rest.circulation),
    "tff.load": EquipmentPhase(tff.load),
    "tff.concentrate": EquipmentPhase(tff.concentrate, at_rest=at_rest.circulation),
    "tff.diafilter": EquipmentPhase(tff.diafilter, at_rest=at_rest.circulation),
    "tff.dilute": EquipmentPhase(tff_service.dilute, at_rest=at_rest.retentate),
    "tff.recover": EquipmentPhase(tff.recover),
    "tff.clean": EquipmentPhase(tff_service.clean, at_rest=at_rest.circulation),
    "sec.equilibrate": EquipmentPhase(sec.equilibrate, at_rest=at_rest.column),
    "sec.inject": EquipmentPhase(sec.inject),
    "sec.elute": EquipmentPhase(elution.elute, at_rest=at_rest.column),
    "sec.pool": EquipmentPhase(elution.pool),
    "sec.wash": EquipmentPhase(sec.wash, at_rest=at_rest.column),
    "electroporation.check_conductivity": EquipmentPhase(electroporation.check_conductivity),
    "electroporation.prepare": EquipmentPhase(electroporation.prepare, on_deck=True),
    "electroporation.chill": EquipmentPhase(electroporation.chill, on_deck=True),
    "electroporation.pulse": EquipmentPhase(electroporation.pulse, on_deck=True, at_rest=at_rest.pulser),
    "electroporation.rest": EquipmentPhase(electroporation.rest, unattended=True, on_deck=True),
    "electroporation.collect": EquipmentPhase(electroporation.collect, on_deck=True),
    "lyophilization.formulate": EquipmentPhase(vials.formulate, on_deck=True),
    "lyophilization.fill": EquipmentPhase(vials.fill, on_deck=True),
    "lyophilization.load": EquipmentPhase(vials.load, on_deck=True),
    "lyophilization.freeze": EquipmentPhase(freezing.freeze, unattended=True, at_rest=at_rest.shelf),
    "lyophilization.anneal": EquipmentPhase(freezing.anneal, unattended=True, at_rest=at_rest.shelf),
    "lyophilization.evacuate": EquipmentPhase(freeze_drying.evacuate, at_rest=at_rest.frozen),
    "lyophilization.primary_drying": EquipmentPhase(
        freeze_drying.primary_drying, unattended=True, at_rest=at_rest.primary_drying
    ),
    "lyophilization.secondary_drying": EquipmentPhase(
        freeze_drying.secondary_drying, unattended=True, at_rest=at_rest.secondary_drying
    ),
    "lyophilization.backfill": EquipmentPhase(freeze_drying.backfill),
    "lyophilization.stopper": EquipmentPhase(vials.stopper),
    "lyophilization.unload": EquipmentPhase(vials.unload),
    "sample": EquipmentPhase(common.sample, unattended=True),
    "approve": EquipmentPhase(common.approve, unattended=True),
}

ACTS: Mapping[str, Command] = {electroporation.PULSE: electroporation.PULSED}
"""Physical actions that phases perform through people, and what proves them."""
