"""What of the evidence a report may claim: levels, gaps, checks, and whether it answers a later check as well."""

from __future__ import annotations

import pytest

from pyml.error_code import ErrorCode
from pyml.package.settings import LEVELS
from pyml_sandbox.parity.checks.baseline import no_difference
from pyml_sandbox.parity.decisions.evidence import (
    Evidence,
    checked_level,
    compared_run,
    is_examined,
    may_be_kept,
    results_of,
)
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.observations.check_record import CheckRun
from pyml_sandbox.parity.observations.observation import Observation
from pyml_sandbox.parity.rows.synthetic import InputRow
from pyml_sandbox.parity.verdict import Finding, PathFailure
from pyml_sandbox.parity.verdict_rules import ALONE, BATCHES, REPEAT, ROWS
from support.comparisons import column, comparison

GAP = "the model could not be examined: its process ended"
RAISED = PathFailure(("offline",), "ValueError: no", BATCHES, ErrorCode.PREDICT_RAISED)
LIMITS = [
    PathFailure(("online in batches",), "too much", BATCHES, code)
    for code in (ErrorCode.REQUEST_TOO_LARGE, ErrorCode.QUEUE_FULL, ErrorCode.DEADLINE)
]


@pytest.mark.parametrize(("level", "expected"), [(level, level != LEVELS[0]) for level in LEVELS])
def test_a_model_is_examined_by_itself_above_the_first_level(level: str, expected: bool) -> None:
    assert is_examined(level) is expected


@pytest.mark.parametrize(
    ("level", "gap", "checked"),
    [("P1", "", "P1"), ("P1", GAP, "P1"), ("P2", "", "P5"), ("P5", "", "P5"), ("P3", GAP, "P1")],
)
def test_all_levels_were_checked_where_the_model_was_examined_to_the_end(level: str, gap: str, checked: str) -> None:
    assert checked_level(level, gap) == checked


@pytest.mark.parametrize(
    ("gap", "failures", "expected"),
    [("", (), True), (GAP, (), False), ("", (RAISED,), False), ("", (LIMITS[0],), False), (GAP, (RAISED,), False)],
)
def test_a_report_with_a_gap_or_a_failure_answers_no_later_check(
    gap: str, failures: tuple[PathFailure, ...], expected: bool
) -> None:
    assert may_be_kept(Evidence(gap=gap), failures) is expected


@pytest.mark.parametrize(
    ("made", "failures", "is_made"),
    [
        ((BATCHES,), (), True),
        ((BATCHES, ROWS, ALONE, REPEAT), (), True),
        ((BATCHES,), (LIMITS[0],), True),
        ((), (RAISED,), True),
        ((ROWS,), (RAISED,), True),
        ((), (LIMITS[0], RAISED), True),
        ((), (), False),
        ((ROWS, ALONE), (), False),
        *[((ROWS,), (limit,), False) for limit in LIMITS],
        ((), tuple(LIMITS), False),
    ],
)
def test_the_paths_count_as_checked_where_all_rows_were_compared_or_a_path_raised(
    made: tuple[str, ...], failures: tuple[PathFailure, ...], is_made: bool
) -> None:
    found = compared_run(300, 2.5, [comparison(name, column()) for name in made], failures)
    assert found == (CheckRun(300, 2.5) if is_made else None)


def test_no_gap_is_no_reason() -> None:
    assert (Evidence().gaps, Evidence(gap=GAP).gaps) == ([], [GAP])


def test_a_report_lists_the_checks_that_were_made_and_the_paths_where_they_were_compared() -> None:
    seen = Observation(Check.REPEAT, "p", (no_difference(InputRow({"a": 1.0}, 0), "p"),))
    evidence = Evidence(observations=[seen], made={"repeat": CheckRun(8, 0.5), "copies": CheckRun(9, 0.25)})
    findings = [Finding("differs", checks=(Check.PATHS,))]
    found = results_of(evidence, CheckRun(300, 2.0), findings)
    assert [(each.name, each.fired, each.rows) for each in found] == [
        ("paths", True, 300),
        ("copies", False, 9),
        ("repeat", True, 8),
    ]
    assert [each.name for each in results_of(evidence, None, [])] == ["copies", "repeat"]
