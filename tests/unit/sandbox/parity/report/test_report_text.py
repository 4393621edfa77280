"""The report as JSON that can be read again, and as text that fits a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pyml_sandbox.compare import WorstRow
from pyml_sandbox.compare.rendering.comparison_text import comparison_text
from pyml_sandbox.parity.diagnosis.causes import CAUSES
from pyml_sandbox.parity.report.document import Report, StepTime
from pyml_sandbox.parity.report.junit import junit_xml
from pyml_sandbox.parity.report.report_html import report_html
from pyml_sandbox.parity.report.report_text import report_text
from pyml_sandbox.parity.verdict import CheckResult, Counterexample, Decision, Finding, Notebook, PathFailure, Verdict
from pyml_sandbox.parity.verdict_rules import BATCHES, ROWS
from support.comparisons import column, comparison
from support.reports import (
    AGREEING,
    BOUNDARY,
    CHECKS,
    DOUBTFUL,
    FAILING,
    HOSTILE,
    ONE_FAULT,
    OTHER_NOTEBOOK,
    PASSING,
    REPORTS,
    SNIPPET,
    STATISTICS,
    STORED,
    UNSTEADY,
    report,
)

FAIL = Decision(Verdict.FAIL)
every_report = pytest.mark.parametrize("written", REPORTS.values(), ids=REPORTS.keys())


def text_of(written: Report, width: int = 80) -> str:
    """The text with every run of spaces, and every end of a line, as one space."""
    return " ".join(report_text(written, width=width).split())


# ---- text: form


@every_report
@pytest.mark.parametrize("width", [80, 120, 40])
def test_text_fits_the_width_and_holds_no_escape_codes(written: Report, width: int) -> None:
    text = report_text(written, width=width)
    assert "\x1b" not in text
    copied = {*SNIPPET.splitlines(), *(line for line in text.splitlines() if line.startswith(("print(", "Next: ", "      pyml")))}  # fmt: skip
    assert max(len(line) for line in text.splitlines() if line not in copied) <= width


@every_report
def test_the_verdict_comes_first_and_the_next_command_last(written: Report) -> None:
    lines = report_text(written).splitlines()
    assert lines[0].startswith(written.verdict.value)
    assert "flight_delay@3f2a9c1b77d0" in lines[0]
    assert lines[-1].startswith(("Next: pyml ", "      pyml "))


def test_colour_is_only_put_where_it_was_asked_for() -> None:
    assert "\x1b[" in report_text(FAILING, colour=True)


def test_what_a_terminal_would_obey_is_escaped_and_markup_is_printed_as_it_is() -> None:
    text = report_text(HOSTILE, width=400)
    assert "[red]" in text
    assert "</script>" in text
    assert {"\\x1b", "\\x00", "\\u202e"} <= set(re.findall(r"\\x1b|\\x00|\\u202e", text))
    assert not {"\x1b", "\x00", "\u202e"} & set(text)


# ---- text: the head


@pytest.mark.parametrize(
    ("written", "head"),
    [
        (PASSING, "PASS  level P3 (P3 required)  flight_delay@3f2a9c1b77d0  336,776 rows"),
        (ONE_FAULT, "FAIL  level P1 (P3 required)  flight_delay@3f2a9c1b77d0  336,776 rows"),
        (FAILING, "FAIL  no level (P3 required)  flight_delay@3f2a9c1b77d0  336,776 rows"),
        (DOUBTFUL, "CANNOT-CERTIFY  no level (P3 required)  flight_delay@3f2a9c1b77d0  0 rows"),
        (replace(PASSING, declared_level="", rows=1), "PASS  level P3  flight_delay@3f2a9c1b77d0  1 row"),
    ],
)
def test_the_first_line_sets_the_level_reached_against_the_level_needed(written: Report, head: str) -> None:
    assert report_text(written).splitlines()[0] == head


def test_a_pass_is_short() -> None:
    assert len(report_text(PASSING).splitlines()) <= 18


@pytest.mark.parametrize(
    ("checks", "level", "expected"),
    [
        (ONE_FAULT.checks, "P1", "First check that fails: neighbour (P2, 400 rows)"),
        ((CheckResult("split", "P3", True), CheckResult("neighbour", "P2", True)), "P1", "First check that fails: neighbour (P2)"),
        ((CheckResult("empty", "P4", True), CheckResult("split", "P2", True, 1)), "P1", "First check that fails: split (P2, 1 row)"),
    ],
)  # fmt: skip
def test_the_first_failing_check_above_the_level_is_named(
    checks: tuple[CheckResult, ...], level: str, expected: str
) -> None:
    written = replace(ONE_FAULT, checks=checks, decision=replace(ONE_FAULT.decision, level=level))
    assert report_text(written).splitlines()[1] == expected


def test_a_check_that_fired_for_noise_alone_is_no_failing_check() -> None:
    assert "First check" not in report_text(PASSING)


def test_a_doubt_shows_its_reason() -> None:
    assert "there are no rows to compare" in report_text(DOUBTFUL)


def test_a_report_that_is_given_again_says_so() -> None:
    assert "Nothing was run" in report_text(UNSTEADY)
    assert "Nothing was run" not in report_text(PASSING)


# ---- text: findings


def test_a_finding_is_read_from_top_to_bottom() -> None:
    text = text_of(ONE_FAULT)
    parts = [
        "1. B1 batch statistics breaks P2",
        "Compute the statistics in training, store them, and use them in predict.",
        "hop Hive | client -> Spark | gateway -> [predict] -> table | answer",
        "columns p driven by distance",
        "rows 187",
        "checks neighbour, together, split",
        "input distance carrier",
        "0.1 'UA'",
        "> 3.0 None",
        "with hour = 0, origin = ''",
        "online, alone 0.25 ok",
        "online, beside the other row 0.75 null",
        "offline, beside the other row refused: predict returned 1 row for 2",
        "from pyml_sandbox import Client",
    ]
    assert sorted(parts, key=text.index) == parts


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (BOUNDARY, "Hive | client -> [Spark | gateway] -> predict -> table | answer"),
        (STATISTICS, "Hive | client -> Spark | gateway -> [predict] -> table | answer"),
        (STORED, "Hive | client -> Spark | gateway -> predict -> [table | answer]"),
    ],
    ids=lambda it: it.hop if isinstance(it, Finding) else "",
)
def test_the_hop_is_marked_on_one_line_of_the_path(finding: Finding, line: str) -> None:
    written = report(replace(FAIL, findings=(finding,)))
    assert f"   hop      {line}" in [found.rstrip() for found in report_text(written).splitlines()]


def test_a_snippet_can_be_copied_as_it_is_whatever_the_width() -> None:
    assert SNIPPET.strip() in report_text(ONE_FAULT, width=40)


def test_a_long_counterexample_is_cut_and_keeps_the_row_that_differs() -> None:
    witness = Counterexample(("a",), tuple((str(n),) for n in range(100, 150)), 30)
    text = text_of(report(replace(FAIL, findings=(replace(STATISTICS, witness=witness),))))
    assert "> 130" in text
    assert "and 40 rows more" in text
    assert " 145 " not in text


def test_findings_above_the_level_and_noise_come_after_those_that_fail() -> None:
    text = text_of(FAILING)
    fails, above, warning = (
        text.index(part) for part in ("4. no cause named", "Above the required level", "warning B10")
    )
    assert fails < above < text.index("5. B12 empty batch breaks P4") < warning
    assert "p: noise at most 7.8e-16 (4 ulps)" in text
    assert "(4 ulps), within" not in text, "p fails for a different reason"
    assert "input no rows" in text


def test_noise_of_a_column_that_agrees_is_said_to_be_harmless() -> None:
    line = (
        "warning B10 kernel choice by batch size p: noise at most 7.8e-16 (4 ulps), within the tolerance and harmless"
    )
    assert f"{line} (pyml explain B10)" in text_of(PASSING)
    assert "within the tolerance and harmless (pyml explain B10)" in report_html(PASSING)


@pytest.mark.parametrize("as_text", [text_of, report_html])
def test_the_time_says_what_it_counts(as_text: Callable[[Report], str]) -> None:
    took = "Took 10.2 s (freeze 1.2 s, offline 9.0 s), not counting upload, environment, deployment and the start of Spark."
    assert took in as_text(PASSING)
    assert "Took" not in as_text(replace(PASSING, steps=()))


@pytest.mark.parametrize("as_text", [text_of, report_html])
def test_what_ran_beside_other_steps_is_not_counted_twice(as_text: Callable[[Report], str]) -> None:
    steps = (StepTime("offline", 9.0), StepTime("find", 12.0, "", 8.0), StepTime("shrink", 2.0, "", 1.0))
    took = "Took 14.0 s (offline 9.0 s, find 12.0 s, shrink 2.0 s; 9.0 s of them at the same time as others), not"
    assert took in as_text(replace(PASSING, steps=steps))


@pytest.mark.parametrize("as_text", [text_of, report_html])
def test_what_time_did_not_allow_is_said_with_the_setting_to_change(as_text: Callable[[Report], str]) -> None:
    text = as_text(FAILING)
    head = (
        "Not tried in the time budget of 90 s (2,600 s may do: budget_s in table [parity] of pyml.toml, or --budget):"
    )
    lines = ["sizes: 12,000 of 336,776 rows in batches of 1, 2, 8 and 64; the rest needs", "shrink: an input of 2 rows"]
    assert sorted([head, *lines], key=text.index) == [head, *lines]
    assert "Not tried" not in as_text(PASSING)
    assert FAILING.verdict is Verdict.FAIL


def test_a_finding_without_a_counterexample_says_what_it_needs() -> None:
    needs = "the fixture: 7 rows of it show it in the comparison"
    for text in (text_of(FAILING), report_html(FAILING), " ".join(junit_xml(FAILING).split())):
        assert needs in text
        assert needs not in text_of(ONE_FAULT)


def test_what_time_did_not_allow_is_a_property_for_a_ci() -> None:
    assert junit_xml(FAILING).count('<property name="undone"') == 2
    assert '"undone"' not in junit_xml(PASSING)


@pytest.mark.parametrize(
    ("findings", "advised", "expected"),
    [
        ((STATISTICS, BOUNDARY), "", ["Next: pyml explain B1"]),
        ((STATISTICS,), "pyml dev sql 1", ["Next: pyml explain B1", "      pyml dev sql 1"]),
        ((replace(STATISTICS, code=None), BOUNDARY), "", ["Next: pyml explain T1"]),
        ((replace(STATISTICS, code="B"),), "pyml dev sql 1", ["Next: pyml dev sql 1"]),
    ],
)
def test_the_next_command_explains_the_first_cause(
    findings: tuple[Finding, ...], advised: str, expected: list[str]
) -> None:
    written = replace(report(replace(FAIL, findings=findings)), next_command=advised)
    assert report_text(written).split("\n\n")[-1].splitlines() == expected
    assert all(finding.code in CAUSES for finding in (STATISTICS, BOUNDARY))


@pytest.mark.parametrize("notebook", [None, Notebook("expected.parquet", 10, True)])
def test_a_pass_ends_with_what_comes_next(notebook: Notebook | None) -> None:
    written = replace(PASSING, next_command="", notebook=notebook)
    line = report_text(written).splitlines()[-1]
    assert line.startswith("Next: pyml deploy flight_delay@3f2a9c1b77d0   serves it")
    assert ("docs/how-to/notebook.md" in line) is (notebook is None)
    assert "pyml deploy" not in report_text(FAILING)
    assert "pyml deploy" not in report_text(DOUBTFUL)
    for elsewhere in ("cluster prod", "endpoint serving.example:8081"):  # it is served there already
        assert "pyml deploy" not in report_text(replace(written, driver=elsewhere))


# ---- text: comparisons and environment


def test_comparisons_that_differ_are_shown_with_keys_columns_and_worst_rows() -> None:
    text = report_text(FAILING, width=240)
    assert "keys only offline: 7 on 7 rows, 1, null, …" in text
    assert "columns only offline: q" in text
    assert "type of p: DOUBLE offline, FLOAT online in batches" in text
    rows = [line.split() for line in text.splitlines()]
    assert ["p", "1,000", "100", "0", "900", "0.5", "9.0e+15", "0", "0", "0"] in rows
    assert ["17", "0.25", "0.75", "0.5"] in rows


def test_comparisons_that_agree_are_a_line_each() -> None:
    text = report_text(PASSING)
    assert "offline against online in batches: the same, 1,000 rows, 2 columns" in text
    assert "  p: 12 rows within tolerance, at most 1.1e-16 apart" in text
    assert "differing" not in text


def test_text_values_are_quoted_and_nulls_are_not() -> None:
    label = replace(
        column("s", differing=2), left_type="VARCHAR", right_type="VARCHAR", tolerance=None, max_abs=None, max_ulps=None,
        worst=(WorstRow(("1",), "null", None), WorstRow(("2",), "a ", "")),
    )  # fmt: skip
    rows = [line.split() for line in report_text(report(FAIL, [comparison(BATCHES, label)])).splitlines()]
    assert ["1", "'null'", "null"] in rows
    assert ["2", "'a", "'", "''"] in rows


def test_the_tolerance_is_said_with_the_columns_it_covers() -> None:
    exact = replace(column("n"), tolerance=None)
    text = text_of(report(FAIL, [comparison(BATCHES, column("p", differing=1), column("q"), exact)]))
    assert "Tolerance of `p`, `q`: rtol 1e-09, atol 1e-12 (type). All other columns are exact." in text
    assert "Tolerance" not in report_text(report(FAIL, [AGREEING[1]]))


def test_what_the_two_environments_differ_in_is_said() -> None:
    assert "numpy 2.1.0 offline, 2.2.0 online; TZ UTC offline, absent online." in text_of(FAILING)
    assert "environments" not in report_text(PASSING)


def test_one_comparison_is_said_to_be_same_or_different() -> None:
    assert comparison_text(comparison(BATCHES, column())).startswith("SAME")
    assert comparison_text(comparison(BATCHES, column(differing=1))).startswith("DIFFERENT")


# ---- documentation


def test_the_documentation_names_every_field() -> None:
    page = (Path(__file__).parents[5] / "docs" / "reference" / "parity-report.md").read_text(encoding="utf-8")
    form = json.loads(json.dumps(FAILING.to_json()))
    fields = page.split("## 6. JSON")[1].split("A finding:")[0]
    rows = re.findall(r"^\| (`.*?) \| .* \|$", fields, flags=re.MULTILINE)
    assert set(form) == {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    parts = (
        form["findings"][0],
        form["findings"][0]["witness"],
        form["findings"][0]["witness"]["seen"][0],
        form["checks"][0],
        form["floors"][0],
        form["points"][0],
        form["columns"][0],
        form["columns"][0]["worst"][0],
        form["comparisons"][0],
        form["comparisons"][0]["keys"],
        form["comparisons"][0]["schema"],
        form["steps"][0],
        form["undone"][0],
    )
    assert [name for part in parts for name in part if f"`{name}`" not in page] == []


# ---- what is claimed


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (PASSING, "9 checks: together saw a difference."),
        (replace(PASSING, checks=tuple(replace(check, fired=False) for check in PASSING.checks)), "none saw a difference beyond the warnings."),
        (replace(PASSING, decision=replace(PASSING.decision, findings=()), checks=tuple(replace(check, fired=False) for check in PASSING.checks)), "none saw a difference."),
        (replace(DOUBTFUL, checks=tuple(replace(check, fired=False) for check in CHECKS[:2])), "2 checks made, not all of them: none saw a difference."),
        (replace(ONE_FAULT, checks=tuple(replace(check, fired=False) for check in CHECKS)), "10 checks made."),
        (replace(ONE_FAULT, checks=()), "No check was made."),
        (DOUBTFUL, "No check was made."),
    ],
)  # fmt: skip
def test_no_more_is_claimed_of_checks_than_was_made(written: Report, words: str) -> None:
    for text in (text_of(written), report_html(written)):
        assert words in text
        assert ("none saw" in text) is ("none saw" in words)


BOOM = "predict raised ValueError: one\n\n  three (model.py:13 in predict)"


def test_an_exception_keeps_its_lines() -> None:
    finding = Finding(f"Both paths failed: {BOOM}", checks=("paths",))
    failing = report(Decision(Verdict.FAIL, findings=(finding,)))
    assert "Both paths failed: predict raised ValueError: one\n\n     three (model.py:13 in predict)." in re.sub(
        " +\n", "\n", report_text(failing)
    )
    assert "\\n" not in report_text(failing)
    assert BOOM in report_html(failing)


def test_a_path_that_failed_is_told_where_a_finding_explains_it_and_only_once_where_none_does() -> None:
    failure = PathFailure(("online one by one",), BOOM, ROWS)
    refused = replace(STATISTICS, sentence=f"A row alone is refused: {BOOM}")
    found = Decision(Verdict.FAIL, findings=(refused,))
    explained = replace(
        ONE_FAULT, decision=found, failures=(failure,), checks=(*CHECKS, CheckResult("paths", "P1", True))
    )
    for text in (report_text(explained), report_html(explained), junit_xml(explained)):
        assert "Online one by one failed: predict raised ValueError: one" in text
    finding = Finding(f"Online one by one failed: {BOOM}", checks=("paths",))
    alone = replace(report(Decision(Verdict.FAIL, findings=(finding,))), failures=(failure,))
    for text in (report_text(alone), report_html(alone)):
        assert text.count("predict raised ValueError: one") == 1


@pytest.mark.parametrize("as_text", [report_text, report_html, junit_xml])
def test_every_format_says_that_the_notebook_differs(as_text: Callable[[Report], str]) -> None:
    text = " ".join(as_text(OTHER_NOTEBOOK).split())
    assert "Notebook: it differs (expected.parquet, 300 rows)." in text
    assert "Both paths agree with each other and differ from the notebook" in text
    assert "in the notebook (id = 7)" in text


def test_a_finding_of_the_notebook_is_headed_by_it_and_its_worst_rows_are_shown_once() -> None:
    text = report_text(OTHER_NOTEBOOK)
    assert "1. T4 None vs NaN vs NA vs NaT  differs from the notebook" in text
    assert "First check that fails: expected (notebook, 300 rows)" in text
    assert text.count("0.75") == 1


@pytest.mark.parametrize(
    ("agrees", "words"), [(True, "Notebook: both paths agree with it"), (None, "Notebook: it was not compared")]
)
def test_a_notebook_that_does_not_differ_is_said_in_one_line(agrees: bool | None, words: str) -> None:
    assert words in report_text(replace(PASSING, notebook=Notebook("e.csv", 7, agrees)))
