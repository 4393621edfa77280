"""Parts of sentences about the differences of a comparison. Pure."""

from __future__ import annotations

from pyml_sandbox.compare.rendering.formatting import counted, shown_key
from pyml_sandbox.compare.result import ColumnComparison, KeyDifference, KeyList, KeyProblem


def key_sentence(difference: KeyDifference) -> str:
    """What is wrong with the keys of one side."""
    side, found = difference.side, difference.found
    if difference.problem is KeyProblem.NULL:
        return f"the key of {rows_of(found.rows)} was lost {side}: it is null there"
    repeated = difference.problem is KeyProblem.REPEATED
    what = f"repeated {side}" if repeated else f"predicted {side} and not {difference.other}"
    return f"{counted(found.keys, 'key')} {_were(found.keys)} {what}{_such_as(found)}"


def all_of_one_kind(column: ColumnComparison) -> str:
    """That one side is null, NaN or infinite in every differing row; empty if it is not."""
    kinds = {
        "one side is null": column.null_mismatches,
        "one side is NaN": column.nan_mismatches,
        "one side is infinite": column.infinity_mismatches,
    }
    found = [kind for kind, rows in kinds.items() if rows == column.differing]
    if not found:
        return ""
    return f". In {'each of them' if column.differing > 1 else 'it'} {found[0]}"


def of_rows(column: ColumnComparison) -> str:
    """How many rows of a column differ."""
    return f"{column.differing:,} of {rows_of(column.rows)}"


def differ(column: ColumnComparison) -> str:
    """The verb for the differing rows of a column."""
    return "differs" if column.differing == 1 else "differ"


def rows_of(number: int) -> str:
    """A number of rows."""
    return counted(number, "row")


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _such_as(found: KeyList) -> str:
    examples = ", ".join(shown_key(key) for key in found.examples[:3])
    return f", such as {examples}" if found.keys > 3 else f": {examples}"
