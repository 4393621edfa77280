"""`pyml parity-check`: checks that offline and online predictions agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyml.command_line import quoted_word
from pyml.errors import SetupError, UsageError
from pyml_cli.options import Key, ModelReference, Sandbox
from pyml_cli.output import AsJson, choose_output, progress
from pyml_cli.verdicts import exit_code_1_is_a_verdict

if TYPE_CHECKING:
    from pyml.package.settings import ParitySettings
    from pyml_sandbox.parity.report.document import Report
    from pyml_sandbox.workspace.events import JSON, OnEvent

READABLE = 0o644


def parity_check(
    model: ModelReference = ".",
    sql: Annotated[str, typer.Option(metavar="QUERY", help="Query that selects the rows to predict.")] = "",
    table: Annotated[str, typer.Option(metavar="TABLE", help="Hive table whose rows to predict; excludes --sql.")] = "",
    key: Key = None,
    level: Annotated[
        str, typer.Option(metavar="LEVEL", help="Level to require, P1 to P5 (default: from pyml.toml, else P3).")
    ] = "",
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the report as one HTML file.")] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the report as JUnit XML, for CI.")
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Run the check even if a report on the same input is cached.")
    ] = False,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Run a model offline and online on the same rows and compare the predictions.

    Rows, key and level come from the model's pyml.toml unless options give them. Exit code 0: PASS. 1: FAIL.
    2: the model, the query or an option is wrong. 3: the sandbox is in trouble. 4: CANNOT-CERTIFY.
    """
    from pyml.package.model_package import ModelPackage
    from pyml_cli.commands.key_commands import ask_passphrase
    from pyml_sandbox.client import Client
    from pyml_sandbox.drivers.choice import builder_for
    from pyml_sandbox.models import registry
    from pyml_sandbox.parity import check
    from pyml_sandbox.parity.rows.notebook_predictions import expected_file
    from pyml_sandbox.parity.rows.rows_beside import rows_beside

    files = Files(html, junit)
    files.refuse_folders()
    _refuse_unknown(level)
    client = Client(sandbox)
    signing_key = client.signing_key(ask_passphrase)
    with exit_code_1_is_a_verdict(), progress() as on_event:
        version = registry.resolve(client.home, model, builder_for(client.home), on_event)
        settings = _settings(ModelPackage(version.package).settings.parity, sql, table, key, level)
        folder = Path(model) if Path(model).is_dir() else None
        rows, expected = rows_beside(settings, folder, version.signature), expected_file(settings, folder)
        report = check.parity_check(
            client,
            version.model_id,
            settings,
            on_event,
            rows=rows,
            expected=expected,
            use_cache=not no_cache,
            signing_key=signing_key,
        )
    choose_output(json).result(ReportView(report))
    with progress() as on_event:
        files.write(report, on_event)
    raise typer.Exit(report.exit_code)


def _settings(declared: ParitySettings, sql: str, table: str, key: list[str] | None, level: str) -> ParitySettings:
    """The settings of pyml.toml, overridden by the options of the command line."""
    if sql and table:
        raise UsageError("--sql and --table are both given", "keep one of them")
    if sql or table:
        declared = declared.with_rows(sql=sql, table=table)
    if level:
        declared = replace(declared, level=level)
    return replace(declared, key=tuple(key)) if key else declared


def _refuse_unknown(level: str) -> None:
    from pyml.package.settings import LEVELS

    if level and level not in LEVELS:
        raise UsageError(f"expected a level after --level, found {level!r}", f"one of {', '.join(LEVELS)}")


@dataclass(frozen=True)
class Files:
    """The files to which the report is written besides the terminal.

    Attributes:
        html: HTML file; None for no HTML.
        junit: JUnit XML file; None for no JUnit.
    """

    html: Path | None
    junit: Path | None

    def refuse_folders(self) -> None:
        """Check the paths before the parity check runs, since that takes a while.

        Raises:
            UsageError: one of them is a folder.
        """
        for name, path, suffix in (("--html", self.html, ".html"), ("--junit", self.junit, ".xml")):
            if path is not None and path.is_dir():
                hint = f"{name} {quoted_word(str(path / f'parity{suffix}'))}"
                raise UsageError(f"expected a file after {name}, found the folder {path}", hint)

    def write(self, report: Report, on_event: OnEvent) -> None:
        """Write the files, with an event for each.

        Raises:
            SetupError: a file cannot be written.
        """
        from pyml_sandbox.parity.report.junit import junit_xml
        from pyml_sandbox.parity.report.report_html import report_html

        if self.html is not None:
            _write("html", self.html, report_html(report), on_event)
        if self.junit is not None:
            _write("junit", self.junit, junit_xml(report), on_event)


def _write(subject: str, path: Path, text: str, on_event: OnEvent) -> None:
    from pyml_sandbox.workspace.events import Event, Progress
    from pyml_sandbox.workspace.files import write_atomically

    try:
        write_atomically(path, text, READABLE)
    except OSError as error:
        raise SetupError(f"{path} cannot be written: {error.strerror}", "choose another file") from error
    on_event(Event(subject, Progress.READY, str(path)))


@dataclass(frozen=True)
class ReportView:
    """The report of a parity check."""

    report: Report

    @property
    def json(self) -> Mapping[str, JSON]:
        """See docs/reference/parity-report.md."""
        return self.report.to_json()

    @property
    def text(self) -> str:
        """The verdict, the findings, the differences, and the next command."""
        import shutil
        import sys

        from pyml_sandbox.parity.report.report_text import report_text

        return report_text(self.report, width=shutil.get_terminal_size().columns, colour=sys.stdout.isatty())
