"""Validation cases: from a table of known numbers to the input of `evaluate`, and the verdict on what comes out.

A folder of cases holds JSON files with inputs, expected outputs and tolerances, and a `contract.json` that says how the
keys of a case become the keys of an input file. The tests and the validation tables of the documentation read it.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JsonMap = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One case as an input, with what must come out."""

    unit: str
    calculation: str
    name: str
    content: JsonMap
    expected: JsonMap
    tolerance: dict[str, float]


@dataclass(frozen=True)
class Verdict:
    """One number: what was expected, what came, and how much of the tolerance it used (1 is the limit)."""

    key: str
    expected: float
    found: float
    used: float


def cases(folder: Path) -> list[Case]:
    """Every case that the contract reaches, in order."""
    contract: JsonMap = json.loads((folder / "contract.json").read_text(encoding="utf-8"))
    return [
        case
        for unit, known in contract.items()
        for name, rule in known.items()
        for case in _of(folder, unit, name, rule)
    ]


def _of(folder: Path, unit: str, calculation: str, rule: JsonMap) -> Iterator[Case]:
    document: Any = json.loads((folder / rule["file"]).read_text(encoding="utf-8"))
    items = document
    for part in rule["list"].split("."):
        items = items[part]
    for number, item in enumerate(items):
        kind = item.get("kind", rule["list"].split(".")[0])
        if not fnmatch.fnmatchcase(kind, rule["case_kind"]):
            continue
        inputs = item.get("inputs") or {key: item[key] for key in rule["inputs"]}
        expected = item.get("expected") or {key: item[key] for key in rule["outputs"]}
        if "ref" in inputs:
            inputs = next(other["inputs"] for other in items if other["id"] == inputs["ref"])
        tolerance = item.get("tolerance", document.get("tolerance", {}))
        name = item.get("id", f"point {number + 1}")
        yield Case(
            unit,
            calculation,
            name,
            {"calculation": calculation, **converted(inputs, rule["inputs"])},
            expected,
            tolerance,
        )


def converted(inputs: JsonMap, rules: JsonMap) -> JsonMap:
    """The inputs of a case as an input file."""
    content: JsonMap = {}
    used: set[str] = set()
    for path, rule in rules.items():
        for way, keys, value in _matches(inputs, path.split("."), ()):
            used.add(way)
            if rule["key"] is not None and value is not None:
                _put(content, rule, list(keys), value)
    if unknown := {way for way in _leaves(inputs) if way not in used}:
        raise ValueError(f"the contract has no rule for {', '.join(sorted(unknown))}")
    return content


def _leaves(value: Any, way: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{way}.{key}" if way else key)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _leaves(item, f"{way}[{i}]")
    else:
        yield way


def _matches(value: Any, path: list[str], keys: tuple[Any, ...], way: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(way, names and positions on it, value) of everything a path like `species[].kf` or `C0.<name>_g_L` matches."""
    if not path:
        yield way, keys, value
        return
    head, rest = path[0], path[1:]
    prefix = f"{way}." if way else ""
    if head.startswith("<name>"):
        suffix = head.removeprefix("<name>")
        for key, item in value.items():
            if key.endswith(suffix):
                yield f"{prefix}{key}", (*keys, key[: len(key) - len(suffix)]), item
    elif head.endswith("[]"):
        for i, item in enumerate(value.get(head[:-2], [])):
            yield from _matches(item, rest, (*keys, i), f"{prefix}{head[:-2]}[{i}]")
    elif head in value:
        yield from _matches(value[head], rest, keys, f"{prefix}{head}")


def _put(content: JsonMap, rule: JsonMap, keys: list[Any], value: Any) -> None:
    key, unit = rule["key"], rule["unit"]
    if "^i" in unit:  # a polynomial written out, "36*C+0.6*C^2": one coefficient per power
        found = re.findall(r"([\d.eE+-]+)\*C", value)
        content[key.removesuffix("[]")] = [f"{float(a)} {unit.replace('^i', f'^{i}')}" for i, a in enumerate(found, 1)]
        return
    written = value if unit in ("1", "count", "text") else f"{value} {unit}"
    *parents, last = key.split(".")
    at: Any = content
    for part in parents:
        at = _item(at.setdefault(part[:-2], []), keys[0]) if part.endswith("[]") else at.setdefault(part, {})
    if last.endswith("[]"):
        at.setdefault(last[:-2], []).append(written)
    else:
        at[last] = written


def _item(items: list[JsonMap], key: Any) -> JsonMap:
    """The entry of a species: by position, or by name."""
    if isinstance(key, int):
        if key == len(items):
            items.append({})
        return items[key]
    found = next((item for item in items if item["name"] == key), None)
    if found is None:
        found = {"name": key}
        items.append(found)
    return found


def verdicts(case: Case, result: JsonMap) -> list[Verdict]:
    """Every expected number against the result; a key that is absent raises KeyError."""
    return [_verdict(case.tolerance, key, want, found) for key, want, found in _pairs(case.expected, result)]


def _pairs(expected: Any, found: Any, key: str = "") -> Iterator[tuple[str, float, float]]:
    if isinstance(expected, dict):
        for name, item in expected.items():
            yield from _pairs(item, found[name], f"{key}.{name}" if key else name)
    elif isinstance(expected, list):
        for i, (want, got) in enumerate(zip(expected, found, strict=True)):
            yield from _pairs(want, got, f"{key}[{i}]")
    else:
        yield key, float(expected), float(found)


def _verdict(tolerance: dict[str, float], key: str, want: float, found: float) -> Verdict:
    allowed = max(limits(tolerance, key, want))
    error = abs(found - want)
    return Verdict(key, want, found, error / allowed if allowed else float(error > 0.0))


def limits(tolerance: dict[str, float], key: str, want: float) -> list[float]:
    """Allowed deviations of one output: its own entry, that of its kind, or the general one."""
    name = re.sub(r"\[\d+\]", "", key.split(".")[-1])
    whole = key.split(".")[0]
    own = [
        value if how.startswith("abs") else value * abs(want)
        for entry, value in tolerance.items()
        for output, how in [_split(entry)]
        if output and re.fullmatch(rf"{re.escape(output)}(_.*)?", name)
    ]
    if own:
        return own
    kinds = {
        "temperature_abs_C": name.endswith("_C") and name != "charge_C",
        "flux_rel": name.startswith("J_") or "_flux_" in name,
        "time_rel": name == "time_h" or (name.startswith("t_") and name.endswith("_h")),
        "conc_rel": whole not in ("t_concentration_h", "t_diafiltration_h"),
    }
    for entry, applies in kinds.items():
        if applies and entry in tolerance:
            return [tolerance[entry] if "abs" in entry else tolerance[entry] * abs(want)]
    general = [tolerance["abs"]] if "abs" in tolerance else []
    if "rel" in tolerance:
        general.append(tolerance["rel"] * abs(want))
    return general or [1e-3 * abs(want)]


def _split(entry: str) -> tuple[str, str]:
    """("t50", "rel") of "t50_rel"; kinds and general entries have no output of their own."""
    if entry in ("rel", "abs", "temperature_abs_C", "flux_rel", "time_rel", "conc_rel", "mass_balance_abs"):
        return "", ""
    match = re.fullmatch(r"(.+)_(rel|abs)(?:_\w+)?", entry)
    return (match[1], match[2]) if match else ("", "")
