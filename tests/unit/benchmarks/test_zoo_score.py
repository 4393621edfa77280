"""The score of the zoo: what counts as found, as a false alarm, as a right answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.zoo_page import page, text
from benchmarks.zoo_score import ERROR, Expectation, Finding, Judged, Outcome, bars, expectations, judged, outcome_of
from pyml.package.model_package import ModelPackage

ZOO = Path(__file__).parents[3] / "fixtures" / "zoo"
BROKEN = Expectation("rank_of_day", "broken", "B", ("B5", "B6"), "compute")
HONEST = Expectation("flat_rate", "honest", "pandas rules")
RIGHT = Finding("B6", "compute", "It depends on the position.", 2, 1)


def outcome(name: str, verdict: str, *findings: Finding, said: str = "") -> Outcome:
    return Outcome(name, "0123", verdict, None, "P3", 4.0, findings, said)


@pytest.mark.parametrize(
    ("expected", "verdict", "findings", "fault"),
    [
        (BROKEN, "FAIL", [RIGHT], ""),
        (BROKEN, "CANNOT-CERTIFY", [RIGHT], ""),
        (BROKEN, "FAIL", [Finding("D1", "compute", ""), RIGHT], "wrong cause"),
        (BROKEN, "FAIL", [Finding("B5", "boundary", "")], "wrong hop"),
        (BROKEN, "FAIL", [], "wrong cause, wrong hop"),
        (BROKEN, "PASS", [], "missed"),
        (BROKEN, ERROR, [], "missed"),
        (HONEST, "PASS", [], ""),
        (HONEST, "FAIL", [RIGHT], "false alarm"),
        (HONEST, "CANNOT-CERTIFY", [], "false alarm"),
        (HONEST, ERROR, [], "false alarm"),
    ],
)
def test_an_answer_is_judged_by_its_verdict_and_its_first_finding(
    expected: Expectation, verdict: str, findings: list[Finding], fault: str
) -> None:
    assert Judged(expected, outcome(expected.name, verdict, *findings)).fault == fault


def test_a_report_that_lacks_fields_is_read() -> None:
    read = outcome_of({"verdict": "FAIL", "findings": [{"sentence": "x", "code": None}]}, "m", "v", 1.04)
    assert read == Outcome("m", "v", "FAIL", None, None, 1.0, (Finding(None, None, "x"),))


@pytest.mark.parametrize(
    ("rows", "least_rows", "is_small"),
    [(3, 1, True), (4, 1, False), (41, 41, True), (42, 41, False), (None, 41, False)],
)
def test_a_witness_is_small_by_its_rows_and_those_that_the_fault_needs(
    rows: int | None, least_rows: int, *, is_small: bool
) -> None:
    witness = None if rows is None else {"columns": ["a"], "rows": [["1"]] * rows}
    (finding,) = outcome_of({"verdict": "FAIL", "findings": [{"witness": witness}]}, "m", "v", 1.0).findings
    model = Judged(replace(BROKEN, least_rows=least_rows), outcome("rank_of_day", "FAIL", finding))
    assert model.is_small(finding) is is_small


def test_a_finding_without_a_witness_counts_as_large_unless_it_says_what_it_needs() -> None:
    silent, telling = Finding("D1", "compute", ""), Finding("D1", "compute", "", needs="chance: 3 of 32 equal calls")
    for finding, is_met, without in ((silent, False, "0 of 2"), (telling, True, "1 of 2")):
        found = {bar.what: bar for bar in bars([Judged(BROKEN, outcome("rank_of_day", "FAIL", RIGHT, finding))])}
        assert found["witnesses of at most 3 rows, or of as few as the fault needs"].is_met is is_met
        assert found["findings without a witness, which say what they need"].measured == without


def test_bars_are_missed_where_one_model_is_missed_or_refused_for_nothing() -> None:
    good = judged(
        [BROKEN, HONEST],
        {"rank_of_day": outcome("rank_of_day", "FAIL", RIGHT), "flat_rate": outcome("flat_rate", "PASS")},
    )
    assert [bar.is_met for bar in bars(good)] == [True, True, True, True, True, None, True, None]
    bad = judged(
        [BROKEN, HONEST], {"rank_of_day": outcome("rank_of_day", "PASS"), "flat_rate": outcome("flat_rate", ERROR)}
    )
    assert [bar.is_met for bar in bars(bad)] == [False, False, False, False, False, None, False, None]


def test_the_page_says_what_was_said_of_a_model_that_was_answered_wrong() -> None:
    models = judged(
        [BROKEN, HONEST], {"rank_of_day": outcome("rank_of_day", "FAIL", Finding("D1", "compute", "Two calls differ."))}
    )
    assert "`rank_of_day` (B5 compute), wrong cause. FAIL, D1 compute: Two calls differ." in text(
        models, {"B": "batch"}
    )
    assert "2 models,\n**1 of them ran**; here." in page(models, {"B": "batch"}, 2, "here")


def test_every_honest_model_is_known_and_a_package_in_order() -> None:
    known = {model.name for model in expectations(ZOO) if model.half == "honest"}
    folders = {folder.name: folder for folder in (ZOO / "honest").iterdir() if (folder / "model.py").exists()}
    assert known == set(folders)
    assert {
        name: ModelPackage(folder).problems() for name, folder in folders.items() if ModelPackage(folder).problems()
    } == {}
    assert [name for name, folder in folders.items() if ModelPackage(folder).name != name] == []
