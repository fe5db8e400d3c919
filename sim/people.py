"""The person at the simulated bench: carries out what the line asks for, on the plant, and answers.

Actions are those of docs/operator-actions.md. What cannot be done (no such bottle, no module, wrong name) is refused
by ValueError with the reason. The act happens when it is asked for; the answer comes when the time it takes is over.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.assays import Specimen, measure
from sim.freeze_dryer import FreezeDryer
from sim.hands import Action, Answer, Details, Hands, in_unit, word
from sim.material import Material
from sim.people_product import DryerHands, PulseHands
from sim.people_wet import ColumnHands, FilterHands

SAMPLE = 50e-9  # m^3 per assay
SAMPLE_SHARE = 0.02  # of a bottle at most
VIALS = ("vial", "vials")


@dataclass
class People:
    """Everyone who works at this line."""

    hands: Hands
    filter: FilterHands
    column: ColumnHands
    pulse: PulseHands
    drying: DryerHands

    def __post_init__(self) -> None:
        teams: Sequence[FilterHands | ColumnHands | PulseHands | DryerHands] = (
            self.filter, self.column, self.pulse, self.drying,
        )  # fmt: skip
        self._actions: dict[str, Action] = {
            name: self._recorded(name, act) for team in teams for name, act in team.actions().items()
        }

    def _recorded(self, name: str, right: Action) -> Action:
        """The action with its entry in the ledger: only what was really done stands there."""

        def act(details: Details) -> Answer:
            found = right(details)
            self.hands.ledger.record(self.hands.now(), name, **{str(k): v for k, v in details.items()})
            return found

        return act

    @property
    def known(self) -> Collection[str]:
        """What people here can be asked to do, samples and approvals apart."""
        return self._actions.keys()

    def instead(self, action: str, done: Callable[[Action], Action]) -> None:
        """From now on `action` is done as `done` makes it of the right way: people make mistakes."""
        self._actions[action] = done(self._actions[action])

    def act(self, action: str, details: Details, fields: Mapping[str, Any]) -> Answer:
        """Do `action`; the answer holds every field that was asked for, as far as the person knows it."""
        if action == "sample":
            return self._sample(details, fields)
        if action == "approve":
            return dict.fromkeys(fields or ("approved",), "yes"), self.hands.takes()
        if action not in self._actions:
            raise ValueError(f"nobody here knows how to {action!r}")
        return self._actions[action](details)

    def _sample(self, details: Details, fields: Mapping[str, Any]) -> Answer:
        """Results come in the unit each field asks for."""
        name = word(details, "bottle")
        dryer = self.drying.dryer
        if name in VIALS and dryer.dried:
            specimen, whole = self._vial(dryer)
        else:
            specimen, whole = self._draw(name, len(fields), details)
        values = {assay: self._assay(assay, unit, specimen, whole) for assay, unit in fields.items()}
        self.hands.ledger.record(self.hands.now(), "sample", bottle=name, point=details.get("point"))
        return values, self.hands.takes(seconds=self.hands.config.assay)

    def _draw(self, name: str, assays: int, details: Details) -> tuple[Specimen, Material]:
        bottle = self.hands.full(name)
        whole = bottle.content
        taken = bottle.take(min(SAMPLE * max(assays, 1), SAMPLE_SHARE * bottle.volume))
        self.hands.ledger.discard(taken)
        return Specimen(taken), whole

    def _vial(self, dryer: FreezeDryer) -> tuple[Specimen, Material]:
        """One vial, reconstituted to the volume it was filled with."""
        vial = dryer.take_vial()
        dissolved = Material(vial.fill, vial.content.amounts, vial.content.freeze_thaws)
        return Specimen(dissolved, vial.moisture, vial.recovery), dissolved

    def _assay(self, name: str, unit: Any, specimen: Specimen, whole: Material) -> float:
        """The volume asked for is that of the whole bottle; everything else is found in the sample."""
        looked_at = Specimen(whole) if name == "volume" else specimen
        value, inside = measure(name, looked_at, self.hands.config, self.hands.draw)
        return in_unit(value, inside, str(unit))
