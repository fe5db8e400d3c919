"""Parameters of every recipe phase: what the line controller is told, in inside units (SI, degC, AU).

One frozen dataclass a phase, named as in ISA-88 by what it makes happen; `KINDS` maps the name used in control
recipes, journals and reports ("tff.concentrate") to its parameters. Bottles are named containers that carry
material from one unit to the next.
"""

from __future__ import annotations

from collections.abc import Mapping

from protocols.phases.common import Approve, Sample
from protocols.phases.electroporation import (
    CheckConductivity,
    Chill,
    CollectPlate,
    PreparePlate,
    Pulse,
    PulsePlate,
    Rest,
)
from protocols.phases.lyophilization import (
    Anneal,
    Backfill,
    Evacuate,
    FillVials,
    Formulate,
    Freeze,
    LoadVials,
    PrimaryDrying,
    SecondaryDrying,
    Stopper,
    UnloadVials,
)
from protocols.phases.sec import Elute, Equilibrate, Inject, PoolFractions, WashColumn
from protocols.phases.tff import (
    CleanMembrane,
    Concentrate,
    Diafilter,
    Dilute,
    Flush,
    InstallModule,
    LoadFeed,
    Membrane,
    Recover,
)

PhaseParams = (
    InstallModule | Flush | LoadFeed | Concentrate | Diafilter | Dilute | Recover | CleanMembrane
    | Equilibrate | Inject | Elute | PoolFractions | WashColumn
    | CheckConductivity | PreparePlate | Chill | PulsePlate | Rest | CollectPlate
    | Formulate | FillVials | LoadVials | Freeze | Anneal | Evacuate | PrimaryDrying | SecondaryDrying
    | Backfill | Stopper | UnloadVials | Sample | Approve
)  # fmt: skip

KINDS: Mapping[str, type] = {
    "tff.install_module": InstallModule,
    "tff.flush": Flush,
    "tff.load": LoadFeed,
    "tff.concentrate": Concentrate,
    "tff.diafilter": Diafilter,
    "tff.dilute": Dilute,
    "tff.recover": Recover,
    "tff.clean": CleanMembrane,
    "sec.equilibrate": Equilibrate,
    "sec.inject": Inject,
    "sec.elute": Elute,
    "sec.pool": PoolFractions,
    "sec.wash": WashColumn,
    "electroporation.check_conductivity": CheckConductivity,
    "electroporation.prepare": PreparePlate,
    "electroporation.chill": Chill,
    "electroporation.pulse": PulsePlate,
    "electroporation.rest": Rest,
    "electroporation.collect": CollectPlate,
    "lyophilization.formulate": Formulate,
    "lyophilization.fill": FillVials,
    "lyophilization.load": LoadVials,
    "lyophilization.freeze": Freeze,
    "lyophilization.anneal": Anneal,
    "lyophilization.evacuate": Evacuate,
    "lyophilization.primary_drying": PrimaryDrying,
    "lyophilization.secondary_drying": SecondaryDrying,
    "lyophilization.backfill": Backfill,
    "lyophilization.stopper": Stopper,
    "lyophilization.unload": UnloadVials,
    "sample": Sample,
    "approve": Approve,
}

__all__ = [
    "KINDS",
    "Anneal",
    "Approve",
    "Backfill",
    "CheckConductivity",
    "Chill",
    "CleanMembrane",
    "CollectPlate",
    "Concentrate",
    "Diafilter",
    "Dilute",
    "Elute",
    "Equilibrate",
    "Evacuate",
    "FillVials",
    "Flush",
    "Formulate",
    "Freeze",
    "Inject",
    "InstallModule",
    "LoadFeed",
    "LoadVials",
    "Membrane",
    "PhaseParams",
    "PoolFractions",
    "PreparePlate",
    "PrimaryDrying",
    "Pulse",
    "PulsePlate",
    "Recover",
    "Rest",
    "Sample",
    "SecondaryDrying",
    "Stopper",
    "UnloadVials",
    "WashColumn",
]
