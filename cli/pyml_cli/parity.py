"""`pyml parity-check`: do offline and online agree?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from pyml.errors import UsageError
from pyml_cli.options import Key, ModelReference, Sandbox
from pyml_cli.output import AsJson, choose_output, progress

if TYPE_CHECKING:
    from pyml.settings import ParitySettings
    from pyml_sandbox.events import JSON
    from pyml_sandbox.parity.report import Report


def parity_check(
    model: ModelReference = ".",
    sql: Annotated[str, typer.Option(help="Query whose rows both paths predict.")] = "",
    table: Annotated[str, typer.Option(help="Instead: a Hive table.")] = "",
    key: Key = None,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Run one model offline and online over the same rows, and compare. Exit code 0 PASS, 1 FAIL, 4 cannot certify.

    Rows and key come from the model's pyml.toml where they are not given.
    """
    from pyml.package import ModelPackage
    from pyml_sandbox import registry
    from pyml_sandbox.client import Client
    from pyml_sandbox.parity import check

    client = Client(sandbox)
    with progress() as on_event:
        version = registry.resolve(client.home, model, on_event)
        client.deploy_model(version.model_id, on_event)
        settings = _settings(ModelPackage(version.package).settings.parity, sql, table, key)
        report = check.parity_check(client, version.model_id, settings, on_event)
    choose_output(json).result(ReportView(report))
    raise typer.Exit(report.exit_code)


def _settings(declared: ParitySettings, sql: str, table: str, key: list[str] | None) -> ParitySettings:
    """What was given on the command line, over what the model declares."""
    if sql and table:
        raise UsageError("--sql and --table are both given", "keep one of them")
    if sql or table:
        declared = replace(declared, sql=sql, table=table)
    return replace(declared, key=tuple(key)) if key else declared


@dataclass(frozen=True)
class ReportView:
    """The report of a parity check."""

    report: Report

    @property
    def json(self) -> Mapping[str, JSON]:
        """See docs/parity-report.md."""
        return self.report.to_json()

    @property
    def text(self) -> str:
        """The verdict, a table of the columns, the worst rows."""
        import shutil
        import sys

        from pyml_sandbox.parity.report_text import report_text

        return report_text(self.report, width=shutil.get_terminal_size().columns, colour=sys.stdout.isatty())
