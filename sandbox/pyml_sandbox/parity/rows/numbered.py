"""Rows that are identified by their number, because they have no key."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

ROW = "__row"
"""Column with the number of a row: BIGINT, from 0."""


def numbered(rows: pa.Table) -> pa.Table:
    """The same rows with the column `__row` as the first.

    Args:
        rows: without such a column.
    """
    import pyarrow as pa

    return rows.add_column(0, ROW, pa.array(range(rows.num_rows), pa.int64()))
