"""The first line of a failed parity check, and when a level is reached."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pyml_fixtures.failure_messages import is_earned, parity_message
from pyml_sandbox.compare import Tolerances
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.report.report_text import report_text
from pyml_sandbox.parity.verdict import Decision, Finding, Notebook, Verdict


def report(decision: Decision) -> Report:
    return Report(
        decision=decision,
        model="m@1",
        sandbox="tests",
        driver="process",
        rows=10,
        fixture_digest="sha256:0",
        comparisons=(),
        tolerances=Tolerances(),
    )


BATCH = Finding("a row depends on its batch", comparison="batches", code="B")
FAILED = Finding("the offline job failed: no", comparison="batches")


@pytest.mark.parametrize(
    ("decision", "headline"),
    [
        (Decision(Verdict.FAIL, findings=(BATCH,)), "FAIL [B] a row depends on its batch"),
        (Decision(Verdict.FAIL, level="P1", findings=(FAILED, BATCH)), "FAIL the offline job failed: no (and 1 more)"),
        (Decision(Verdict.CANNOT_CERTIFY, "there are no rows"), "CANNOT-CERTIFY there are no rows"),
        (Decision(Verdict.CANNOT_CERTIFY, "the key is null", findings=(BATCH,)), "CANNOT-CERTIFY the key is null"),
        (Decision(Verdict.PASS, level="P2"), "level P2 is reached, P3 is required"),
        (
            Decision(Verdict.PASS, "no rows at the edges", "P2"),
            "level P2 is reached, P3 is required: no rows at the edges",
        ),
        (Decision(Verdict.PASS), "level none is reached, P3 is required"),
    ],
)
def test_the_first_line_names_verdict_and_finding(decision: Decision, headline: str) -> None:
    lines = parity_message(report(decision), "P3").splitlines()
    assert lines[:2] == [headline, ""]
    assert "\n".join(lines[2:]) == report_text(report(decision))


@pytest.mark.parametrize(
    ("level", "asked", "expected"),
    [("P3", "P3", True), ("P5", "P3", True), ("P2", "P3", False), (None, "P1", False)],
)
def test_a_level_is_earned_with_every_level_above_it(level: str | None, asked: str, expected: bool) -> None:
    assert is_earned(report(Decision(Verdict.PASS, level=level)), asked) is expected


@pytest.mark.parametrize(("agrees", "expected"), [(True, True), (None, True), (False, False)])
def test_no_level_is_earned_where_the_notebook_differs(agrees: bool | None, expected: bool) -> None:
    found = replace(report(Decision(Verdict.PASS, level="P5")), notebook=Notebook("expected.csv", 3, agrees))
    assert is_earned(found, "P1") is expected
