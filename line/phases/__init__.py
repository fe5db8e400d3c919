"""Equipment phases: one plain async function each, over the roles of its unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from devices.commands import Command
from line.phases import common, electroporation, freeze_drying, freezing, sec, tff, tff_service, vials
from line.run import PhaseFunction


@dataclass(frozen=True, slots=True)
class EquipmentPhase:
    """A phase function; `can_continue` when it finds its place again after a hold or a death of the controller,
    `unattended` when it may do so without being told, `on_deck` while something of the batch stands on the deck of its
    unit's robot."""

    function: PhaseFunction
    can_continue: bool = True
    unattended: bool = False
    on_deck: bool = False


PHASES: Mapping[str, EquipmentPhase] = {
    "tff.install_module": EquipmentPhase(tff_service.install_module),
    "tff.flush": EquipmentPhase(tff_service.flush),
    "tff.load": EquipmentPhase(tff.load),
    "tff.concentrate": EquipmentPhase(tff.concentrate),
    "tff.diafilter": EquipmentPhase(tff.diafilter),
    "tff.dilute": EquipmentPhase(tff_service.dilute),
    "tff.recover": EquipmentPhase(tff.recover),
    "tff.clean": EquipmentPhase(tff_service.clean),
    "sec.equilibrate": EquipmentPhase(sec.equilibrate),
    "sec.inject": EquipmentPhase(sec.inject),
    "sec.elute": EquipmentPhase(sec.elute, can_continue=False),
    "sec.pool": EquipmentPhase(sec.pool),
    "sec.wash": EquipmentPhase(sec.wash),
    "electroporation.check_conductivity": EquipmentPhase(electroporation.check_conductivity),
    "electroporation.prepare": EquipmentPhase(electroporation.prepare, on_deck=True),
    "electroporation.chill": EquipmentPhase(electroporation.chill, on_deck=True),
    "electroporation.pulse": EquipmentPhase(electroporation.pulse, on_deck=True),
    "electroporation.rest": EquipmentPhase(electroporation.rest, unattended=True, on_deck=True),
    "electroporation.collect": EquipmentPhase(electroporation.collect, on_deck=True),
    "lyophilization.formulate": EquipmentPhase(vials.formulate, on_deck=True),
    "lyophilization.fill": EquipmentPhase(vials.fill, on_deck=True),
    "lyophilization.load": EquipmentPhase(vials.load, on_deck=True),
    "lyophilization.freeze": EquipmentPhase(freezing.freeze, unattended=True),
    "lyophilization.anneal": EquipmentPhase(freezing.anneal, unattended=True),
    "lyophilization.evacuate": EquipmentPhase(freeze_drying.evacuate),
    "lyophilization.primary_drying": EquipmentPhase(freeze_drying.primary_drying, unattended=True),
    "lyophilization.secondary_drying": EquipmentPhase(freeze_drying.secondary_drying, unattended=True),
    "lyophilization.backfill": EquipmentPhase(freeze_drying.backfill),
    "lyophilization.stopper": EquipmentPhase(vials.stopper),
    "lyophilization.unload": EquipmentPhase(vials.unload),
    "sample": EquipmentPhase(common.sample, unattended=True),
    "approve": EquipmentPhase(common.approve, unattended=True),
}

ACTS: Mapping[str, Command] = {electroporation.PULSE: electroporation.PULSED}
"""Physical actions that phases perform through people, and what proves them."""
