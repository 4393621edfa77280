"""Columns in groups, each of which is joined by itself, so that no join needs more memory than there is. Pure.

DuckDB keeps one side of a join in memory. What has no room goes to disk, and with it the matching part of the other
side: that takes longer than to join the keys once more for every group.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pyml_sandbox.compare.comparison_plan import ComparisonPlan
from pyml_sandbox.compare.tables.column_type import ColumnType

MEMORY_SHARE = 0.75
"""Of the memory that DuckDB may use, for one side of a join; the rest is for its hash table."""
ROW_BYTES = 24
"""What DuckDB keeps of each row of a join besides its values."""
MOST_GROUPS = 6
DIGEST_BYTES = 16


def column_groups(
    plan: ComparisonPlan, columns: Sequence[int], rows: int, memory_mb: int, *, with_digest: bool = False
) -> list[list[int]]:
    """Value columns in groups of about the same width, as few as fit into memory.

    Args:
        plan: gives the columns.
        columns: indices among the value columns, at least one.
        rows: of the larger side.
        memory_mb: that DuckDB may use.
        with_digest: whether the first group is joined with a digest.
    """
    widths = [_bytes(plan.values[index].left.type) for index in columns]
    of_each_row = ROW_BYTES + sum(_bytes(pair.left.type) for pair in plan.keys)
    room = max(1.0, MEMORY_SHARE * memory_mb * 1e6 / max(rows, 1) - of_each_row)
    before = DIGEST_BYTES if with_digest else 0
    total = before + sum(widths)
    share = total / min(MOST_GROUPS, len(columns), math.ceil(total / room))
    groups: dict[int, list[int]] = {}
    for index, width in zip(columns, widths, strict=True):
        groups.setdefault(int(before / share), []).append(index)
        before += width
    return list(groups.values())


def _bytes(type_: ColumnType) -> int:
    """What a value takes in a join: 8 bytes if it is a short number, else 16 and more."""
    return 8 if type_.is_integer or type_.is_float or type_.kind in _SHORT else 16


_SHORT = ("boolean", "date", "time", "timestamp")
