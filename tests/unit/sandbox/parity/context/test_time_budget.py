"""The time budget: each part has its share, more time is more of everything, and what is left undone says what it needs."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml.package.settings import ParitySettings
from pyml_sandbox.parity.context.time_budget import WHOLE, Part, TimeBudget

seconds = st.floats(0.01, 1e6)
parts = st.sampled_from(Part)


def test_by_default_each_part_has_as_many_seconds_as_its_share_says() -> None:
    assert ParitySettings().budget_s == WHOLE
    assert {part: TimeBudget().of(part) for part in Part} == {part: part.share for part in Part}


@given(seconds)
def test_the_parts_share_the_whole(budget_s: float) -> None:
    assert math.isclose(sum(TimeBudget(budget_s).of(part) for part in Part), budget_s)


@given(seconds, st.floats(1.0, 100.0), parts, st.integers(1, 1000))
def test_more_time_never_is_less_of_anything(budget_s: float, times: float, part: Part, count: int) -> None:
    less, more = TimeBudget(budget_s), TimeBudget(budget_s * times)
    assert less.of(part) <= more.of(part)
    assert 1 <= less.scaled(count) <= more.scaled(count)
    assert TimeBudget().scaled(count) == count


@given(seconds, parts, st.floats(0.001, 1e6), st.none() | st.floats(0.001, 1e6))
def test_what_a_part_needs_it_has_in_the_budget_that_is_advised(
    budget_s: float, part: Part, rest_s: float, needed_s: float | None
) -> None:
    budget = TimeBudget(budget_s)
    undone = budget.undone(part, "3 of 9 rows", rest_s, needed_s)
    advised = TimeBudget(undone.budget_s)
    assert advised.of(part) >= max(budget.of(part) + rest_s, needed_s or 0.0) * (1 - 1e-9)
    assert undone.budget_s <= 1.11 * WHOLE / part.share * max(budget.of(part) + rest_s, needed_s or 0.0)
    assert undone.part == part


@pytest.mark.parametrize(
    ("rest_s", "sentence", "budget_s"),
    [
        (140.0, "3 of 9 rows; the rest needs about 140 s more", 1700.0),
        (1234.5, "3 of 9 rows; the rest needs about 1,300 s more", 14000.0),
        (0.034, "3 of 9 rows; the rest needs about 0.034 s more", 91.0),
        (None, "3 of 9 rows; there may be a smaller one", 180.0),
    ],
)
def test_a_sentence_says_how_much_was_done_and_how_long_the_rest_takes(
    rest_s: float | None, sentence: str, budget_s: float
) -> None:
    undone = TimeBudget().undone(Part.SIZES, "3 of 9 rows", rest_s)
    assert (undone.part, undone.sentence, undone.budget_s) == ("sizes", sentence, budget_s)
