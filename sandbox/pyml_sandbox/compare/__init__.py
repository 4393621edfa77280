"""Compare two tables by key, and say what differs."""

from __future__ import annotations

from pyml_sandbox.compare.comparator import compare
from pyml_sandbox.compare.queries.database import Limits
from pyml_sandbox.compare.result import (
    ColumnComparison,
    Comparison,
    KeyComparison,
    KeyList,
    SchemaComparison,
    TypeDifference,
    WorstRow,
)
from pyml_sandbox.compare.tables.source import Source
from pyml_sandbox.compare.tolerance import DOUBLE_TOLERANCE, EXACT, FLOAT_TOLERANCE, Origin, Tolerance, Tolerances

__all__ = [
    "DOUBLE_TOLERANCE",
    "EXACT",
    "FLOAT_TOLERANCE",
    "ColumnComparison",
    "Comparison",
    "KeyComparison",
    "KeyList",
    "Limits",
    "Origin",
    "SchemaComparison",
    "Source",
    "Tolerance",
    "Tolerances",
    "TypeDifference",
    "WorstRow",
    "compare",
]
