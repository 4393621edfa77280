"""Parity checks: all reports as a table and a plot, one of them, two side by side, and a witness that runs again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aiohttp import web

from pyml.error_code import ErrorCode
from pyml.errors import UsageError
from pyml_cli.console.background.shared_facts import Facts
from pyml_cli.console.page import Asked, Page

if TYPE_CHECKING:
    from pyml_cli.console.workbench import Workbench
    from pyml_sandbox.listings.report_list import ReportRow
    from pyml_sandbox.parity.report.document import Report
    from pyml_sandbox.workspace.events import JSON

REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
CLASSES = {"PASS": "pass", "FAIL": "fail", "CANNOT-CERTIFY": "doubt"}
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 900, 220, 110, 190, 20
LANES = ("none", "P1", "P2", "P3", "P4", "P5")


def parity(asked: Asked) -> Facts:
    """All reports, of one model if the query names it, and where each stands in the plot."""
    from pyml_sandbox.listings.report_list import list_reports

    every, model = list_reports(asked.bench.home), asked.query.get("model", "")
    reports = list_reports(asked.bench.home, model) if model else every
    names = sorted({report.model_id.partition("@")[0] for report in every})
    return {
        "reports": [report.json for report in reports],
        "model": model,
        "names": names,
        "marks": history_marks(reports),
        "lanes": [{"name": name, "y": _lane(name)} for name in LANES],
        "width": WIDTH,
        "height": HEIGHT,
    }


def history_marks(reports: Sequence[ReportRow]) -> list[Mapping[str, JSON]]:
    """Each report as a mark of the plot, the oldest at the left; its height is the level that it reached.

    Args:
        reports: the newest first.
    """
    step = (WIDTH - LEFT - 20) / max(1, len(reports))
    return [
        {
            "x": round(LEFT + step * (at + 0.5), 1),
            "y": _lane(report.level or "none"),
            "kind": CLASSES.get(report.verdict, "doubt"),
            "report_id": report.report_id,
            "label": f"{report.model_id}: {report.verdict} {report.level}, {report.seconds:.0f} s"
            + (f", {', '.join(report.causes)}" if report.causes else ""),
        }
        for at, report in enumerate(reversed(reports))
    ]


def _lane(level: str) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * LANES.index(level) / (len(LANES) - 1), 1)


def report(asked: Asked) -> Facts:
    """One report: its line, and the smallest input of each finding.

    Raises:
        UsageError: there is no such report.
    """
    from pyml_sandbox.parity.report import report_messages

    row, found = _found(asked.bench, asked.path["report"])
    witnesses = [
        {"number": number, "title": report_messages.title(finding), "snippet": finding.witness.snippet}
        for number, finding in enumerate(found.findings, 1)
        if finding.witness is not None and finding.witness.snippet
    ]
    earlier = [
        each.report_id for each in _all(asked.bench, row.model_id.partition("@")[0]) if each.report_id != row.report_id
    ]
    return {"row": row.json, "witnesses": witnesses, "earlier": earlier}


def side_by_side(asked: Asked) -> Facts:
    """Two reports.

    Raises:
        UsageError: one of them does not exist, or is not named.
    """
    rows = [_found(asked.bench, asked.query.get(side, ""))[0].json for side in ("a", "b")]
    names = ("verdict", "level", "level_asked", "causes", "rows", "seconds", "driver")
    return {"rows": rows, "differing": [name for name in names if rows[0][name] != rows[1][name]], "names": names}


def _all(bench: Workbench, model: str | None = None) -> Sequence[ReportRow]:
    from pyml_sandbox.listings.report_list import list_reports

    return list_reports(bench.home, model)


def _found(bench: Workbench, report_id: str) -> tuple[ReportRow, Report]:
    from pyml_sandbox.listings.report_list import find_report

    found = find_report(bench.home, report_id)
    row = next((each for each in _all(bench) if each.report_id == report_id), None)
    if row is None:
        raise UsageError(
            f"There is no report {report_id!r}.", "pyml reports   lists those that there are", ErrorCode.USAGE
        )
    return row, found


def _snippet(found: Report, number: int) -> str:
    """The program that shows a finding, counted from 1; empty if there is none."""
    findings = found.findings[number - 1 : number] if number else ()
    return "".join(finding.witness.snippet for finding in findings if finding.witness is not None)


def add_actions(app: web.Application, bench: Workbench) -> None:
    """Serve a report as its own document, and run a witness again."""

    async def document(request: web.Request) -> web.StreamResponse:
        from pyml_sandbox.parity.report.report_html import report_html

        try:
            _, found = await asyncio.to_thread(_found, bench, request.match_info["report"])
        except UsageError as error:
            raise web.HTTPNotFound(text=str(error)) from error
        headers = {"Content-Security-Policy": REPORT_POLICY}
        return web.Response(content_type="text/html", text=report_html(found), headers=headers)

    async def witness(request: web.Request) -> web.StreamResponse:
        report_id, number = request.match_info["report"], int(request.match_info["number"])
        try:
            _, found = await asyncio.to_thread(_found, bench, report_id)
        except UsageError as error:
            raise web.HTTPNotFound(text=str(error)) from error
        snippet = _snippet(found, number)
        if not snippet:
            raise web.HTTPNotFound(text="this report has no such finding")
        task = await bench.tasks.start_program(snippet, f"/parity/reports/{report_id}")
        raise web.HTTPSeeOther(f"/tasks/{task.task_id}")

    app.router.add_get("/parity/reports/{report}/report.html", document)
    app.router.add_post(r"/parity/reports/{report}/witness/{number:\d{1,4}}", witness)


PAGES = (
    Page("/parity", "parity.jinja", parity),
    Page("/parity/compare", "side_by_side.jinja", side_by_side),
    Page("/parity/reports/{report}", "report.jinja", report),
)
