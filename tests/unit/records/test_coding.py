"""Nothing is lost between Python and the journal's canonical JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.coding import dumps, encode, loads

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
)


@given(values)
def test_every_value_comes_back_as_it_was(value: Any) -> None:
    back = loads(dumps(value))
    assert back == value
    assert dumps(back) == dumps(value)  # 1 is not 1.0, and 0.0 is not -0.0


def test_floats_are_written_as_decimal_strings() -> None:
    assert encode({"flow": 2.5e-06}) == {"flow": {"$dec": "2.5e-06"}}
    assert encode(1.0) != encode(1)


def test_a_key_that_looks_like_a_mark_stays_a_key() -> None:
    assert loads(dumps({"$dec": "1.5"})) == {"$dec": "1.5"}


def test_nan_and_infinity_are_kept() -> None:
    assert math.isnan(loads(dumps(math.nan)))
    assert loads(dumps([math.inf, -math.inf])) == [math.inf, -math.inf]


def test_numpy_numbers_are_numbers() -> None:
    assert loads(dumps([np.float64(0.1), np.float32(0.5), np.int64(7)])) == [0.1, 0.5, 7]


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Reading:
    value: float
    at: datetime


def test_dataclasses_enums_and_dates_are_written_out() -> None:
    at = datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert loads(dumps({"colour": Colour.RED, "reading": Reading(1.5, at)})) == {
        "colour": "red",
        "reading": {"value": 1.5, "at": "2026-01-05T08:00:00.000000+00:00"},
    }


def test_lone_surrogates_become_escapes() -> None:
    assert loads(dumps("a\udc80")) == "a\\udc80"


@pytest.mark.parametrize("value", [object(), {1: "x"}, {"x": {1, 2}}])
def test_what_has_no_written_form_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        dumps(value)
