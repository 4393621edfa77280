"""The reports of a sandbox: the verdicts of its parity checks, past ones as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyml.errors import UsageError
from pyml_sandbox.parity.report.report_history import ReportRow, report_of, summaries
from pyml_sandbox.workspace.record_folder import is_record_id
from pyml_sandbox.workspace.state import name_option

if TYPE_CHECKING:
    from pyml_sandbox.parity.report.document import Report
    from pyml_sandbox.workspace.home import SandboxHome

__all__ = ["ReportRow", "find_report", "list_reports"]


def list_reports(home: SandboxHome, model: str | None = None) -> list[ReportRow]:
    """The reports of a sandbox, the latest first. A check that was answered by an earlier report has none of its own.

    Args:
        home: the sandbox.
        model: only the reports of this model, `name`, or of one version, `name@version`, whose first digits are enough;
            None for all.
    """
    name, _, digits = (model or "").partition("@")
    return [row for row in summaries(home) if not name or _is_of(row, name, digits)]


def find_report(home: SandboxHome, report_id: str) -> Report:
    """One whole report.

    Args:
        home: the sandbox.
        report_id: as `list_reports` has it.

    Raises:
        UsageError: there is no such report, or it is damaged.
    """
    report = report_of(home, report_id) if is_record_id(report_id) else None
    if report is None:
        raise UsageError(f"There is no report {report_id!r}.", f"pyml reports{name_option(home)}   lists them")
    return report


def _is_of(row: ReportRow, name: str, digits: str) -> bool:
    model, _, version = row.model_id.partition("@")
    return model == name and version.startswith(digits)
