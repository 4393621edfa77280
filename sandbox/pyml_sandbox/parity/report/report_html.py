"""A parity report as one HTML file that opens without a network.

The template has only the layout; sentences come from `report_messages`, drawings from `plots` and `diagram`. Values are
a user's data: jinja escapes all of them, and the page's policy forbids scripts and requests.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from pyml.package.settings import LEVELS
from pyml_sandbox.compare.rendering import comparison_lines, formatting
from pyml_sandbox.compare.tolerance import Tolerance
from pyml_sandbox.parity.diagnosis.causes import CAUSES
from pyml_sandbox.parity.observations.catalogue import check_line
from pyml_sandbox.parity.report import report_messages
from pyml_sandbox.parity.report.diagram import diagrams
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.report.plots import ColumnPlots, column_plots
from pyml_sandbox.parity.verdict import CheckResult, Severity, Verdict

if TYPE_CHECKING:
    from jinja2 import Template

CLASSES = {Verdict.PASS: "pass", Verdict.FAIL: "fail", Verdict.CANNOT_CERTIFY: "doubt"}


def report_html(report: Report) -> str:
    """The report as a whole HTML document."""
    return _template().render(
        report=report,
        verdict_class=CLASSES[report.verdict],
        ladder=list(_ladder(report)),
        failing=report_messages.first_failing(report),
        diagrams=diagrams(report.findings),
        fails=report_messages.of_severity(report, Severity.FAILS),
        above=report_messages.of_severity(report, Severity.ABOVE),
        warnings=list(report_messages.warning_lines(report)),
        plots=_plots(report),
        checks=[(check, check_line(check.name), _breaches(report, check)) for check in report.checks],
        settings=report_messages.settings_of(report),
        causes=CAUSES,
        messages=report_messages,
        formatting=formatting,
        lines=comparison_lines,
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("pyml_sandbox.parity.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = formatting.plain
    return environment.get_template("report.html.jinja")


def _ladder(report: Report) -> Iterator[tuple[str, str]]:
    """Each level with its state: reached, missed although it is required, or open."""
    reached = report.decision.level or ""
    for level in LEVELS:
        yield level, "reached" if level <= reached else "missed" if level <= report.declared_level else "open"


def _plots(report: Report) -> list[ColumnPlots]:
    """The plots of all columns; columns with differences come first."""
    floors = {floor.column: floor.max_abs for floor in report.floors}
    allowed: dict[str, Tolerance | None] = {}
    for _, column in report.columns():
        allowed.setdefault(column.name, column.tolerance)
    found = [
        column_plots(points, allowed.get(points.column, report.tolerances.double), floors.get(points.column))
        for points in report.points
    ]
    return sorted(found, key=lambda plots: plots.apart is None)


def _breaches(report: Report, check: CheckResult) -> list[int]:
    """Numbers of the findings that a check shows, without noise."""
    return [
        number
        for number, finding in enumerate(report.findings, 1)
        if check.name in report_messages.checks_of(finding) and finding.weight is not Severity.WARNS
    ]
