"""Comparisons made by hand, for what is decided and printed from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pyml_sandbox.compare.result import (
    ColumnComparison,
    Comparison,
    KeyComparison,
    SchemaComparison,
    WorstRow,
)
from pyml_sandbox.compare.tolerance import DOUBLE_TOLERANCE
from pyml_sandbox.parity.diagnosis.notebook_findings import EXPECTED_OFFLINE, EXPECTED_ONLINE
from pyml_sandbox.parity.verdict_rules import ALONE, BATCHES, REPEAT, ROWS

SIDES = {
    BATCHES: ("offline", "online in batches"),
    ROWS: ("offline", "online one by one"),
    ALONE: ("online in batches", "online one by one"),
    REPEAT: ("the first time", "the second time"),
    EXPECTED_OFFLINE: ("in the notebook", "offline"),
    EXPECTED_ONLINE: ("in the notebook", "online in batches"),
}


def column(
    name: str = "p", rows: int = 1000, differing: int = 0, mismatches: Mapping[str, int] | None = None
) -> ColumnComparison:
    """A DOUBLE column whose differing rows are half a unit apart; `mismatches` by the names of their counts."""
    found = ColumnComparison(name, "DOUBLE", "DOUBLE", rows, rows - differing, 0, differing, tolerance=DOUBLE_TOLERANCE)
    if not differing:
        return found
    worst = (WorstRow(("17",), "0.25", "0.75", 0.5),)
    found = replace(found, max_abs=0.5, max_ulps=2**53, worst=worst)
    for mismatch, count in (mismatches or {}).items():
        found = replace(found, **{mismatch: count})  # type: ignore[arg-type]
    return found


def comparison(
    name: str = BATCHES,
    *columns: ColumnComparison,
    rows: int = 1000,
    keys: KeyComparison | None = None,
    schema: SchemaComparison | None = None,
) -> Comparison:
    """A comparison of `rows` rows by the key `id`."""
    left, right = SIDES[name]
    return Comparison(
        name, left, right, ("id",), rows, rows, rows, keys or KeyComparison(), schema or SchemaComparison(), columns
    )
