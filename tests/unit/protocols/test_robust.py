"""Whatever is written, reading and checking end with findings or a LoadError, never with a traceback."""

from __future__ import annotations

import importlib.resources
import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from protocols.check import ERROR, check
from protocols.load import LoadError, load, loads
from protocols.resolve import resolve
from vesiflow.errors import ConfigError
from vesiflow.line_profile import LineProfile

UNITS = ("tff", "sec", "electroporation", "lyophilization")
TEXTS = {unit: load(unit).document.text for unit in UNITS}
NUMBER = re.compile(r"(?<=[ \[])-?\d+(?:\.\d+)?(?:e\d+)?(?=[ ,}%\n])")
STRANGE = ["0", "-1", "1e300", "-1e300", "1e-300", "1e12", "nan", "-0.0", "3.7", "abc", "''", "[1]", "1e9999"]


@settings(max_examples=150, deadline=None)
@given(unit=st.sampled_from(UNITS), number=st.integers(0, 10_000), strange=st.sampled_from(STRANGE))
@example(unit="tff", number=6, strange="0")
def test_a_strange_number_is_refused_or_harmless(unit: str, number: int, strange: str, bench: LineProfile) -> None:
    places = list(NUMBER.finditer(TEXTS[unit]))
    place = places[number % len(places)]
    text = TEXTS[unit][: place.start()] + strange + TEXTS[unit][place.end() :]
    try:
        recipe = loads(text)
    except LoadError as error:
        assert all(1 <= problem.line <= text.count("\n") for problem in error.problems)
        return
    if not [finding for finding in check(recipe, bench) if finding.severity == ERROR]:
        assert all(phase.duration >= 0 for phase in resolve(recipe, bench).phases())


@settings(max_examples=100, deadline=None)
@given(unit=st.sampled_from(UNITS), line=st.integers(0, 10_000))
def test_a_missing_line_is_refused_or_harmless(unit: str, line: int, bench: LineProfile) -> None:
    lines = TEXTS[unit].splitlines(keepends=True)
    del lines[line % len(lines)]
    try:
        recipe = loads("".join(lines))
    except LoadError:
        return
    if not [finding for finding in check(recipe, bench) if finding.severity == ERROR]:
        resolve(recipe, bench)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=200) | st.from_regex(r"[\[\]{}:,\-?!&*|>%@\n ab1]{0,60}", fullmatch=True))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(LoadError):
        loads(text)


def test_values_that_cannot_be_computed_with(bench: LineProfile) -> None:
    with pytest.raises(ConfigError, match="vesiflow check"):
        resolve(loads(TEXTS["tff"].replace("lumen: 0.5 mm", "lumen: 0 mm")), bench)


def test_the_example_of_the_documentation_can_run(bench: LineProfile) -> None:
    page = (Path(__file__).parents[3] / "docs" / "recipes.md").read_text(encoding="utf-8")
    (example_text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert check(loads(example_text), bench) == []


def test_recipes_are_package_data() -> None:
    assert (importlib.resources.files("protocols") / "recipes" / "exosome.yaml").is_file()
