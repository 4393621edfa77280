"""A parity report as JUnit XML, which every CI can show: one test suite for a run, one test case for each check.

A finding that fails is a failure of each check that shows it. A finding above the required level is a skipped test:
every viewer shows it with its message, and it does not break a build.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from pyml_sandbox.compare.rendering import formatting
from pyml_sandbox.parity.observations.catalogue import Check
from pyml_sandbox.parity.report import report_messages
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.report.report_text import finding_text
from pyml_sandbox.parity.verdict import CheckResult, Finding, Severity, Verdict

Numbered = tuple[int, Finding]
VERDICT_CASE = "verdict"


def junit_xml(report: Report) -> str:
    """The report as one XML document with one `testsuite`."""
    suite = TestSuite(f"pyml parity-check {formatting.plain(report.model)}")
    for name, value in _properties(report):
        suite.add_property(name, value)
    suite.add_testcases(list(_cases(report)))
    document = JUnitXml("pyml parity-check")
    document.add_testsuite(suite)
    document.update_statistics()
    text: bytes = document.tostring()
    return text.decode("utf-8")


def _properties(report: Report) -> Iterator[tuple[str, str]]:
    yield "verdict", report.verdict.value
    yield "level", report.decision.level or ""
    yield "declared_level", report.declared_level
    yield "rows", str(report.rows)
    yield "fixture_digest", report.fixture_digest
    yield "driver", report.driver
    if report.notebook:
        yield "notebook", report_messages.notebook_message(report)
    yield from (("undone", line) for line in report_messages.undone_lines(report))


def _cases(report: Report) -> Iterator[TestCase]:
    if report.verdict is Verdict.CANNOT_CERTIFY:
        yield _uncertain(report)
    for check in (*report.checks, *_unlisted(report)):
        found = [(n, one) for n, one in enumerate(report.findings, 1) if check.name in report_messages.checks_of(one)]
        yield _case(report, check, found)


def _unlisted(report: Report) -> list[CheckResult]:
    """Checks that findings name but that are not in the list of checks, so that no finding is left out."""
    known = {check.name for check in report.checks}
    named = {one.check: CheckResult(one.check, one.level, fired=True) for one in report.findings}
    return [check for name, check in named.items() if name not in known]


def _uncertain(report: Report) -> TestCase:
    case = TestCase(VERDICT_CASE, VERDICT_CASE, 0.0)
    case.result = Error(report_messages.lines(report.decision.reason), Verdict.CANNOT_CERTIFY.value)
    return case


def _case(report: Report, check: CheckResult, found: Sequence[Numbered]) -> TestCase:
    """One check: failed, skipped or passed, by its most severe findings; the less severe ones are in `system-out`."""
    case = TestCase(formatting.plain(check.name), check.level, check.seconds)
    by_severity = {weight: [(n, one) for n, one in found if one.weight is weight] for weight in Severity}
    failing, above = by_severity[Severity.FAILS], by_severity[Severity.ABOVE]
    if failing:
        case.result = _result(Failure, check, failing)
    elif above:
        case.result = _result(Skipped, check, above)
    beside = [_text(check, one) for one in above if failing]
    beside += report_messages.explained_failures(report) if check.name == Check.PATHS else []
    beside += [
        " ".join(line) for line in (report_messages.warning_lines(report) if by_severity[Severity.WARNS] else ())
    ]
    if beside:
        case.system_out = "\n\n".join(beside)
    return case


def _result(kind: type[Failure] | type[Skipped], check: CheckResult, found: Sequence[Numbered]) -> Failure | Skipped:
    """One result for all findings, since viewers treat several results differently."""
    titles = dict.fromkeys(f"{report_messages.title(one)}: {report_messages.sentence(one)}" for _, one in found)
    result = kind(" ".join(titles), ", ".join(dict.fromkeys(one.code or "unnamed" for _, one in found)))
    result.text = "\n\n".join(_text(check, one) for one in found)
    return result


def _text(check: CheckResult, numbered: Numbered) -> str:
    """The whole finding at the check that shows it best; at other checks a reference to that check."""
    number, finding = numbered
    if finding.check == check.name:
        return finding_text(number, finding)
    return f"{number}. {report_messages.title(finding)}: see {formatting.plain(finding.check)}"
