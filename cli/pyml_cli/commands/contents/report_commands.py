"""`pyml reports`: the verdicts of past parity checks, and one report again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyml_cli.completion import reports as report_ids
from pyml_cli.completion import versions
from pyml_cli.options import Sandbox, is_listing
from pyml_cli.output import AsJson, choose_output, progress
from pyml_cli.rich_table import table_text
from pyml_cli.time_words import duration, moment

if TYPE_CHECKING:
    from pyml_sandbox.listings.report_list import ReportRow
    from pyml_sandbox.workspace.events import JSON

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def reports(
    context: typer.Context,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME[@VERSION]", help="Only reports of this model.", autocompletion=versions),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="Maximum number of reports to list.")] = 20,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """List the reports of parity checks, the latest first: verdict, level and causes."""
    if not is_listing(context, model, sandbox, json):
        return
    from pyml_sandbox.listings.report_list import list_reports
    from pyml_sandbox.workspace.home import SandboxHome

    found = list_reports(SandboxHome.find(sandbox), model)
    choose_output(json).result(ReportsView(found[:limit], left_out=max(0, len(found) - limit)))


@app.command()
def show(
    report_id: Annotated[
        str,
        typer.Argument(metavar="REPORT", help="Id of a report, as `pyml reports` lists it.", autocompletion=report_ids),
    ],
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write it as one HTML file.")] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write it as JUnit XML, for CI.")] = None,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Print a report again, as `pyml parity-check` printed it. Ends with 0, whatever the verdict."""
    from pyml_cli.commands.parity_command import Files, ReportView
    from pyml_sandbox.listings.report_list import find_report
    from pyml_sandbox.workspace.home import SandboxHome

    files = Files(html, junit)
    files.refuse_folders()
    report = find_report(SandboxHome.find(sandbox), report_id)
    choose_output(json).result(ReportView(report))
    with progress() as on_event:
        files.write(report, on_event)


@dataclass(frozen=True)
class ReportsView:
    """Reports, one per line.

    Attributes:
        reports: the latest first.
        left_out: how many more there are.
    """

    reports: Sequence[ReportRow]
    left_out: int = 0

    @property
    def json(self) -> Mapping[str, JSON]:
        """All facts of every summary."""
        return {"reports": [report.json for report in self.reports], "left_out": self.left_out}

    @property
    def text(self) -> str:
        """Verdict, level and causes of each report, its rows, when the check ended, and how long it took."""
        if not self.reports:
            return "There are no reports.\nNext:   pyml parity-check"
        columns = ("report", "model", "verdict", "level", "causes", "rows", "ended", "took")
        rows = [
            (
                report.report_id,
                report.model_id,
                report.verdict,
                report.level,
                " ".join(report.causes),
                f"{report.rows:,}",
                moment(report.finished_at),
                duration(report.seconds),
            )
            for report in self.reports
        ]
        more = [f"and {self.left_out} earlier ones: --limit {self.left_out + len(rows)}"] if self.left_out else []
        return "\n".join([table_text(columns, rows, ("rows", "took")), *more])
