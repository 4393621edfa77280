"""`pyml parity-check`: checks that offline and online predictions agree."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from pyml.command_line import quoted_word
from pyml.errors import SetupError, UsageError
from pyml_cli.options import ClusterName, Key, ModelReference, Sandbox
from pyml_cli.output import AsJson, choose_output, progress
from pyml_cli.verdicts import exit_code_1_is_a_verdict

if TYPE_CHECKING:
    from pyml.package.settings import ParitySettings
    from pyml_sandbox.client import Client
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
    budget: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS", help="Time that the checks beside both paths share (default: from pyml.toml, else 90)."
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the report as one HTML file.")] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the report as JUnit XML, for CI.")
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Run the check even if a report on the same input is cached.")
    ] = False,
    cluster: ClusterName = "",
    offline_table: Annotated[
        str,
        typer.Option(
            metavar="TABLE", help="Check a system that is not ours: its predictions, a Hive table or a .parquet file."
        ),
    ] = "",
    endpoint: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="With --offline-table: gRPC server of the Open Inference Protocol.")
    ] = "",
    foreign_model: Annotated[
        str, typer.Option("--model", metavar="NAME[@VERSION]", help="With --endpoint: the model there.")
    ] = "",
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Run a model offline and online on the same rows and compare the predictions.

    Rows, key, level and budget come from the model's pyml.toml unless options give them. Exit code 0: PASS. 1: FAIL.
    2: the model, the query or an option is wrong. 3: the sandbox is in trouble. 4: CANNOT-CERTIFY.
    """
    from pyml.package.model_package import ModelPackage
    from pyml_cli.commands.key_commands import ask_passphrase
    from pyml_sandbox.client import Client
    from pyml_sandbox.drivers.choice import builder_for
    from pyml_sandbox.models import registry

    files = Files(html, junit)
    files.refuse_folders()
    _refuse_unknown(level)
    _refuse_no_time(budget)
    client = Client(sandbox)
    asked = _Asked(sql, table, key, level, budget)
    if offline_table or endpoint or foreign_model:
        place = _Elsewhere(offline_table, endpoint, foreign_model, cluster)
        _told(_of_others(client, place, asked), files, json=json)
    if cluster:
        _told(_on_cluster(client, cluster, model, asked), files, json=json)
    signing_key = client.signing_key(ask_passphrase)
    with exit_code_1_is_a_verdict(), progress() as on_event:
        with _imported_meanwhile("pyml_sandbox.parity.check"):
            version = registry.resolve(client.home, model, builder_for(client.home), on_event)
        from pyml_sandbox.parity import check
        from pyml_sandbox.parity.rows.notebook_predictions import expected_file
        from pyml_sandbox.parity.rows.rows_beside import rows_beside

        settings = asked.over(ModelPackage(version.package).settings.parity)
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
    _told(report, files, json=json)


@contextmanager
def _imported_meanwhile(module: str) -> Iterator[None]:
    """Import a module while a block waits for a process: the imports of a check take as long as a model loads."""

    def quietly() -> None:
        with suppress(Exception):  # whoever imports it next gets the error
            import_module(module)

    thread = Thread(target=quietly, name="pyml-import")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _told(report: Report, files: Files, *, json: bool) -> NoReturn:
    """Print a report, write it to the files that were asked for, and end with its exit code."""
    choose_output(json).result(ReportView(report))
    with progress() as on_event:
        files.write(report, on_event)
    raise typer.Exit(report.exit_code)


