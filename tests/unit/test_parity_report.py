"""The report as JSON that can be read again, and as text that fits a terminal."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pyml.errors import PymlError
from pyml_sandbox.compare import (
    Comparison,
    KeyComparison,
    KeyList,
    SchemaComparison,
    Tolerance,
    Tolerances,
    TypeDifference,
    WorstRow,
)
from pyml_sandbox.parity.judge import ALONE, BATCHES, ROWS, judge
from pyml_sandbox.parity.report import Report, StepTime, comparison_json
from pyml_sandbox.parity.report_text import comparison_text, report_text
from pyml_sandbox.parity.verdict import Witness
from unit.comparisons import column, comparison


def report(comparisons: Sequence[Comparison], doubts: Sequence[str] = (), rows: int = 336_776) -> Report:
    return Report(
        judgement=judge(comparisons, doubts),
        model="flight_delay@3f2a9c1b77d0",
        sandbox="default",
        driver="process",
        rows=rows,
        fixture_digest="sha256:9f86d081",
        comparisons=tuple(comparisons),
        tolerances=Tolerances(columns={"p": Tolerance(atol=1e-9)}),
        steps=(StepTime("freeze", 1.25, "336,776 rows"), StepTime("offline", 9.0)),
        next_command="pyml parity-check --json",
        elsewhere={"folder": "here"},
    )


PASSING = report([comparison(BATCHES, column()), comparison(ROWS, column(rows=200), rows=200)])
FAILING = report(
    [
        comparison(
            BATCHES,
            column("p", differing=900),
            column("label"),
            keys=KeyComparison(missing=KeyList(7, 7, (("1",), (None,)))),
            schema=SchemaComparison(missing=("q",), types=(TypeDifference("p", "DOUBLE", "FLOAT"),)),
        ),
        comparison(ROWS, column("p", rows=200, differing=200), column("label", rows=200), rows=200),
        comparison(ALONE, column("p", rows=200, differing=200), column("label", rows=200), rows=200),
    ]
)
DOUBTFUL = report([comparison(BATCHES, rows=0)], rows=0)
REPORTS = {"pass": PASSING, "fail": FAILING, "cannot certify": DOUBTFUL}


@pytest.mark.parametrize("written", REPORTS.values(), ids=REPORTS.keys())
def test_a_report_can_be_read_again(written: Report) -> None:
    assert Report.from_json(json.loads(json.dumps(written.to_json()))) == written


def test_numbers_that_json_cannot_hold_survive() -> None:
    odd = replace(column(differing=1), max_abs=math.inf, max_ulps=2**64 - 2**53)
    written = report([comparison(BATCHES, odd)])
    text = json.dumps(written.to_json(), allow_nan=False)
    assert Report.from_json(json.loads(text)) == written


def test_a_witness_survives() -> None:
    witness = Witness(("id", "s"), (("1", None), ("2", "x")))
    finding = replace(FAILING.findings[0], witness=witness, hop="gateway")
    written = replace(FAILING, judgement=replace(FAILING.judgement, findings=(finding,)))
    assert Report.from_json(written.to_json()).findings[0] == finding


def test_the_json_form_answers_the_first_questions_at_the_top() -> None:
    form = json.loads(json.dumps(FAILING.to_json()))
    assert form["schema"] == "pyml.parity-report/1"
    assert (form["verdict"], form["exit_code"], form["level"], form["rows"]) == ("FAIL", 1, None, 336_776)
    assert [(one["comparison"], one["name"], one["differing"]) for one in form["columns"]] == [
        ("batches", "p", 900), ("batches", "label", 0), ("rows", "p", 200), ("rows", "label", 0), ("alone", "p", 200), ("alone", "label", 0),
    ]  # fmt: skip
    assert [one["name"] for one in form["comparisons"]] == ["batches", "rows", "alone"]
    assert form["comparisons"][0]["keys"]["missing"] == {"keys": 7, "rows": 7, "examples": [["1"], [None]]}
    assert len(form["findings"]) == len(FAILING.findings)


def test_the_documentation_names_every_field() -> None:
    page = (Path(__file__).parents[2] / "docs" / "parity-report.md").read_text(encoding="utf-8")
    form = json.loads(json.dumps(FAILING.to_json()))
    rows = re.findall(r"^\| (`.*?) \| .* \|$", page.split("## 4. JSON")[1], flags=re.MULTILINE)
    assert set(form) == {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    parts = (
        form["findings"][0],
        form["columns"][0],
        form["columns"][0]["worst"][0],
        form["comparisons"][0],
        form["comparisons"][0]["keys"],
        form["comparisons"][0]["schema"],
        form["steps"][0],
    )
    assert [name for part in parts for name in part if f"`{name}`" not in page] == []


def test_fields_of_a_later_version_are_passed_over() -> None:
    form = PASSING.to_json() | {"weather": "fine"}
    assert Report.from_json(form) == PASSING


@pytest.mark.parametrize(
    "change",
    [{"schema": "pyml.parity-report/2"}, {"schema": None}, {"verdict": "MAYBE"}, {"columns": 1}, {"comparisons": [1]}, {"findings": None}],
    ids=str,
)  # fmt: skip
def test_what_is_no_report_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(PymlError, match="report"):
        Report.from_json({**PASSING.to_json(), **change})


def test_a_comparison_alone_has_its_own_schema() -> None:
    form = comparison_json(comparison(BATCHES, column(differing=1)))
    assert (form["schema"], form["agrees"]) == ("pyml.comparison/1", False)


@pytest.mark.parametrize("written", REPORTS.values(), ids=REPORTS.keys())
@pytest.mark.parametrize("width", [80, 120, 40])
def test_text_fits_the_width_and_holds_no_escape_codes(written: Report, width: int) -> None:
    text = report_text(written, width=width)
    assert "\x1b" not in text
    assert max(len(line) for line in text.splitlines()) <= width


@pytest.mark.parametrize("written", REPORTS.values(), ids=REPORTS.keys())
def test_the_verdict_comes_first_and_the_next_command_last(written: Report) -> None:
    lines = report_text(written).splitlines()
    assert lines[0].startswith(written.verdict.value)
    assert "flight_delay@3f2a9c1b77d0" in lines[0]
    assert lines[-1] == "Next: pyml parity-check --json"


def test_colour_is_only_put_where_it_was_asked_for() -> None:
    assert "\x1b[" in report_text(FAILING, colour=True)


def test_a_pass_names_its_level() -> None:
    assert report_text(PASSING).splitlines()[0] == "PASS, level P1  flight_delay@3f2a9c1b77d0  336,776 rows"


def test_a_failure_shows_findings_columns_and_worst_rows() -> None:
    text = report_text(FAILING, width=240)
    for finding in FAILING.findings:
        assert finding.sentence in text
    assert "keys only offline: 7 on 7 rows, 1, null, …" in text
    assert "columns only offline: q" in text
    assert "type of p: DOUBLE offline, FLOAT online in batches" in text
    rows = [line.split() for line in text.splitlines()]
    assert ["p", "1,000", "100", "0", "900", "0.5", "9.0e+15", "0", "0", "0"] in rows
    assert ["17", "0.25", "0.75", "0.5"] in rows


def test_a_doubt_shows_its_reason() -> None:
    assert "there are no rows to compare" in report_text(DOUBTFUL)


def test_text_values_are_quoted_and_nulls_are_not() -> None:
    label = replace(
        column("s", differing=2), left_type="VARCHAR", right_type="VARCHAR", tolerance=None, max_abs=None, max_ulps=None,
        worst=(WorstRow(("1",), "null", None), WorstRow(("2",), "a ", "")),
    )  # fmt: skip
    rows = [line.split() for line in report_text(report([comparison(BATCHES, label)])).splitlines()]
    assert ["1", "'null'", "null"] in rows
    assert ["2", "'a", "'", "''"] in rows


def test_markup_in_names_and_values_is_printed_as_it_is() -> None:
    odd = replace(column("[red]p[/red]", differing=1), worst=(WorstRow(("[bold]",), "[/]", "[link=x]"),))
    text = report_text(report([comparison(BATCHES, odd)]), width=160)
    for part in ("[red]p[/red]", "[bold]", "[/]", "[link=x]"):
        assert part in text


def test_the_tolerance_is_said_with_the_columns_it_covers() -> None:
    exact = replace(column("n"), tolerance=None)
    text = report_text(report([comparison(BATCHES, column("p"), column("q"), exact)]))
    assert "Tolerance of `p`, `q`: rtol 1e-09, atol 1e-12. All other columns are exact." in text.replace("\n", " ")


def test_one_comparison_is_said_to_be_same_or_different() -> None:
    assert comparison_text(comparison(BATCHES, column())).startswith("SAME")
    assert comparison_text(comparison(BATCHES, column(differing=1))).startswith("DIFFERENT")
