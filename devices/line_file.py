"""Line files: instruments are what is plugged in, roles are what phases ask for. Another bench is another file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devices import registry
from devices.equipment import EquipmentModel
from devices.roles import LINE_ROLES
from vesiflow.documents import Document, Problem, parse, problems, read
from vesiflow.documents import DocumentError as LineFileError
from vesiflow.errors import ConfigError
from vesiflow.ids import digest
from vesiflow.line_profile import LineProfile
from vesiflow.quantities import parse_range

LIMIT_UNITS: Mapping[str, str] = {
    "flow": "m^3/s",
    "pressure": "Pa",
    "temperature": "degC",
    "voltage": "V",
    "volume": "m^3",
}
"""Argument names that a role's limits may bound, and their inside units."""

INTERLOCK_UNITS: Mapping[str, str] = {
    "pressure": "Pa",
    "tmp": "Pa",
    "capacitance": "Pa",
    "pirani": "Pa",
    "mass": "kg",
    "flow": "m^3/s",
    "conductivity": "S/m",
    "uv": "AU",
    "shear": "1/s",
    "shelf": "degC",
    "centre": "degC",
    "edge": "degC",
    "condenser": "degC",
    "temperature": "degC",
}
"""Last word of a telemetry tag that an interlock may bound, and its inside unit."""

NO_PORT = ("console", "none")


class ClockModel(BaseModel):
    """`clock: virtual`, `clock: wall`, or `clock: {scaled: 50}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    scaled: float = Field(gt=0)


class LineModel(BaseModel):
    """The document as written; instruments and roles are checked one by one afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,40}$")
    clock: str | ClockModel = "wall"
    instruments: dict[str, dict[str, Any]]
    roles: dict[str, dict[str, Any]]
    safe_state: dict[str, dict[str, str]] = {}
    interlocks: dict[str, str] = {}
    equipment: EquipmentModel = EquipmentModel()
    simulation: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class InstrumentSpec:
    """What is plugged in: driver class, address, checked options and changed line settings."""

    name: str
    driver_name: str
    driver: Any
    at: str
    options: Any
    settings: Any

    @property
    def simulated(self) -> bool:
        """Whether nothing real is behind it: a `sim://` address, or a driver that only pretends by its options."""
        pretends = getattr(self.driver, "pretends", None)
        return self.at.startswith("sim:") or bool(pretends and pretends(self.options))


@dataclass(frozen=True, slots=True)
class RoleSpec:
    """Which instrument gives a role, with which options (channel, positions) and within which limits."""

    role: str
    capability: str
    instrument: str
    options: Mapping[str, Any]
    limits: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class LineFile:
    """A checked line file."""

    name: str
    file: str
    text: str
    clock: str
    speed: float
    instruments: Mapping[str, InstrumentSpec]
    roles: Mapping[str, RoleSpec]
    safe_state: Mapping[str, Mapping[str, str]]
    profile: LineProfile
    simulation: Mapping[str, Any] | None

    @property
    def digest(self) -> str:
        """SHA-256 of the file's text."""
        return digest(self.text)


def packaged() -> list[str]:
    """Names of the line files that come with vesiflow."""
    return sorted(
        item.name.removesuffix(".yaml")
        for item in files("deployments").joinpath("lines").iterdir()
        if item.name.endswith(".yaml")
    )