def _on_cluster(client: Client, name: str, model: str, asked: _Asked) -> Report:
    """The check of both paths of a cluster."""
    from pyml.package.model_package import ModelPackage
    from pyml_sandbox.clusters.cluster import find_cluster
    from pyml_sandbox.drivers.choice import builder_for
    from pyml_sandbox.models import registry
    from pyml_sandbox.parity.elsewhere.cluster_check import LEVEL, cluster_check
    from pyml_sandbox.parity.rows.rows_beside import rows_beside

    if asked.level not in ("", LEVEL):
        raise UsageError(f"on a cluster a check can earn {LEVEL} alone, not {asked.level}", "leave --level out")
    with exit_code_1_is_a_verdict(), progress() as on_event:
        cluster = find_cluster(name, client.home.root)
        version = registry.resolve(client.home, model, builder_for(client.home), on_event)
        settings = asked.over(ModelPackage(version.package).settings.parity)
        rows = rows_beside(settings, Path(model) if Path(model).is_dir() else None, version.signature)
        return cluster_check(client, version.model_id, cluster, settings, on_event, rows=rows)


@dataclass(frozen=True)
class _Elsewhere:
    """The options that name a system which is not ours."""

    table: str
    endpoint: str
    model: str
    cluster: str

    def __post_init__(self) -> None:
        given = {"--offline-table": self.table, "--endpoint": self.endpoint, "--model": self.model}
        if lacking := [name for name, value in given.items() if not value]:
            there = ", ".join(name for name, value in given.items() if value)
            raise UsageError(f"{there} without {lacking[0]}", f"all three are needed: {' '.join(given)}")


def _of_others(client: Client, place: _Elsewhere, asked: _Asked) -> Report:
    """The check of a system that is not ours; the sandbox's Spark or that of a cluster reads its rows."""
    from pyml.package.settings import PLAIN_NAME, is_plain_name
    from pyml_sandbox.clusters.cluster import find_cluster
    from pyml_sandbox.clusters.cluster_spark import access_of, spark_without_model
    from pyml_sandbox.parity.elsewhere.foreign_check import LEVEL, Foreign, foreign_check
    from pyml_sandbox.predict.spark_session import session

    if asked.level not in ("", LEVEL):
        raise UsageError(f"of a system that is not ours a check can earn {LEVEL} alone", "leave --level out")
    if asked.budget_s:
        raise UsageError("of a system that is not ours no check takes as much as time allows", "leave --budget out")
    if asked.table or not asked.sql:
        raise UsageError("the rows of a system that is not ours come from a query", "--sql QUERY, with the key")
    name, _, version = place.model.partition("@")
    if not is_plain_name(name):
        raise UsageError(f"--model {name!r} is not the name of a model", PLAIN_NAME)
    with exit_code_1_is_a_verdict():
        cluster = find_cluster(place.cluster, client.home.root) if place.cluster else None
    foreign = Foreign(place.table, place.endpoint, name, asked.sql, tuple(asked.key or ()), version)
    if cluster is not None and place.endpoint == cluster.gateway:
        foreign = replace(foreign, access=access_of(cluster))
    target = spark_without_model(client, cluster) if cluster else None
    with exit_code_1_is_a_verdict(), progress() as on_event, session(client.home, target) as spark:
        return foreign_check(client.home, spark, foreign, on_event)


@dataclass(frozen=True)
class _Asked:
    """The options of the command line that take the place of settings of pyml.toml."""

    sql: str
    table: str
    key: list[str] | None
    level: str
    budget_s: float | None

    def over(self, declared: ParitySettings) -> ParitySettings:
        """The settings of pyml.toml, overridden by the options."""
        if self.sql and self.table:
            raise UsageError("--sql and --table are both given", "keep one of them")
        if self.sql or self.table:
            declared = declared.with_rows(sql=self.sql, table=self.table)
        if self.level:
            declared = replace(declared, level=self.level)
        if self.budget_s:
            declared = replace(declared, budget_s=self.budget_s)
        return replace(declared, key=tuple(self.key)) if self.key else declared


def _refuse_unknown(level: str) -> None:
    from pyml.package.settings import LEVELS

    if level and level not in LEVELS:
        raise UsageError(f"expected a level after --level, found {level!r}", f"one of {', '.join(LEVELS)}")


def _refuse_no_time(budget_s: float | None) -> None:
    if budget_s is not None and not 0 < budget_s < math.inf:
        raise UsageError(f"expected seconds above 0 after --budget, found {budget_s:g}", "--budget 90, which is usual")


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
