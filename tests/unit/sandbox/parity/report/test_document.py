"""The report as JSON: what is written, and what is read again or refused."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyml.errors import PymlError
from pyml_sandbox.compare import (  # fmt: skip
    ColumnComparison,
    Comparison,
    KeyComparison,
    KeyList,
    SchemaComparison,
    Tolerance,
    Tolerances,
    TypeDifference,
    WorstRow,
)
from pyml_sandbox.compare.comparison_json import comparison_json
from pyml_sandbox.parity.report.document import Points, Report
from pyml_sandbox.parity.verdict import (
    Counterexample,
    Decision,
    Finding,
    Hop,
    NoiseFloor,
    PathFailure,
    Seen,
    Severity,
    Verdict,
)
from pyml_sandbox.parity.verdict_rules import BATCHES
from support.comparisons import column, comparison
from support.reports import FAILING, PASSING, REPORTS, report

FAIL = Decision(Verdict.FAIL)
words, floats, counts = st.text(max_size=3), st.floats(), st.integers(0)
maybe_words, maybe_floats = st.none() | words, st.none() | floats


def few(each: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(each, max_size=2).map(tuple)


allowances = st.floats(0, allow_infinity=False)
tolerances = st.builds(Tolerance, allowances, allowances, counts)
worst = st.builds(WorstRow, few(maybe_words), maybe_words, maybe_words, maybe_floats)
columns = st.builds(
    ColumnComparison, words, words, words, *[counts] * 8,
    max_abs=maybe_floats, max_ulps=st.none() | counts, tolerance=st.none() | tolerances, worst=few(worst),
)  # fmt: skip
keys = st.builds(KeyComparison, missing=st.builds(KeyList, counts, counts, few(few(maybe_words))))
schemas = st.builds(SchemaComparison, few(words), types=few(st.builds(TypeDifference, words, words, words)))
comparisons = st.builds(
    Comparison, words, words, words, few(words), counts, counts, counts, keys, schemas, few(columns)
)
seen = st.builds(Seen, words, st.dictionaries(words, maybe_words, max_size=2), words)
witnesses = st.builds(Counterexample, few(words), few(few(maybe_words)), seen=few(seen))
findings = st.builds(
    Finding, words, maybe_words,
    weight=st.sampled_from(Severity), hop=st.none() | st.sampled_from(Hop), witness=st.none() | witnesses,
)  # fmt: skip
reports = st.builds(
    partial(replace, FAILING),
    decision=st.builds(Decision, st.sampled_from(Verdict), words, maybe_words, few(findings)),
    comparisons=st.lists(comparisons, max_size=2, unique_by=lambda one: one.name).map(tuple),
    tolerances=st.builds(Tolerances, columns=st.dictionaries(words, tolerances, max_size=2)),
    floors=few(st.builds(NoiseFloor, words, floats, counts, words, floats)),
    points=few(st.builds(Points, words, few(maybe_floats), few(maybe_floats))),
    environments=st.dictionaries(words, st.dictionaries(words, words, max_size=2), max_size=2),
)


def written(report: Report) -> Any:
    """A report as a program reads it from a file."""
    return json.loads(json.dumps(report.to_json(), allow_nan=False))


def changed(form: Any, path: tuple[str | int, ...], value: object) -> Any:
    """A JSON document with another value in one place."""
    place = form
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return form


# ---- read again


@settings(max_examples=150, deadline=None)
@given(reports)
def test_whatever_a_report_holds_is_read_again_as_it_was(report: Report) -> None:
    assert repr(Report.from_json(written(report))) == repr(report)  # NaN, too, which equals nothing


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS.keys())
def test_a_report_can_be_read_again(report: Report) -> None:
    assert Report.from_json(written(report)) == report


@pytest.mark.parametrize(("value", "name"), [(math.inf, "Infinity"), (-math.inf, "-Infinity"), (math.nan, "NaN")])
def test_floats_that_json_cannot_hold_are_written_by_name(value: float, name: str) -> None:
    odd = replace(column(differing=1), max_abs=value, max_ulps=2**64 - 2**53)
    assert written(report(FAIL, [comparison(BATCHES, odd)]))["columns"][0]["max_abs"] == name
    assert (
        json.loads(json.dumps(comparison_json(comparison(BATCHES, odd))))["comparison"]["columns"][0]["max_abs"] == name
    )


def test_a_message_that_is_not_utf_8_survives() -> None:
    failed = replace(PASSING, failures=(PathFailure(("offline",), "cannot open 'caf\udce9'"),))
    assert Report.from_json(written(failed)) == failed


def test_what_a_report_is_read_from_has_the_types_it_had() -> None:
    finding = Report.from_json(written(FAILING)).findings[0]
    assert isinstance(finding.hop, Hop)
    assert isinstance(finding.weight, Severity)
    assert isinstance(finding.witness, Counterexample)


def test_fields_that_an_earlier_release_did_not_write_are_at_their_default() -> None:
    form = {name: value for name, value in PASSING.to_json().items() if name not in ("checks", "floors", "points")}
    assert Report.from_json(form) == replace(PASSING, checks=(), floors=(), points=())


@pytest.mark.parametrize(
    "place",
    [(), ("findings", 1), ("findings", 1, "witness"), ("findings", 1, "witness", "seen", 0), ("columns", 0), ("columns", 0, "worst", 0),
     ("columns", 0, "tolerance"), ("comparisons", 0), ("comparisons", 0, "keys"), ("comparisons", 0, "schema", "types", 0), ("checks", 0),
     ("failures", 0), ("floors", 0), ("points", 0), ("steps", 0), ("undone", 0), ("tolerances",)],
    ids=str,
)  # fmt: skip
def test_fields_of_a_later_version_are_passed_over_wherever_they_are(place: tuple[str | int, ...]) -> None:
    assert Report.from_json(changed(written(FAILING), (*place, "weather"), {"sky": 1})) == FAILING


# ---- refused


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("verdict",), "MAYBE", "verdict: Input should be 'PASS', 'FAIL' or 'CANNOT-CERTIFY', found 'MAYBE'"),
        (("exit_code",), 2, "exit_code: Input should be 0, 1 or 4, found 2"),
        (("columns",), 1, "columns: Input should be a valid tuple, found 1"),
        (("columns", 0), {}, "columns.0.name: Field required, found {}"),
        (("columns", 0, "max_abs"), "much", "columns.0.max_abs: Input should be a valid number"),
        (("comparisons",), [1], "comparisons.0: Input should be a dictionary"),
        (("findings",), None, "findings: Input should be a valid tuple, found None"),
        (("findings",), [{}], "findings.0.sentence: Field required"),
        (("findings", 0, "hop"), "moon", "findings.0.hop: Input should be 'boundary', 'compute' or 'storage', found 'moon'"),
        (("findings", 0, "weight"), None, "findings.0.weight: Input should be 'fails', 'above' or 'warns', found None"),
        (("findings", 0, "witness", "rows"), [[1]], "findings.0.witness.rows.0.0: Input should be a valid string, found 1"),
        (("tolerances", "double", "rtol"), -1, "rtol must be a finite number of at least 0, found -1"),
    ],
    ids=str,
)  # fmt: skip
def test_a_damaged_report_is_refused_with_the_place_and_what_it_holds(path: tuple[str | int, ...], value: object, words: str) -> None:  # fmt: skip
    with pytest.raises(PymlError) as refused:
        Report.from_json(changed(written(FAILING), path, value))
    assert refused.value.message.startswith(f"the parity report is damaged: {words}")
    assert "pyml parity-check" in refused.value.hint


@pytest.mark.parametrize("name", ["verdict", "exit_code", "columns", "comparisons", "model", "tolerances"])
def test_a_report_with_a_part_cut_out_is_refused(name: str) -> None:
    form = written(FAILING)
    del form[name]
    with pytest.raises(PymlError, match=f"damaged: {name}: Field required"):
        Report.from_json(form)


@pytest.mark.parametrize("document", [None, [], 7, {}, {"schema": "pyml.parity-report/2"}, {"schema": None}], ids=str)
def test_what_is_not_a_report_of_this_schema_is_refused(document: Any) -> None:
    with pytest.raises(PymlError, match=r"expected a report of schema pyml.parity-report/3, found"):
        Report.from_json(document)


# ---- the form


def test_the_json_form_answers_the_first_questions_at_the_top() -> None:
    form = written(FAILING)
    assert form["schema"] == "pyml.parity-report/3"
    assert (form["verdict"], form["exit_code"], form["level"], form["rows"]) == ("FAIL", 1, None, 336_776)
    assert [(one["comparison"], one["name"], one["differing"]) for one in form["columns"]] == [
        ("batches", "p", 900), ("batches", "label", 0), ("rows", "p", 200), ("rows", "label", 0), ("alone", "p", 200), ("alone", "label", 0),
    ]  # fmt: skip
    assert [one["name"] for one in form["comparisons"]] == ["batches", "rows", "alone"]
    assert form["comparisons"][0]["keys"]["missing"] == {"keys": 7, "rows": 7, "examples": [["1"], [None]]}
    assert [(one["code"], one["weight"], one["hop"]) for one in form["findings"]] == [
        ("T1", "fails", "boundary"), ("B1", "fails", "compute"), ("T5", "fails", "storage"), (None, "fails", None), ("B12", "above", "compute"), ("B10", "warns", None),
    ]  # fmt: skip


def test_columns_and_comparisons_say_whether_they_agree() -> None:
    form = written(FAILING)
    assert [one["agrees"] for one in form["columns"]] == [False, True] * 3
    assert [one["agrees"] for one in form["comparisons"]] == [False, False, False]
    assert all("columns" not in one for one in form["comparisons"])
    assert all(one["agrees"] for one in written(PASSING)["columns"] + written(PASSING)["comparisons"])


def test_a_comparison_alone_has_its_own_schema() -> None:
    form = comparison_json(comparison(BATCHES, column(differing=1)))
    assert (form["schema"], form["agrees"]) == ("pyml.comparison/1", False)
