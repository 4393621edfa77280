"""Which files of a run are compared, and when the noise of the model is still to be measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pyml_sandbox.compare import Comparison
from pyml_sandbox.parity.decisions.pairings import (
    PAIRINGS,
    deciding_pairings,
    may_be_noise,
    needs_noise,
    possible_pairings,
)
from pyml_sandbox.parity.diagnosis.notebook_findings import EXPECTED_OFFLINE, EXPECTED_ONLINE
from pyml_sandbox.parity.verdict_rules import ALONE, BATCHES, REPEAT, ROWS
from support.comparisons import SIDES, column, comparison

OFFLINE, BATCHED, SINGLE, REPEATED = "offline", "online_batches", "online_rows", ("repeat_first", "repeat_second")
NOTEBOOK = "expected"


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ((), ()),
        ((OFFLINE,), ()),
        ((OFFLINE, BATCHED), (BATCHES,)),
        ((OFFLINE, SINGLE), (ROWS,)),
        ((BATCHED, SINGLE), (ALONE,)),
        ((BATCHED, *REPEATED), (REPEAT,)),
        ((OFFLINE, BATCHED, REPEATED[0]), (BATCHES,)),
        ((OFFLINE, BATCHED, SINGLE, *REPEATED), (BATCHES, ROWS, ALONE, REPEAT)),
        ((NOTEBOOK, BATCHED), (EXPECTED_ONLINE,)),
        ((NOTEBOOK, OFFLINE, BATCHED), (BATCHES, EXPECTED_OFFLINE, EXPECTED_ONLINE)),
    ],
)
def test_what_both_sides_have_written_is_compared(written: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert tuple(each.name for each in possible_pairings(set(written))) == names


def test_each_pairing_names_its_sides_and_a_sample_is_held_against_its_own_keys() -> None:
    assert {each.name: each.sides for each in PAIRINGS} == SIDES
    assert {each.name: each.within for each in PAIRINGS} == {
        BATCHES: None,
        ROWS: SINGLE,
        ALONE: SINGLE,
        REPEAT: None,
        EXPECTED_OFFLINE: NOTEBOOK,
        EXPECTED_ONLINE: NOTEBOOK,
    }


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ((), ()),
        ((ALONE, REPEAT), ()),
        ((ROWS, ALONE), (ROWS,)),
        ((REPEAT, ROWS, BATCHES), (BATCHES, ROWS)),
        ((EXPECTED_ONLINE,), (EXPECTED_ONLINE,)),
    ],
)
def test_offline_against_online_and_the_notebook_against_both_decide(
    made: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    found = deciding_pairings([comparison(name, column()) for name in made])
    assert tuple(each.name for each, _ in found) == expected
    assert all(each.name == made_comparison.name for each, made_comparison in found)


DIFFERING = column(differing=3)
CASES = [
    ("no column", comparison(BATCHES), False),
    ("columns that agree", comparison(BATCHES, column(), column("q")), False),
    ("floats that differ", comparison(BATCHES, DIFFERING), True),
    ("labels that differ", comparison(BATCHES, replace(DIFFERING, tolerance=None)), False),
    ("null on one side", comparison(BATCHES, column(differing=3, mismatches={"null_mismatches": 1})), False),
    ("NaN on one side", comparison(BATCHES, column(differing=3, mismatches={"nan_mismatches": 1})), False),
    ("infinity on one side", comparison(BATCHES, column(differing=3, mismatches={"infinity_mismatches": 1})), False),
    (
        "floats beside labels",
        comparison(BATCHES, replace(DIFFERING, name="label", tolerance=None), DIFFERING),
        True,
    ),
]


@pytest.mark.parametrize(("made", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_only_finite_floats_that_differ_may_be_noise(made: Comparison, expected: bool) -> None:
    assert may_be_noise(made) is expected


@pytest.mark.parametrize(
    ("is_examined", "differing", "expected"),
    [(False, (0, 3), True), (False, (0, 0), False), (True, (0, 3), False), (False, (), False)],
)
def test_noise_is_measured_where_the_harness_has_not_and_floats_differ(
    is_examined: bool, differing: tuple[int, ...], expected: bool
) -> None:
    made = [comparison(name, column(differing=count)) for name, count in zip((BATCHES, ROWS), differing, strict=False)]
    assert needs_noise(made, is_examined=is_examined) is expected
