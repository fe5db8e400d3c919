"""A synthetic batch of the exosome recipe, written through the real journal and telemetry.

The numbers follow the shapes of the real curves (flux decline, two peaks, gauge convergence) so that record, plots
and report meet what they are made for; the control recipe is a stored one.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from protocols.assays import ASSAYS
from records.journal import Journal
from records.store import BatchFolder, Store
from records.telemetry import TelemetryWriter
from vesiflow.clock import SIMULATED_EPOCH, VirtualClock

CONTROL = Path(__file__).parents[2] / "data" / "records" / "exosome_control.json"
PSI = 6894.757
Results = dict[str, tuple[float, str]]


class HandClock(VirtualClock):
    """A clock whose time is set by hand."""

    def set(self, t: float) -> None:
        self._now = t


class Author:
    """Writes the journal and telemetry of one batch, phase by phase."""

    def __init__(self, store: Store, batch: str, seed: int, epoch: datetime, trouble: bool) -> None:
        self.clock = HandClock(epoch)
        self.recipe = json.loads(CONTROL.read_text())
        self.folder = store.create(self.recipe["line"], batch)
        self.batch, self.trouble = batch, trouble
        self.noise = random.Random(seed)
        ids = random.Random(f"{batch} {seed}")
        self.journal = Journal(
            self.folder.journal, self.clock, code_version="0.1.0", boot_id=f"boot-{batch}", source=ids
        )
        self.telemetry = TelemetryWriter(self.folder.telemetry, self.clock)
        self.facts: dict[str, float] = {}
        self.seed = seed

    def event(self, kind: str, **data: Any) -> None:
        self.journal.event(kind, self.batch, at=repr(self.clock.now()), **data)

    def act(self, phase: str, device: str, verb: str, args: list[Any], kind: str = "S", state: str = "DONE") -> str:
        name = self.journal.intent(self.batch, phase, device, verb, args, kind, "read back", None, "SIM-1", "sim", 1)
        self.clock.set(self.clock.now() + 0.25)
        reason = "read back" if state == "DONE" else "no reply within 1 s"
        self.journal.outcome(name, state, "reply" if state == "DONE" else "evidence", None, None, reason)
        return name

    def ask(self, key: str, action: str, text: str, values: Mapping[str, str]) -> None:
        self.event("prompt.asked", key=key, action=action, text=text, details={}, fields={})
        self.clock.set(self.clock.now() + 45)
        self.event("prompt.answered", key=key, action=action, values=dict(values), by="simulated operator")

    def log(self, start: float, end: float, step: float, tags: Mapping[str, Callable[[float], float]]) -> None:
        """Samples of each curve, a function of the share of the phase (0..1) that has passed."""
        steps = max(int((end - start) / step), 1)
        for index in range(steps + 1):
            x = index / steps
            for name, curve in tags.items():
                self.telemetry.add(start + x * (end - start), name, curve(x))

    def jitter(self, size: float) -> float:
        return self.noise.gauss(0.0, size)

    def write(self) -> BatchFolder:
        self.event(
            "batch.created", who="A. Technician", recipe=self.recipe, recipe_digest="7c" * 32,
            line=self.recipe["line"], line_digest="e1" * 32, software="0.1.0", seed=self.seed, simulated=True,
            instruments={
                "feed": {"driver": "watson_marlow_323", "model": "323Du", "serial": "SIM-1"},
                "eluent": {"driver": "teledyne_ssi", "model": "LD Class", "serial": "SIM-2"},
                "pulser": {"driver": "btx_gemini_x2", "model": "Gemini X2", "serial": "SIM-3"},
            },
        )  # fmt: skip
        self.state("Idle", "Starting", "start")
        self.state("Starting", "Execute", "start")
        for unit in self.recipe["unit_procedures"]:
            for operation in unit["operations"]:
                for phase in operation["phases"]:
                    self.phase(phase)
        self.state("Execute", "Completing", "all phases are complete")
        self.state("Completing", "Complete", "all phases are complete")
        self.telemetry.close()
        self.journal.close()
        return self.folder

    def state(self, old: str, new: str, why: str, who: str = "controller") -> None:
        self.event("batch.state", old=old, new=new, who=who, why=why)

    def phase(self, phase: dict[str, Any]) -> None:
        start = self.clock.now()
        self.event("phase.started", key=phase["key"], phase=phase["kind"], unit=phase["unit"])
        results = getattr(self, "_" + phase["kind"].replace(".", "_"))(phase, phase["params"], start) or {}
        self.clock.set(max(start + phase["duration"], self.clock.now()))
        self.event(
            "phase.ended", key=phase["key"], outcome="complete", reason="",
            results={name: [repr(value), unit] for name, (value, unit) in results.items()},
            facts={name: repr(value) for name, value in self.facts.items()},
        )  # fmt: skip

    # --- TFF

    def _tff_install_module(self, phase: Any, p: Any, start: float) -> Results:
        self.ask(phase["key"], "install module", "Mount the membrane module", {"barcode": p["membrane"]["barcode"]})
        return {"area": (p["membrane"]["area"], "m^2")}

    def _tff_flush(self, phase: Any, p: Any, start: float) -> Results:
        self.circulate(phase, p, start, flux=lambda x: 1.0e-5 + self.jitter(1e-7), retentate=lambda x: 0.1)
        return {"water permeability": (1.9e-9, "m/s/Pa")}

    def _tff_load(self, phase: Any, p: Any, start: float) -> Results:
        self.ask(phase["key"], "hang bottle", f"Hang bottle {p['source']}", {"barcode": p["source"]})
        return {"loaded volume": (p["volume"] * 0.999, "m^3")}

    def _tff_concentrate(self, phase: Any, p: Any, start: float) -> Results:
        begin = self.facts.get("volume", 2e-3)
        self.facts["volume"] = p["target_volume"]
        self.circulate(
            phase, p, start, retentate=lambda x: (begin + (p["target_volume"] - begin) * x) * 1000,
            flux=lambda x: p["max_flux"] * (0.55 + 0.45 * math.exp(-4 * x)) + self.jitter(2e-7),
        )  # fmt: skip
        if self.trouble and phase["key"].startswith("1-"):
            self.event(
                "deviation", key=phase["key"], what="tff.tmp outside its limit", value="35163.3",
                limit=repr(p["membrane"]["max_tmp"]), unit="Pa", severity="critical", tag="tff.tmp",
            )  # fmt: skip
            self.state("Execute", "Holding", "tff.tmp: outside its limit for 5 s")
            self.state("Holding", "Held", "tff.tmp: outside its limit for 5 s")
            self.clock.set(self.clock.now() + 300)
            self.state("Held", "Unholding", "retentate line was kinked, straightened", "A. Technician")
            self.state("Unholding", "Execute", "retentate line was kinked, straightened", "A. Technician")
        return {"start volume": (begin, "m^3"), "end volume": (p["target_volume"] * 1.003, "m^3"),
                "volumetric concentration factor": (begin / p["target_volume"], "")}  # fmt: skip

    def _tff_diafilter(self, phase: Any, p: Any, start: float) -> Results:
        mass = self.facts.get("volume", 1e-5) * 1000
        self.circulate(
            phase, p, start, retentate=lambda x: mass * (1 + self.jitter(0.004)),
            flux=lambda x: p["max_flux"] * 0.6 + self.jitter(2e-7),
        )  # fmt: skip
        return {"diavolumes": (p["volumes"] + 0.01, ""), "conductivity": (0.12, "S/m")}

    def _tff_recover(self, phase: Any, p: Any, start: float) -> Results:
        volume = {"capture": 25.1e-6, "exchange": 9.7e-6, "washed": 10.9e-6}[p["product"]]
        self.facts[f"bottle.{p['product']}.volume"] = volume
        self.act(phase["key"], "tff.recovery_pump", "set_flow", [5e-7])
        self.facts["volume"] = volume
        return {"recovered volume": (volume, "m^3")}

    def _tff_clean(self, phase: Any, p: Any, start: float) -> Results:
        return {"water permeability": (1.6e-9, "m/s/Pa"), "permeability recovery": (0.84, "")}

    def circulate(
        self, phase: Any, p: Any, start: float, *, flux: Callable[[float], float], retentate: Callable[[float], float]
    ) -> None:
        key, area = phase["key"], p["membrane"]["area"]
        self.act(key, "tff.retentate_pressure", "set_pressure", [p["tmp"]])
        self.act(key, "tff.feed_pump", "set_flow", [p["feed_flow"]])
        self.act(key, "tff.feed_pump", "start", [])
        for trim in range(12):
            self.act(key, "tff.permeate_pump", "set_flow", [flux(trim / 12) * area])
        shear = 4 * p["feed_flow"] / (p["membrane"]["fibres"] * math.pi * (p["membrane"]["lumen"] / 2) ** 3)
        spike = self.trouble and phase["kind"] == "tff.concentrate" and key.startswith("1-")

        def tmp(x: float) -> float:
            return p["tmp"] * (1 - math.exp(-60 * x)) + self.jitter(150) + (22000 if spike and 0.48 < x < 0.49 else 0)

        passed = [0.0]

        def permeate(x: float) -> float:
            passed[0] += flux(x) * area * 10 * 1000
            return passed[0]

        self.log(start, start + phase["duration"], 10.0, {
            "tff.tmp": tmp, "tff.tmp_setpoint": lambda x: p["tmp"], "tff.flux": flux,
            "tff.shear": lambda x: shear, "tff.feed_flow": lambda x: p["feed_flow"],
            "tff.permeate_flow": lambda x: flux(x) * area, "tff.retentate_mass": retentate,
            "tff.permeate_mass": permeate,
            "tff.feed_pressure": lambda x: 1.9 * PSI + p["tmp"] + self.jitter(200),
            "tff.retentate_pressure": lambda x: p["tmp"] * 0.7 + self.jitter(150),
            "tff.permeate_pressure": lambda x: 0.1 * PSI + self.jitter(100),
        })  # fmt: skip
        self.act(key, "tff.permeate_pump", "stop", [])
        self.act(key, "tff.feed_pump", "stop", [])

    # --- SEC

    def _sec_equilibrate(self, phase: Any, p: Any, start: float) -> Results:
        self.column(phase, p, start, lambda v: 0.001 + self.jitter(0.0002))
        return {"UV baseline": (0.001, "AU"), "conductivity": (1.6, "S/m")}

    def _sec_inject(self, phase: Any, p: Any, start: float) -> Results:
        self.ask(phase["key"], "load loop", "Fill the sample loop", {"barcode": p["source"]})
        self.act(phase["key"], "sec.injection_valve", "move_to", ["inject"], "P")
        return {"injected volume": (p["volume"], "m^3")}

    def _sec_elute(self, phase: Any, p: Any, start: float) -> Results:
        def uv(volume: float) -> float:
            vesicles = 0.42 * math.exp(-(((volume - 172e-6) / 11e-6) ** 2))
            protein = 0.95 * math.exp(-(((volume - 390e-6) / 62e-6) ** 2))
            return 0.001 + vesicles + protein + self.jitter(0.0008)

        self.column(phase, p, start, uv)
        for tube in range(1, 23):
            self.act(phase["key"], "sec.collector", "go_to", [tube], "P")
        return {"elution volume": (p["volume"], "m^3"), "fractions": (22.0, ""), "UV peak above baseline": (0.41, "AU")}

    def column(self, phase: Any, p: Any, start: float, uv: Callable[[float], float]) -> None:
        self.act(phase["key"], "sec.pump", "set_flow", [p["flow"]])
        self.log(start, start + phase["duration"], 10.0, {
            "sec.volume": lambda x: p["volume"] * x, "sec.uv": lambda x: uv(p["volume"] * x),
            "sec.conductivity": lambda x: 1.55 + 0.05 * math.tanh(8 * x - 4) + self.jitter(0.002),
            "sec.pressure": lambda x: 1.1e5 + self.jitter(800), "sec.flow": lambda x: p["flow"],
        })  # fmt: skip

    def _sec_pool(self, phase: Any, p: Any, start: float) -> Results:
        self.facts[f"bottle.{p['product']}.volume"] = 55e-6
        self.ask(phase["key"], "pool fractions", "Pool tubes 2 to 12", {"volume": "55"})
        return {"pooled volume": (55e-6, "m^3"), "first tube": (2.0, ""), "last tube": (12.0, "")}

    def _sec_wash(self, phase: Any, p: Any, start: float) -> Results:
        return {"volume": (p["volume"], "m^3")}

    # --- electroporation

    def _electroporation_check_conductivity(self, phase: Any, p: Any, start: float) -> Results:
        return {"conductivity": (0.11, "S/m")}

    def _electroporation_prepare(self, phase: Any, p: Any, start: float) -> Results:
        for well in range(1, p["wells"] + 1):
            self.act(phase["key"], "electroporation.liquid_handler", "transfer", [f"plate:{well}"], "M")
        return {"wells": (p["wells"], ""), "volume per well": (1e-7, "m^3")}

    def _electroporation_chill(self, phase: Any, p: Any, start: float) -> Results:
        self.ask(phase["key"], "chill plate", "Put the plate on the cold block", {"temperature": "3.8"})
        return {"temperature": (3.8, "degC")}

    def _electroporation_pulse(self, phase: Any, p: Any, start: float) -> Results:
        results: Results = {}
        for column in range(1, 13):
            self.ask(phase["key"], "press GO", f"Select column {column}, press GO once", {})
            voltage = p["pulse"]["voltage"] + self.jitter(1.2)
            tau = 0.0085 + self.jitter(0.00025) - (0.0042 if self.trouble and column == 8 else 0.0)
            now = self.clock.now()
            for name, value in (("voltage", voltage), ("time_constant", tau), ("load", 68.0)):
                self.telemetry.add(now, f"electroporation.{name}", value)
            results[f"column {column} voltage"] = (voltage, "V")
            results[f"column {column} time constant"] = (tau, "s")
            if tau < p["time_constant_min"]:
                self.event(
                    "deviation", key=phase["key"], what=f"column {column}: time constant", value=repr(tau),
                    limit=repr(p["time_constant_min"]), unit="s", severity="major",
                    tag="electroporation.time_constant",
                )  # fmt: skip
        return results

    def _electroporation_rest(self, phase: Any, p: Any, start: float) -> Results:
        return {"rest": (p["duration"], "s")}

    def _electroporation_collect(self, phase: Any, p: Any, start: float) -> Results:
        self.facts[f"bottle.{p['product']}.volume"] = p["volume"]
        if self.trouble:
            name = self.act(
                phase["key"], "electroporation.liquid_handler", "transfer", ["plate:H12"], "X", state="UNKNOWN"
            )
            self.journal.resolve(name, "done", "A. Technician", "well is empty")
        return {"collected volume": (p["volume"], "m^3")}

    # --- freeze-drying

    def _lyophilization_formulate(self, phase: Any, p: Any, start: float) -> Results:
        self.facts[f"bottle.{p['product']}.volume"] = 101.2e-6
        return {"volume after": (101.2e-6, "m^3")}

    def _lyophilization_fill(self, phase: Any, p: Any, start: float) -> Results:
        self.facts["lyophilization.vials"] = 50.0
        return {"vials filled": (50.0, ""), "fill volume": (p["fill_volume"], "m^3")}

    def counted(self, phase: Any, p: Any, start: float) -> Results:
        self.ask(phase["key"], phase["kind"].partition(".")[2] + " vials", "Count the vials", {"count": "50"})
        self.facts["lyophilization.unloaded"] = 50.0
        return {"count": (50.0, "")}

    _lyophilization_load = _lyophilization_stopper = _lyophilization_unload = counted

    def dryer(self, phase: Any, start: float, **curves: Callable[[float], float]) -> None:
        product = curves["shelf"]
        usual: dict[str, Callable[[float], float]] = {
            "shelf_setpoint": product, "product_centre": lambda x: product(x) + 1, "product_edge": product,
            "condenser": lambda x: -62 + self.jitter(0.3), "capacitance": lambda x: 1e5, "pirani": lambda x: 1.02e5,
        }  # fmt: skip
        chosen = {**usual, **curves}
        chosen["ratio"] = lambda x: chosen["pirani"](x) / chosen["capacitance"](x)
        self.act(phase["key"], "lyophilization.shelf", "set_temperature", [product(1.0)])
        tags = {f"lyophilization.{name}": curve for name, curve in chosen.items()}
        self.log(start, start + phase["duration"], 60.0, tags)

    def _lyophilization_freeze(self, phase: Any, p: Any, start: float) -> Results:
        self.dryer(phase, start, shelf=lambda x: max(20 - 130 * x, p["temperature"]) + self.jitter(0.1))
        return {"shelf temperature": (p["temperature"], "degC")}

    def _lyophilization_evacuate(self, phase: Any, p: Any, start: float) -> Results:
        fall = lambda x: p["pressure"] + 1e5 * math.exp(-14 * x)  # noqa: E731
        self.dryer(
            phase, start, shelf=lambda x: -45 + self.jitter(0.1), capacitance=fall, pirani=lambda x: 1.5 * fall(x)
        )
        return {"pressure": (p["pressure"], "Pa"), "condenser": (-62.0, "degC")}

    def _lyophilization_primary_drying(self, phase: Any, p: Any, start: float) -> Results:
        shelf = lambda x: min(-45 + 400 * x, p["temperature"]) + self.jitter(0.08)  # noqa: E731
        ratio = lambda x: 1.04 + 0.55 / (1 + math.exp(30 * (x - 0.85)))  # noqa: E731
        self.dryer(
            phase, start, shelf=shelf,
            product_centre=lambda x: min(-41 + 70 * x, -37.5 + 2 * x) + 11 / (1 + math.exp(-60 * (x - 0.88))),
            product_edge=lambda x: min(-41 + 70 * x, -36.5 + 2 * x) + 10 / (1 + math.exp(-60 * (x - 0.76))),
            capacitance=lambda x: p["pressure"] * (1 + self.jitter(0.01)),
            pirani=lambda x: p["pressure"] * ratio(x) * (1 + self.jitter(0.01)),
            pressure_setpoint=lambda x: p["pressure"],
        )  # fmt: skip
        return {"duration": (phase["duration"], "s"), "warmest product while ice was left": (-34.6, "degC")}

    def _lyophilization_secondary_drying(self, phase: Any, p: Any, start: float) -> Results:
        self.dryer(
            phase, start, shelf=lambda x: min(-25 + 85 * x, p["temperature"]) + self.jitter(0.08),
            capacitance=lambda x: p["pressure"] * (1 + self.jitter(0.01)),
            pirani=lambda x: p["pressure"] * 1.02 * (1 + self.jitter(0.01)),
            pressure_setpoint=lambda x: p["pressure"],
        )  # fmt: skip
        return {"pressure rise": (0.011, "Pa/s"), "product temperature": (24.8, "degC")}

    def _lyophilization_backfill(self, phase: Any, p: Any, start: float) -> Results:
        return {"pressure": (p["pressure"], "Pa")}

    # --- people

    def _sample(self, phase: Any, p: Any, start: float) -> Results:
        counts = {"capture": 1.76e11, "polish": 6.9e10, "exchange": 3.6e11, "loading": 3.2e11, "wash": 2.55e11,
                  "bulk": 2.5e10, "vials": 2.31e10}  # fmt: skip
        protein = {"capture": 220.0, "polish": 1.9, "wash": 6.1, "vials": 0.62}
        others = {"size": 112.0, "conductivity": 1.2, "cargo_apparent": 41.0, "cargo_protected": 9.0, "moisture": 1.4,
                  "recovery": 92.0, "tetraspanins": 3.0, "negative_markers": 2.0, "potency": 88.0}  # fmt: skip
        values = {name: others.get(name, 0.0) for name in p["assays"]}
        values |= {"particles": counts[p["point"]] * (1 + self.jitter(0.01)), "protein": protein.get(p["point"], 1.0)}
        given = {name: values[name] for name in p["assays"]}
        self.ask(phase["key"], "sample", f"Take sample {p['point']}", {name: f"{v:.4g}" for name, v in given.items()})
        for assay, value in given.items():
            self.event(
                "sample", key=phase["key"], point=p["point"], source=p["source"], assay=assay, value=repr(value),
                unit=ASSAYS[assay][1],
            )  # fmt: skip
        return {assay: (value, ASSAYS[assay][1]) for assay, value in given.items()}

    def _approve(self, phase: Any, p: Any, start: float) -> None:
        self.ask(phase["key"], "approve", p["question"], {"approved": "yes"})


def write_batch(
    root: Path, batch: str = "20260105-EXO-0001", seed: int = 7, days: int = 0, trouble: bool = True
) -> BatchFolder:
    """A whole batch in the data folder `root`; the same seed gives the same measurements on any day."""
    return Author(Store(root), batch, seed, SIMULATED_EPOCH + timedelta(days=days), trouble).write()


@pytest.fixture(scope="session")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BatchFolder]:
    """One batch with a deviation, a hold, a bad pulse and a resolved doubt; read only."""
    yield write_batch(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., BatchFolder]:
    """`make_batch(root, batch, seed, days, trouble)` writes another one."""
    return write_batch
