"""A parity report for a reader: the verdict first, then the columns, the worst rows, and what to do next."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pyml_sandbox.compare.result import ColumnComparison, Comparison, KeyList, WorstRow
from pyml_sandbox.parity.judge import ALONE, BATCHES, LEVEL, ROWS, shown_key
from pyml_sandbox.parity.report import Report
from pyml_sandbox.parity.verdict import Finding, Verdict

COLOURS = {Verdict.PASS: "bold green", Verdict.FAIL: "bold red", Verdict.CANNOT_CERTIFY: "bold yellow"}
VALUE_WIDTH = 40


def report_text(report: Report, *, width: int = 80, colour: bool = False) -> str:
    """The report as text that fits `width` columns, with terminal colours or without any escape code."""
    text = _printed(report_view(report), width, colour)
    # Apart from the rest: a command that is to be copied must not be broken into lines.
    return f"{text}\n\nNext: {report.next_command}" if report.next_command else text


def report_view(report: Report) -> RenderableType:
    """The report for a rich console."""
    return Group(*_parts(report))


def comparison_text(comparison: Comparison, *, width: int = 80, colour: bool = False) -> str:
    """One comparison as text, as `pyml compare` prints it."""
    answer = Text("SAME", "bold green") if comparison.agrees else Text("DIFFERENT", "bold red")
    parts = (*_comparison_parts(comparison), *_worst_parts(comparison), *_tolerance_parts([comparison]))
    return _printed(Group(answer, *parts), width, colour)


def _printed(view: RenderableType, width: int, colour: bool) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        legacy_windows=False,
    )
    console.print(view)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def _parts(report: Report) -> Iterator[RenderableType]:
    yield from _head(report)
    yield from _finding_parts(report.findings)
    for comparison in report.comparisons:
        if comparison.name in (BATCHES, ROWS) or not comparison.agrees:
            yield from _comparison_parts(comparison)
    for comparison in report.comparisons:
        if comparison.name != ALONE:  # the very rows of the two others
            yield from _worst_parts(comparison)
    yield from _tolerance_parts(report.comparisons)
    yield from _foot(report)


def _head(report: Report) -> Iterator[RenderableType]:
    level = f", level {report.judgement.level}" if report.judgement.level else ""
    verdict = Text(report.verdict.value, style=COLOURS[report.verdict])
    yield Text.assemble(verdict, f"{level}  {report.model}  {_rows(report.rows)}")
    for path, image in report.images.items():
        yield Padding(Text(f"{path:<8} image {image}", overflow="fold"), (0, 0, 0, 2))
    if report.judgement.reason:
        yield Padding(Text(report.judgement.reason), (1, 0, 0, 2))


def _finding_parts(findings: tuple[Finding, ...]) -> Iterator[RenderableType]:
    if not findings:
        return
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, justify="right")
    table.add_column()
    for number, finding in enumerate(findings, 1):
        code = f"[{finding.code}] " if finding.code else ""
        table.add_row(f"{number}.", Text(f"{code}{finding.sentence}."))
    yield Padding(table, (1, 0, 0, 1))


def _comparison_parts(comparison: Comparison) -> Iterator[RenderableType]:
    yield Padding(Text(f"{_sides(comparison)}: {_rows(comparison.matched)}", style="bold"), (1, 0, 0, 0))
    for line in _key_lines(comparison):
        yield Text(f" {line}")
    for line in _schema_lines(comparison):
        yield Text(f" {line}")
    if comparison.columns:
        yield _column_table(comparison)


def _sides(comparison: Comparison) -> str:
    return f"{comparison.left_name} against {comparison.right_name}"


def _key_lines(comparison: Comparison) -> Iterator[str]:
    left, right, keys = comparison.left_name, comparison.right_name, comparison.keys
    cases = [
        (keys.missing, f"only {left}"),
        (keys.extra, f"only {right}"),
        (keys.repeated_left, f"repeated {left}"),
        (keys.repeated_right, f"repeated {right}"),
    ]
    for found, what in cases:
        if found:
            yield f"keys {what}: {found.keys:,} on {_rows(found.rows)}, {_examples(found)}"
    for rows, side in ((keys.null_left, left), (keys.null_right, right)):
        if rows:
            yield f"null keys {side}: {_rows(rows)}"


def _schema_lines(comparison: Comparison) -> Iterator[str]:
    left, right, schema = comparison.left_name, comparison.right_name, comparison.schema
    for names, side in ((schema.missing, left), (schema.extra, right)):
        if names:
            yield f"columns only {side}: {', '.join(names)}"
    for found in schema.types:
        yield f"type of {found.column}: {found.left} {left}, {found.right} {right}"
    if schema.order_differs:
        yield "the columns come in another order; they are compared by name"


def _examples(found: KeyList) -> str:
    return ", ".join(shown_key(key) for key in found.examples) + (", …" if found.keys > len(found.examples) else "")


def _column_table(comparison: Comparison) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0), collapse_padding=False, pad_edge=False, show_edge=False)
    table.add_column("column", overflow="fold", min_width=8)
    for title in ("rows", "equal", "within\ntolerance", "differing", "largest", "ulps", "null", "NaN", "inf"):
        table.add_column(title, justify="right", no_wrap=True)
    for column in comparison.columns:
        table.add_row(*_cells(column), style="" if column.agrees else "red")
    return table


def _cells(column: ColumnComparison) -> list[Text]:
    counts = (column.rows, column.equal, column.within_tolerance, column.differing)
    mismatches = (column.null_mismatches, column.nan_mismatches, column.infinity_mismatches)
    largest = "" if column.max_abs is None else f"{column.max_abs:.2g}"
    texts = [column.name, *(f"{count:,}" for count in counts), largest, _short(column.max_ulps)]
    return [Text(text) for text in (*texts, *(f"{count:,}" for count in mismatches))]


def _short(ulps: int | None) -> str:
    if ulps is None:
        return ""
    return f"{ulps:,}" if ulps < 100_000 else f"{ulps:.1e}"


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"


def _worst_parts(comparison: Comparison) -> Iterator[RenderableType]:
    for column in comparison.columns:
        if column.worst:
            title = f"Worst rows of `{column.name}`, {_sides(comparison)}"
            yield Padding(Text(title, style="bold"), (1, 0, 0, 0))
            yield _worst_table(comparison, column)


def _worst_table(comparison: Comparison, column: ColumnComparison) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    for name in (*comparison.key, comparison.left_name, comparison.right_name):
        table.add_column(name, overflow="fold", max_width=VALUE_WIDTH)
    table.add_column("difference", justify="right")
    for row in column.worst:
        table.add_row(*(Text(cell) for cell in _worst_cells(row, column)))
    return table


def _worst_cells(row: WorstRow, column: ColumnComparison) -> list[str]:
    keys = ["null" if part is None else part for part in row.key]
    apart = "" if row.abs_difference is None else f"{row.abs_difference:.3g}"
    return [*keys, _value(row.left, column.left_type), _value(row.right, column.right_type), apart]


def _value(value: str | None, kind: str) -> str:
    """A text in quotes, so that the text `null` and a trailing space can be told from null and nothing."""
    if value is None:
        return "null"
    return f"'{value}'" if kind == "VARCHAR" else value


def _tolerance_parts(comparisons: Sequence[Comparison]) -> Iterator[RenderableType]:
    columns = [column for comparison in comparisons for column in comparison.columns]
    allowed = {column.name: str(column.tolerance) for column in columns if column.tolerance}
    lines = [
        f"{', '.join(f'`{name}`' for name in allowed if allowed[name] == one)}: {one}"
        for one in dict.fromkeys(allowed.values())
    ]
    exact = " All other columns are exact." if len(allowed) < len({column.name for column in columns}) else ""
    if lines:
        yield Padding(Text(f"Tolerance of {'; '.join(lines)}.{exact}"), (1, 0, 0, 0))


def _foot(report: Report) -> Iterator[RenderableType]:
    if report.steps:
        steps = ", ".join(f"{step.name} {step.seconds:.1f} s" for step in report.steps)
        yield Text(f"Took {sum(step.seconds for step in report.steps):.1f} s: {steps}.")
    yield Text(f"Rows {report.fixture_digest}, sandbox {report.sandbox} ({report.driver}).")
    if report.verdict is Verdict.PASS and report.declared_level > (report.judgement.level or ""):
        yield Text(
            f"pyml.toml asks for level {report.declared_level}; {LEVEL} is the highest that this release checks."
        )
