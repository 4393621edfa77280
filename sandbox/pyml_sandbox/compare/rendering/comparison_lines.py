"""The sentences and cells of a comparison, for the text and the HTML page. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyml_sandbox.compare.rendering.formatting import counted, listed, plain, short, shown_key, value_text
from pyml_sandbox.compare.result import ColumnComparison, Comparison, KeyList, KeyProblem, WorstRow

COLUMN_TITLES = ("rows", "equal", "within\ntolerance", "differing", "largest", "ulps", "null", "NaN", "inf")


def sides(comparison: Comparison) -> str:
    """What is compared with what."""
    return f"{comparison.left_name} against {comparison.right_name}"


def agreement_lines(comparison: Comparison) -> Iterator[str]:
    """A comparison that agrees: one line, and one more for each column with values that are not equal to the bit."""
    columns = counted(len(comparison.columns), "column")
    yield f"{sides(comparison)}: the same, {counted(comparison.matched, 'row')}, {columns}"
    for column in comparison.columns:
        if column.within_tolerance:
            largest = "" if column.max_abs is None else f", at most {column.max_abs:.2g} apart"
            yield f"  {plain(column.name)}: {counted(column.within_tolerance, 'row')} within tolerance{largest}"


def key_lines(comparison: Comparison) -> Iterator[str]:
    """What is wrong with the keys."""
    for each in comparison.key_differences():
        rows = counted(each.found.rows, "row")
        if each.problem is KeyProblem.NULL:
            yield f"null keys {each.side}: {rows}"
        else:
            yield f"keys {each.problem} {each.side}: {each.found.keys:,} on {rows}, {_examples(each.found)}"


def schema_lines(comparison: Comparison) -> Iterator[str]:
    """What is wrong with the columns."""
    left, right, schema = comparison.left_name, comparison.right_name, comparison.schema
    for names, side in ((schema.missing, left), (schema.extra, right)):
        if names:
            yield f"columns only {side}: {listed(names)}"
    for found in schema.types:
        yield f"type of {plain(found.column)}: {found.left} {left}, {found.right} {right}"
    if schema.order_differs:
        yield "the columns are in a different order; they are compared by name"


def _examples(found: KeyList) -> str:
    shown = ", ".join(plain(shown_key(key)) for key in found.examples)
    return shown + (", …" if found.keys > len(found.examples) else "")


def column_cells(column: ColumnComparison) -> list[str]:
    """The name of a column and what was counted in it, in the order of `COLUMN_TITLES`."""
    counts = (column.rows, column.equal, column.within_tolerance, column.differing)
    mismatches = (column.null_mismatches, column.nan_mismatches, column.infinity_mismatches)
    largest = "" if column.max_abs is None else f"{column.max_abs:.2g}"
    texts = [plain(column.name), *(f"{count:,}" for count in counts), largest, short(column.max_ulps)]
    return [*texts, *(f"{count:,}" for count in mismatches)]


def column_rows(comparison: Comparison) -> list[list[str]]:
    """The cells of every column of a comparison."""
    return [column_cells(column) for column in comparison.columns]


def worst_titles(comparison: Comparison) -> list[str]:
    """The heads of a table of the worst rows."""
    return [*(plain(name) for name in comparison.key), comparison.left_name, comparison.right_name, "difference"]


def worst_cells(row: WorstRow, column: ColumnComparison) -> list[str]:
    """One of the worst rows: its key, both values, their distance."""
    apart = "" if row.abs_difference is None else f"{row.abs_difference:.3g}"
    values = (_value(row.left, column.left_type), _value(row.right, column.right_type))
    return [*(value_text(part) for part in row.key), *values, apart]


def worst_rows(column: ColumnComparison) -> list[list[str]]:
    """The cells of each of the worst rows of a column."""
    return [worst_cells(row, column) for row in column.worst]


def _value(value: str | None, kind: str) -> str:
    """A value; a string in quotes, so that the string `null` and a trailing space differ from null and from nothing."""
    return f"'{plain(value)}'" if value is not None and kind == "VARCHAR" else value_text(value)


def tolerance_text(comparisons: Sequence[Comparison]) -> str:
    """What was allowed for which columns; empty where no column holds floats."""
    columns = [column for comparison in comparisons for column in comparison.columns]
    allowed = {column.name: str(column.tolerance) for column in columns if column.tolerance}
    lines = [
        f"{', '.join(f'`{plain(name)}`' for name in allowed if allowed[name] == one)}: {one}"
        for one in dict.fromkeys(allowed.values())
    ]
    exact = " All other columns are exact." if len(allowed) < len({column.name for column in columns}) else ""
    return f"Tolerance of {'; '.join(lines)}.{exact}" if lines else ""
