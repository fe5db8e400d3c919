"""A protocol file as the robot understands it: run once against this context, it leaves a list of commands.

Only what a liquid handling protocol of API level 2.15 to 2.20 needs. The file may import `opentrons` and nothing else,
and has no files, no network and no time.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

ROBOTS = {"OT-2": "OT-2 Standard", "Flex": "OT-3 Standard"}
PIPETTES = {
    "p10_single": ("p10_single", 1, 1.0, 10.0),
    "p10_multi": ("p10_multi", 8, 1.0, 10.0),
    "p50_single": ("p50_single", 1, 5.0, 50.0),
    "p50_multi": ("p50_multi", 8, 5.0, 50.0),
    "p300_single": ("p300_single", 1, 30.0, 300.0),
    "p300_multi": ("p300_multi", 8, 30.0, 300.0),
    "p1000_single": ("p1000_single", 1, 100.0, 1000.0),
    "p20_single_gen2": ("p20_single_gen2", 1, 1.0, 20.0),
    "p20_multi_gen2": ("p20_multi_gen2", 8, 1.0, 20.0),
    "p300_single_gen2": ("p300_single_gen2", 1, 20.0, 300.0),
    "p300_multi_gen2": ("p300_multi_gen2", 8, 20.0, 300.0),
    "p1000_single_gen2": ("p1000_single_gen2", 1, 100.0, 1000.0),
    "flex_1channel_50": ("p50_single_flex", 1, 1.0, 50.0),
    "flex_8channel_50": ("p50_multi_flex", 8, 1.0, 50.0),
    "flex_1channel_1000": ("p1000_single_flex", 1, 5.0, 1000.0),
    "flex_8channel_1000": ("p1000_multi_flex", 8, 5.0, 1000.0),
}
_BUILTINS = ("abs", "dict", "enumerate", "float", "int", "len", "list", "max", "min", "range", "round", "set", "sorted",
             "str", "sum", "tuple", "zip", "bool", "ValueError", "RuntimeError", "isinstance", "print")  # fmt: skip
_TIP = re.compile(r"(\d+)ul$")
_ROWS = "ABCDEFGH"


@dataclass(frozen=True)
class Well:
    """A place in a labware."""

    labware: Labware
    name: str


@dataclass(frozen=True)
class Labware:
    """A loaded labware; any well of a plausible name is there."""

    id: str
    load_name: str
    label: str
    slot: str
    namespace: str

    def __getitem__(self, name: str) -> Well:
        if not re.fullmatch(r"[A-P]([1-9]|1\d|2[0-4])", name):
            raise KeyError(f"no well {name!r} in {self.label}")
        return Well(self, name)


@dataclass
class Pipette:
    """A pipette that remembers whether it holds a tip and how much is in it, in uL."""

    context: Context
    id: str
    mount: str
    name: str
    channels: int
    smallest: float
    largest: float
    tip: float | None = None
    held: float = 0.0

    def pick_up_tip(self, place: Well) -> None:
        if self.tip is not None:
            raise RuntimeError("UnexpectedTipAttachError: a tip is on the pipette already")
        match = _TIP.search(place.labware.load_name)
        if not match:
            raise RuntimeError(f"{place.labware.label} is no tip rack")
        self.tip = min(float(match[1]), self.largest)
        self._say("pickUpTip", place, {})

    def drop_tip(self) -> None:
        self._needs_tip()
        self.tip, self.held = None, 0.0
        self.context.say("moveToAddressableAreaForDropTip", {"pipetteId": self.id})
        self.context.say("dropTipInPlace", {"pipetteId": self.id})

    def aspirate(self, volume: float, place: Well) -> None:
        self._needs_tip()
        if volume > (self.tip or 0.0) - self.held + 1e-9:
            raise RuntimeError(f"InvalidAspirateVolumeError: {volume} uL do not fit a tip of {self.tip} uL")
        self.held += volume
        self._say("aspirate", place, {"volume": volume, "flowRate": 90.0})

    def dispense(self, volume: float, place: Well) -> None:
        self._needs_tip()
        if volume > self.held + 1e-6:
            raise RuntimeError(f"InvalidDispenseVolumeError: {volume} uL, the tip holds {self.held}")
        self.held -= volume
        self._say("dispense", place, {"volume": volume, "flowRate": 90.0})

    def mix(self, repetitions: int, volume: float, place: Well) -> None:
        for _ in range(repetitions):
            self.aspirate(volume, place)
            self.dispense(volume, place)

    def _needs_tip(self) -> None:
        if self.tip is None:
            raise RuntimeError("TipNotAttachedError: there is no tip on the pipette")

    def _say(self, kind: str, place: Well, params: Mapping[str, Any]) -> None:
        self.context.say(kind, {"pipetteId": self.id, "labwareId": place.labware.id, "wellName": place.name, **params})


@dataclass
class Context:
    """What the protocol is given as `protocol`."""

    robot: str
    custom: Mapping[str, Any]
    commands: list[dict[str, Any]] = field(default_factory=list)
    labware: list[Labware] = field(default_factory=list)
    pipettes: list[Pipette] = field(default_factory=list)

    def say(self, kind: str, params: Mapping[str, Any], result: Mapping[str, Any] | None = None) -> None:
        """One command of the protocol."""
        self.commands.append({"commandType": kind, "params": dict(params), "result": dict(result or {})})

    def load_labware(
        self, load_name: str, location: str | int, label: str | None = None, namespace: str = "opentrons",
        version: int | None = None,
    ) -> Labware:  # fmt: skip
        if namespace != "opentrons" and load_name not in self.custom:
            raise ValueError(f'Labware "{load_name}" not found in namespace {namespace}: no file came with it')
        if any(piece.slot == str(location) for piece in self.labware):
            raise ValueError(f"slot {location} is taken")
        piece = Labware(f"labware-{len(self.labware) + 1}", load_name, label or load_name, str(location), namespace)
        self.labware.append(piece)
        params = {"location": {"slotName": piece.slot}, "loadName": load_name, "namespace": namespace,
                  "version": version or 1, "displayName": piece.label}  # fmt: skip
        known = {"namespace": namespace, "version": version or 1, "parameters": {"loadName": load_name}}
        definition = self.custom[load_name] if namespace != "opentrons" else known
        self.say("loadLabware", params, {"labwareId": piece.id, "definition": definition})
        return piece

    def load_instrument(self, name: str, mount: str) -> Pipette:
        if name not in PIPETTES or name.startswith("flex_") is not (self.robot == "Flex"):
            raise ValueError(f"{name} is no pipette of this robot")
        internal, channels, smallest, largest = PIPETTES[name]
        pipette = Pipette(self, f"pipette-{mount}", mount, internal, channels, smallest, largest)
        self.pipettes.append(pipette)
        self.say("loadPipette", {"pipetteName": internal, "mount": mount}, {"pipetteId": pipette.id})
        return pipette

    def load_trash_bin(self, location: str) -> None:
        if self.robot != "Flex":
            raise ValueError("an OT-2 has a fixed trash")

    def comment(self, text: str) -> None:
        self.say("comment", {"message": text})

    def pause(self, text: str = "") -> None:
        self.say("waitForResume", {"message": text})

    def home(self) -> None:
        self.say("home", {})


def header(text: str) -> tuple[str, str]:
    """(robot type, api level) of a protocol file; ValueError or SyntaxError when it is none."""
    found: dict[str, Any] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in ("requirements", "metadata"):
                found[name] = ast.literal_eval(node.value)
    requirements, metadata = found.get("requirements", {}), found.get("metadata", {})
    if "apiLevel" in requirements and "apiLevel" in metadata:
        raise ValueError("apiLevel is in metadata and in requirements")
    level = requirements.get("apiLevel") or metadata.get("apiLevel")
    if level is None:
        raise ValueError("no apiLevel")
    return str(requirements.get("robotType", "OT-2")), str(level)


def understood(text: str, custom: Mapping[str, Any]) -> Context:
    """Run the protocol once; whatever it raises comes out."""
    robot, _ = header(text)
    context = Context(robot, custom)
    context.say("home", {})
    names: dict[str, Any] = {"__builtins__": {**{n: getattr(builtins, n) for n in _BUILTINS}, "__import__": _import}}
    exec(compile(text, "protocol.py", "exec"), names)
    names["run"](context)
    return context


def _import(name: str, *_: Any, **__: Any) -> Any:
    """`from opentrons import protocol_api`, which here only names types."""
    if name.split(".")[0] != "opentrons":
        raise ImportError(f"a protocol here may import opentrons only, not {name}")
    module = ModuleType("opentrons")
    module.protocol_api = SimpleNamespace(ProtocolContext=Context)  # type: ignore[attr-defined]
    return module


def rows(channels: int, well: str) -> tuple[str, ...]:
    """Wells that the channels of a pipette stand in when it is sent to `well`."""
    return tuple(f"{row}{well[1:]}" for row in _ROWS[:channels]) if channels > 1 else (well,)