def load_line(name: str | Path) -> LineFile:
    """A packaged line by name, or a line file by path; LineFileError with all problems and their lines."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return check(read(path))
    if str(name) not in packaged():
        raise ConfigError(
            f"unknown line {str(name)!r}", remedy=f"packaged lines: {', '.join(packaged())}; or give a .yaml file"
        )
    with as_file(files("deployments") / "lines" / f"{name}.yaml") as packaged_path:
        return check(read(packaged_path))


def line_from_text(text: str, file: str = "line.yaml") -> LineFile:
    """A line file from its text."""
    return check(parse(text, file))


def check(document: Document) -> LineFile:
    """The line that `document` describes; LineFileError naming every problem at once."""
    if not isinstance(document.data, dict):
        raise LineFileError([document.problem((), "is not a mapping")])
    try:
        model = LineModel.model_validate(document.data)
    except ValidationError as error:
        raise LineFileError(problems(error, document)) from None
    found: list[Problem] = []
    instruments = dict(_instruments(model, document, found))
    roles = dict(_roles(model, instruments, document, found))
    _shared_ports(instruments, document, found)
    _one_kind(model, instruments, document, found)
    _safe_states(model, document, found)
    interlocks = dict(_interlocks(model, document, found))
    clock, speed = _clock(model, document, found)
    if found:
        raise LineFileError(sorted(found, key=lambda problem: problem.line))
    profile = model.equipment.profile(model.name, {name: spec.limits for name, spec in roles.items()})
    profile = replace(profile, interlocks=interlocks)
    return LineFile(
        model.name,
        document.file,
        document.text,
        clock,
        speed,
        instruments,
        roles,
        model.safe_state,
        profile,
        model.simulation,
    )


def _clock(model: LineModel, document: Document, found: list[Problem]) -> tuple[str, float]:
    if isinstance(model.clock, ClockModel):
        return "scaled", model.clock.scaled
    if model.clock not in ("wall", "virtual"):
        found.append(document.problem(("clock",), f"must be wall, virtual or {{scaled: N}} (got {model.clock})"))
    return model.clock, 1.0


def _instruments(model: LineModel, document: Document, found: list[Problem]) -> Iterator[tuple[str, InstrumentSpec]]:
    for name, entry in model.instruments.items():
        place = ("instruments", name)
        rest = dict(entry)
        driver_name, at = rest.pop("driver", None), rest.pop("at", "none")
        serial = rest.pop("serial", {})
        if not isinstance(driver_name, str):
            found.append(document.problem(place, "driver is missing"))
            continue
        try:
            driver = registry.load(driver_name)
        except ConfigError as error:
            found.append(document.problem((*place, "driver"), str(error)))
            continue
        try:
            options = driver.options.model_validate(rest)
            settings = type(driver.settings)(**{**_as_dict(driver.settings), **serial})
        except ValidationError as error:
            found.extend(problems(error, document, place))
            continue
        except TypeError:
            found.append(
                document.problem((*place, "serial"), "knows baudrate, bytesize, parity, stopbits, rtscts, xonxoff")
            )
            continue
        yield name, InstrumentSpec(name, driver_name, driver, str(at), options, settings)


def _as_dict(settings: Any) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__slots__}


def _shared_ports(instruments: Mapping[str, InstrumentSpec], document: Document, found: list[Problem]) -> None:
    seen: dict[str, str] = {}
    for name, spec in instruments.items():
        if spec.at in NO_PORT:
            continue
        if spec.at in seen:
            found.append(
                document.problem(("instruments", name, "at"), f"{spec.at} is already taken by {seen[spec.at]}")
            )
        seen.setdefault(spec.at, name)


def _roles(
    model: LineModel, instruments: Mapping[str, InstrumentSpec], document: Document, found: list[Problem]
) -> Iterator[tuple[str, RoleSpec]]:
    for role, entry in model.roles.items():
        place = ("roles", role)
        rest = dict(entry)
        name = rest.pop("instrument", None)
        if role not in LINE_ROLES:
            found.append(document.problem(place, f"unknown role; known: {', '.join(LINE_ROLES)}"))
            continue
        if name not in model.instruments:
            found.append(document.problem(place, f"no instrument {name!r} on this line"))
            continue
        spec = instruments.get(str(name))
        if spec is None:
            continue
        capability = LINE_ROLES[role]
        if capability not in spec.driver.provides:
            found.append(
                document.problem(
                    place, f"{spec.driver_name} cannot be a {capability}; it gives {', '.join(spec.driver.provides)}"
                )
            )
            continue
        limits = _limits(rest.pop("limits", {}), place, document, found)
        yield role, RoleSpec(role, capability, spec.name, rest, limits)


def _limits(
    entry: Any, place: tuple[str | int, ...], document: Document, found: list[Problem]
) -> dict[str, tuple[float, float]]:
    limits = {}
    for name, text in (entry if isinstance(entry, dict) else {}).items():
        if name not in LIMIT_UNITS:
            found.append(document.problem((*place, "limits", name), f"unknown limit; known: {', '.join(LIMIT_UNITS)}"))
            continue
        try:
            limits[name] = parse_range(str(text), LIMIT_UNITS[name])
        except ValueError as error:
            found.append(document.problem((*place, "limits", name), str(error)))
    return limits


def _one_kind(
    model: LineModel, instruments: Mapping[str, InstrumentSpec], document: Document, found: list[Problem]
) -> None:
    """A line of real instruments has no simulated one: what it makes is either a product or none."""
    simulated = [name for name, spec in instruments.items() if spec.simulated]
    people = [name for name, spec in instruments.items() if spec.at in NO_PORT and not spec.simulated]
    wired = any(instruments[name].at not in NO_PORT for name in simulated)
    real = len(instruments) - len(simulated) - (0 if wired else len(people))
    if model.simulation is None and simulated and real:
        reason = "a simulated instrument among real ones; only a line with a `simulation:` section may have both"
        found.extend(document.problem(("instruments", name, "at"), reason) for name in simulated)


def _safe_states(model: LineModel, document: Document, found: list[Problem]) -> None:
    found.extend(
        document.problem(("safe_state", unit, role), f"this line has no role {unit}.{role}")
        for unit, actions in model.safe_state.items()
        for role in actions
        if f"{unit}.{role}" not in model.roles
    )


def _interlocks(
    model: LineModel, document: Document, found: list[Problem]
) -> Iterator[tuple[str, tuple[float, float]]]:
    """Limits of measured values by telemetry tag ("tff.feed_pressure: -2..30 psi")."""
    for tag, text in model.interlocks.items():
        unit = INTERLOCK_UNITS.get(tag.replace("_", ".").rpartition(".")[2])
        if unit is None or "." not in tag:
            reason = f"not a tag that can be bounded; its last word is one of {', '.join(INTERLOCK_UNITS)}"
            found.append(document.problem(("interlocks", tag), reason))
            continue
        try:
            yield tag, parse_range(text, unit)
        except ValueError as error:
            found.append(document.problem(("interlocks", tag), str(error)))
