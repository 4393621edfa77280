"""A parity report for a terminal: the verdict, then each finding with its counterexample, then the next command.

A failure should be understood in ten seconds, and a PASS takes a few lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pyml_sandbox.compare.rendering import formatting
from pyml_sandbox.compare.rendering.comparison_lines import agreement_lines
from pyml_sandbox.compare.rendering.comparison_text import comparison_parts, printed, tolerance_parts, worst_parts
from pyml_sandbox.parity.diagnosis.notebook_findings import EXPECTED_OFFLINE, EXPECTED_ONLINE
from pyml_sandbox.parity.report import report_messages
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.report.report_messages import deciding
from pyml_sandbox.parity.verdict import Counterexample, Finding, Hop, Severity, Verdict
from pyml_sandbox.parity.verdict_rules import ALONE

COLOURS = {Verdict.PASS: "bold green", Verdict.FAIL: "bold red", Verdict.CANNOT_CERTIFY: "bold yellow"}
SEVERITY_COLOURS = {Severity.FAILS: "bold red", Severity.ABOVE: "bold yellow", Severity.WARNS: "yellow"}
MAX_SETTINGS = 5
INDENT = 3


def report_text(report: Report, *, width: int = 80, colour: bool = False) -> str:
    """The report as text for a terminal.

    Snippets and commands are not wrapped, so that they can be copied.

    Args:
        report: the report.
        width: columns of the terminal.
        colour: whether to use terminal colours; else there are no escape codes.
    """
    text = printed(report_view(report), width, colour)
    commands = report_messages.commands(report)
    heads = ("Next: ", *("      " for _ in commands[1:]))
    lines = [f"{head}{command}" for head, command in zip(heads, commands, strict=False)]
    return "\n".join([text, "", *lines]) if lines else text


def report_view(report: Report) -> RenderableType:
    """The report for a rich console."""
    return Group(*_parts(report))


def finding_text(number: int, finding: Finding, *, width: int = 80) -> str:
    """One finding as text without escape codes.

    Args:
        number: of the finding in the report, from 1.
        finding: the finding.
        width: columns of the text.
    """
    return printed(Group(*_finding_parts(number, finding)), width, colour=False).strip("\n")


def _parts(report: Report) -> Iterator[RenderableType]:
    yield from _head(report)
    for number, finding in report_messages.of_severity(report, Severity.FAILS):
        yield from _finding_parts(number, finding)
    yield from _above_parts(report)
    yield from _warning_parts(report)
    yield from _comparison_parts(report)
    yield from _foot(report)


def _head(report: Report) -> Iterator[RenderableType]:
    verdict = Text(report.verdict.value, style=COLOURS[report.verdict])
    facts = (report_messages.level_message(report), report.model, formatting.counted(report.rows, "row"))
    yield Text("  ").join([verdict, *(Text(fact) for fact in facts if fact)])
    failing = report_messages.first_failing(report)
    if failing:
        rows = f", {formatting.counted(failing.rows, 'row')}" if failing.rows else ""
        yield Text(f"First check that fails: {failing.name} ({failing.level}{rows})")
    if report.notebook:
        yield Text(report_messages.notebook_message(report))
    for path, image in report.images.items():
        yield Padding(Text(f"{path:<8} image {image}", overflow="fold"), (0, 0, 0, 2))
    if report.decision.reason:
        yield Padding(Text(report_messages.lines(report.decision.reason)), (1, 0, 0, 2))
    for failure in report_messages.explained_failures(report):
        yield Padding(Text(failure), (1, 0, 0, 2))
    if report.is_cached:
        yield Text(report_messages.cached_message(report))


def _finding_parts(number: int, finding: Finding) -> Iterator[RenderableType]:
    """One finding: what it is, where, and the smallest input that shows it."""
    yield Text("")
    yield Text.assemble(
        f"{number}. ",
        (report_messages.title(finding), SEVERITY_COLOURS[finding.weight]),
        f"  {report_messages.breaks(finding)}",
    )
    yield Padding(Text(report_messages.sentence(finding)), (0, 0, 0, INDENT))
    yield Padding(_facts(finding), (0, 0, 0, INDENT))
    if finding.witness and finding.witness.snippet:
        # At the left edge and never broken into lines, to be copied.
        yield Text("")
        yield Text(formatting.plain(finding.witness.snippet.strip("\n"), "\n"), no_wrap=True, overflow="ignore")


def _facts(finding: Finding) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for name, value in _fact_rows(finding):
        table.add_row(name, value)
    return table


def _fact_rows(finding: Finding) -> Iterator[tuple[str, RenderableType]]:
    if finding.hop:
        yield "hop", Group(_hop(finding.hop), Text(report_messages.HOP_SENTENCES[finding.hop], "dim"))
    if finding.columns or finding.inputs:
        driven = f" driven by {formatting.listed(finding.inputs)}" if finding.inputs else ""
        yield "columns", Text(f"{formatting.listed(finding.columns) or 'all'}{driven}")
    if finding.rows:
        yield "rows", Text(f"{finding.rows:,}")
    yield "checks", Text(formatting.listed(report_messages.checks_of(finding)))
    for name, words in report_messages.grounds(finding):
        yield name, Text(words)
    if finding.needs:
        yield "needs", Text(formatting.plain(finding.needs))
    if finding.witness:
        yield from _counterexample_rows(finding.witness)


def _hop(hop: Hop) -> Text:
    line = Text(report_messages.hop_line(hop))
    line.highlight_regex(r"\[.*\]", "bold red")
    return line


def _counterexample_rows(found: Counterexample) -> Iterator[tuple[str, RenderableType]]:
    rows, left_out = report_messages.counterexample_rows(found)
    cells = [["> " if row.is_marked else "", *row.cells] for row in rows]
    styles = ["bold" if row.is_marked else "" for row in rows]
    titles = ["", *(formatting.plain(name) for name in found.columns)]
    yield "input", _small_table(titles, cells, styles) if cells else Text("no rows")
    if left_out:
        yield "", Text(f"and {formatting.counted(left_out, 'row')} more")
    if found.defaults:
        yield "", Text(f"with {report_messages.defaults_message(found)}", "dim")
    if found.seen:
        names, seen = report_messages.seen_table(found)
        yield "gives", _small_table(["", *names], [[where, *values] for where, values in seen])


def _small_table(titles: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str] = ()) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    for title in titles:
        table.add_column(Text(title), overflow="fold")
    for position, cells in enumerate(rows):
        table.add_row(*(Text(cell) for cell in cells), style=styles[position] if styles else "")
    return table


def _above_parts(report: Report) -> Iterator[RenderableType]:
    found = report_messages.of_severity(report, Severity.ABOVE)
    if found:
        yield Padding(Text(report_messages.ABOVE_HEADING, "bold"), (1, 0, 0, 0))
    for number, finding in found:
        yield from _finding_parts(number, finding)


def _warning_parts(report: Report) -> Iterator[RenderableType]:
    for position, (name, words) in enumerate(report_messages.warning_lines(report)):
        line = Text.assemble(("warning", SEVERITY_COLOURS[Severity.WARNS]), f"  {name}  {words}")
        yield Padding(line, (0 if position else 1, 0, 0, 0))


def _comparison_parts(report: Report) -> Iterator[RenderableType]:
    """Tables of the comparisons that differ, a line or two of the others."""
    parted = [comparison for comparison in report.comparisons if not comparison.agrees]
    names = {comparison.name for comparison in parted}
    repeated = {ALONE, EXPECTED_ONLINE if EXPECTED_OFFLINE in names else ""}  # their rows are in the others, too
    for comparison in parted:
        yield from comparison_parts(comparison)
    for comparison in parted:
        if comparison.name not in repeated:
            yield from worst_parts(comparison)
    lines = [line for one in deciding(report.comparisons) for line in agreement_lines(one)]
    if lines:
        yield Text("")
    yield from (Text(line) for line in lines)
    if parted or any(line.startswith(" ") for line in lines):
        yield from tolerance_parts(report.comparisons)


def _foot(report: Report) -> Iterator[RenderableType]:
    yield Text(report_messages.checks_message(report))
    if report.undone:
        yield Text(report_messages.undone_message(report))
    yield from (Padding(Text(line), (0, 0, 0, INDENT)) for line in report_messages.undone_lines(report))
    differing = [setting for setting in report_messages.settings_of(report) if setting.differs]
    if differing:
        yield Text(_environment_message(report, differing))
    if report.steps:
        yield Text(report_messages.steps_message(report))
    yield Text(f"Rows {report.fixture_digest}, sandbox {report.sandbox} ({report.driver}).")


def _environment_message(report: Report, differing: Sequence[report_messages.Setting]) -> str:
    shown = [
        f"{formatting.plain(one.name)} "
        + ", ".join(
            f"{formatting.value_text(value) if value is not None else 'absent'} {path}"
            for path, value in zip(report.environments, one.values, strict=True)
        )
        for one in differing[:MAX_SETTINGS]
    ]
    more = f"; and {len(differing) - MAX_SETTINGS} more" if len(differing) > MAX_SETTINGS else ""
    return f"The paths ran in different environments: {'; '.join(shown)}{more}."
