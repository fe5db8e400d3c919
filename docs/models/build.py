"""Write the validation tables and the figures of these pages: `python docs/models/build.py`.

The tables compare what the calculations give now with the validation cases of the test suite; the figures are drawn
by the same code as `vesiflow model --plot`. Nothing in them is typed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import matplotlib as mpl
import yaml

from sim.model.curves import CURVES
from sim.model.evaluate import evaluate, parsed
from sim.model.plot import draw
from sim.model.validation import Case, cases, verdicts

HERE = Path(__file__).parent
CASES = HERE.parents[1] / "tests" / "data" / "cases"
BEGIN, END = "<!-- validation: written by build.py -->", "<!-- end of validation -->"
FIGURES = {
    "tff": ("run", "gel_flux", "hermia", "osmotic"),
    "sec": ("grm", "edm"),
    "electroporation": ("exponential", "membrane", "loading_ceiling"),
    "lyophilization": ("primary_drying", "freezing", "secondary_drying"),
}


def table(unit: str, folder: Path) -> str:
    """One line per case: the output that comes nearest to its tolerance."""
    lines = [
        "| calculation | case | numbers | nearest to its limit | expected | found | share of the tolerance |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in cases(CASES):
        if case.unit == unit:
            found = verdicts(case, evaluate(unit, written(case, folder)))
            worst = max(found, key=lambda verdict: verdict.used)
            lines.append(
                f"| {case.calculation} | {case.name} | {len(found)} | `{worst.key}` | {worst.expected:.6g} "
                f"| {worst.found:.6g} | {'< 1' if worst.used < 0.01 else f'{100 * worst.used:.0f}'} % |"
            )
    return "\n".join(lines)


def written(case: Case, folder: Path) -> Path:
    path = folder / "case.yaml"
    path.write_text(yaml.safe_dump(case.content), encoding="utf-8")
    return path


def figures(unit: str, folder: Path) -> None:
    """The curves of the first case of each calculation shown on the page."""
    target = HERE / "figures"
    target.mkdir(exist_ok=True)
    for name in FIGURES[unit]:
        case = next(case for case in cases(CASES) if (case.unit, case.calculation) == (unit, name))
        _, values = parsed(unit, written(case, folder))
        figure = draw(CURVES[unit, name](values), name.replace("_", " "))
        # Salt and no date: the same curves give the same file.
        with mpl.rc_context({"svg.hashsalt": "vesiflow", "svg.fonttype": "none"}):
            figure.savefig(target / f"{unit}_{name}.svg", metadata={"Date": None})


def page(unit: str, text: str, folder: Path) -> str:
    """The page with a fresh table."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table(unit, folder)}\n{END}{rest.split(END)[1]}"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for unit in FIGURES:
            path = HERE / f"{unit}.md"
            path.write_text(page(unit, path.read_text(encoding="utf-8"), Path(folder)), encoding="utf-8")
            figures(unit, Path(folder))


if __name__ == "__main__":
    main()
