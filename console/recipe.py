"""`vesiflow check` and `vesiflow recipe`: what a recipe says, what it becomes on a line, what is wrong with it."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from console.protocols import analysed, unmeasured
from devices.line_file import load_line
from protocols.check import Finding, refuse
from protocols.check import check as find
from protocols.control import ControlRecipe, Operation, Phase, UnitProcedure
from protocols.display import lines, time
from protocols.load import load, packaged
from protocols.parameters import parameters as table_of_parameters
from protocols.resolve import resolve
from vesiflow.errors import ConfigError
from vesiflow.line_profile import LineProfile
from vesiflow.quantities import parse
from vesiflow.quantities import show as shown

PIPED = 160
"""Columns when the output goes to a file or program."""


def check(recipe: str, *, line: str = "sim", volume: str | None = None) -> None:
    """Check a recipe on a line: units and ranges, order, roles, balance, limits. Exit code 2 when it cannot run.

    Example:
        vesiflow check exosome --line sim
        vesiflow check my.yaml --volume 1.5 L

    Parameters
    ----------
    recipe:
        Name of a packaged recipe or path of a YAML file.
    line:
        Name of a packaged line or path of a line file.
    volume:
        Volume of the first material; the batch is scaled to it.
    """
    master, file = load(recipe), load_line(line)
    profile = file.profile
    findings = find(master, profile, volume=_volume(volume))
    refuse(master, findings)
    console = _console()
    if findings:
        console.print(_findings(findings))
    control = resolve(master, profile, volume=_volume(volume))
    for said in (*unmeasured(control, file), *analysed(control, file)):
        console.print(said)
    count = sum(1 for _ in control.phases())
    total = time(sum(procedure.duration for procedure in control.unit_procedures))
    console.print(f"{master.recipe} {master.version} can run on line {profile.name}: {count} phases, about {total}")


def show(recipe: str, *, line: str = "sim", volume: str | None = None) -> None:
    """Print the control recipe as a tree: unit procedures, operations, phases with durations and quantities.

    Example:
        vesiflow recipe show exosome

    Parameters
    ----------
    recipe:
        Name of a packaged recipe or path of a YAML file.
    line:
        Name of a packaged line or path of a line file.
    volume:
        Volume of the first material; the batch is scaled to it.
    """
    profile = load_line(line).profile
    _console().print(_tree(resolve(load(recipe), profile, volume=_volume(volume)), profile))


def list_() -> None:
    """List the packaged recipes.

    Example:
        vesiflow recipe list
    """
    table = Table("recipe", "version", "unit procedures", box=box.SIMPLE)
    for name in packaged():
        master = load(name)
        table.add_row(name, master.version, ", ".join(entry.value.name for entry in master.procedure))
    _console().print(table)


def parameters(prefix: str = "") -> None:
    """Print the table of parameters: unit, allowed range, criticality and why.

    Example:
        vesiflow recipe parameters tff.concentrate

    Parameters
    ----------
    prefix:
        Only parameters whose name begins like this.
    """
    found = [item for name, item in table_of_parameters().items() if name.startswith(prefix)]
    if not found:
        raise ConfigError(f"no parameter begins with '{prefix}'", remedy="see `vesiflow recipe parameters`")
    table = Table(box=box.SIMPLE)
    for title in ("parameter", "allowed", "default", "criticality", "why"):
        table.add_column(title, no_wrap=title != "why")
    for item in found:
        table.add_row(item.name, item.allowed, item.default or "", item.criticality, item.why)
    _console().print(table)


def _console() -> Console:
    console = Console(markup=False, highlight=False)
    return console if console.is_terminal else Console(markup=False, highlight=False, width=PIPED)


def _volume(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return parse(text, "m^3")
    except ValueError as error:
        raise ConfigError(str(error), action="volume", remedy="write a volume like '2 L'") from error


def _findings(findings: list[Finding]) -> Table:
    table = Table("line", "severity", "path", "reason", box=box.SIMPLE)
    for finding in findings:
        table.add_row(str(finding.line), finding.severity, finding.path, finding.reason)
    return table


def _tree(control: ControlRecipe, profile: LineProfile) -> Tree:
    total = time(sum(procedure.duration for procedure in control.unit_procedures))
    tree = Tree(Text(f"{control.recipe} {control.version} on line {profile.name}, about {total}", style="bold"))
    for name in {key.rsplit(".", 1)[0]: None for key in control.material}:
        volume = shown(control.material[f"{name}.volume"], "m^3", "mL")
        particles = shown(control.material[f"{name}.particles"], "1/m^3", "1/mL")
        tree.add(f"material {name}: {volume}, {particles}")
    for procedure in control.unit_procedures:
        _procedure(tree, procedure)
    if control.release:
        branch = tree.add("release")
        for item in control.release:
            branch.add(f"{item.name} {item.relation} {item.value:g} {item.unit}".rstrip())
    return tree


def _procedure(tree: Tree, procedure: UnitProcedure) -> None:
    title = f"{procedure.number} {procedure.name} ({procedure.unit}), {time(procedure.duration)}"
    branch = tree.add(Text(title, style="bold"))
    for operation in procedure.operations:
        _operation(branch, operation)


def _operation(tree: Tree, operation: Operation) -> None:
    for phase in operation.phases:
        tree.add(_phase(phase))


def _phase(phase: Phase) -> Text:
    title = Text(f"{phase.key}  {time(phase.duration)}")
    for name, value in lines(phase.params):
        title.append(f"\n  {name.replace('_', ' ')}: {value}", style="dim")
    return title
