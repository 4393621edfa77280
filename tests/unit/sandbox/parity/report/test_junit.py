"""The report as JUnit XML, read by another reader than the library that writes it."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.report.junit import junit_xml
from support.reports import DOUBTFUL, FAILING, HOSTILE, ONE_FAULT, PASSING, REPORTS, SNIPPET, UNSTEADY

every_report = pytest.mark.parametrize("written", REPORTS.values(), ids=REPORTS.keys())


def suite_of(written: Report) -> ElementTree.Element:
    suites = list(ElementTree.fromstring(junit_xml(written)).iter("testsuite"))
    assert len(suites) == 1
    return suites[0]


def case_of(written: Report, name: str) -> ElementTree.Element:
    return next(case for case in suite_of(written).iter("testcase") if case.get("name") == name)


def outcomes(written: Report) -> dict[str, list[str]]:
    """The elements inside each test case, by its name."""
    return {case.get("name", ""): [part.tag for part in case] for case in suite_of(written).iter("testcase")}


@every_report
def test_each_check_is_one_case_and_the_counts_add_up(written: Report) -> None:
    suite = suite_of(written)
    cases = list(suite.iter("testcase"))
    assert {check.name for check in written.checks} <= {case.get("name") for case in cases}
    assert all(case.get("classname") and case.get("time") is not None for case in cases)
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.get(count, "-1")) == len(list(suite.iter(tag)))
    assert int(suite.get("tests", "-1")) == len(cases)


def test_a_check_stands_under_its_level_with_its_time() -> None:
    case = case_of(PASSING, "hash-seed")
    assert (case.get("classname"), case.get("time")) == ("P3", "3.0")


def test_a_pass_breaks_no_build_and_tells_the_noise() -> None:
    assert {part for parts in outcomes(PASSING).values() for part in parts} == {"system-out"}
    assert "noise at most 7.8e-16 (4 ulps)" in (case_of(PASSING, "together").findtext("system-out") or "")


def test_a_finding_fails_every_check_that_shows_it_and_is_told_in_full_at_one() -> None:
    assert outcomes(ONE_FAULT)["neighbour"] == outcomes(ONE_FAULT)["split"] == ["failure"]
    assert outcomes(ONE_FAULT)["hash-seed"] == []
    failure = case_of(ONE_FAULT, "neighbour").find("failure")
    assert failure is not None
    assert failure.get("type") == "B1"
    assert (failure.get("message") or "").startswith("B1 batch statistics: Output of a row depends")
    assert SNIPPET.strip() in (failure.text or "")
    assert case_of(ONE_FAULT, "split").findtext("failure") == "1. B1 batch statistics: see neighbour"


def test_a_finding_above_the_level_is_skipped_with_its_message() -> None:
    skipped = case_of(FAILING, "empty").find("skipped")
    assert skipped is not None
    assert (skipped.get("message") or "").startswith("B12 empty batch: predict fails on zero rows.")


def test_several_findings_of_one_check_are_one_failure() -> None:
    failure = case_of(FAILING, "paths").find("failure")
    assert failure is not None
    assert failure.get("type") == "T1, unnamed"
    assert "1. T1 a null turns the whole int column to float: see frames" in (failure.text or "")
    assert "4. no cause named" in (failure.text or "")


def test_no_finding_is_lost_where_its_check_is_not_listed() -> None:
    assert outcomes(replace(ONE_FAULT, checks=()))["neighbour"] == ["failure"]


@pytest.mark.parametrize("written", [DOUBTFUL, UNSTEADY])
def test_what_cannot_be_certified_is_an_error_with_the_reason(written: Report) -> None:
    error = case_of(written, "verdict").find("error")
    assert error is not None
    assert (error.get("type"), error.get("message")) == ("CANNOT-CERTIFY", written.decision.reason)


def test_the_facts_of_the_run_are_properties() -> None:
    found = {one.get("name"): one.get("value") for one in suite_of(ONE_FAULT).iter("property")}
    assert found == {
        "verdict": "FAIL", "level": "P1", "declared_level": "P3", "rows": "336776",
        "fixture_digest": ONE_FAULT.fixture_digest, "driver": "process",
    }  # fmt: skip


def test_what_xml_cannot_hold_is_escaped() -> None:
    text = junit_xml(HOSTILE)
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f]", text)
    assert "</script><b>" in (case_of(HOSTILE, "neighbour").findtext("failure") or "")
