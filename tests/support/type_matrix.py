"""Every Hive type with plain values, nulls and extremes: the rows that the type rule is held to, on every path."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from pyml.types.schema import Schema

NAN, INF = float("nan"), float("inf")


@dataclass(frozen=True)
class TypeCase:
    """One declared type: the dtype in which it reaches `predict`, ordinary values and the ends of its range."""

    ddl_type: str
    dtype: str
    dtype_not_null: str
    plain: tuple[object, ...]
    extremes: tuple[object, ...]

    def values(self, kind: str) -> list[object]:
        by_kind: dict[str, list[object]] = {
            "plain": list(self.plain),
            "nulls": [None, *self.plain, None],
            "only nulls": [None, None],
            "extremes": list(self.extremes),
            "extremes beside null": [*self.extremes, None],
            "empty": [],
        }
        return by_kind[kind]

    def batch(self, kind: str, *, not_null: bool = False) -> pa.RecordBatch:
        schema = self.schema(not_null=not_null)
        return pa.RecordBatch.from_arrays(
            [pa.array(self.values(kind), type=schema.arrow.field(0).type)], schema=schema.arrow
        )

    def schema(self, *, not_null: bool = False) -> Schema:
        return Schema(f"c {self.ddl_type}{' NOT NULL' if not_null else ''}")


KINDS = ("plain", "nulls", "only nulls", "extremes", "extremes beside null", "empty")
KINDS_WITHOUT_NULL = ("plain", "extremes", "empty")

CASES = (
    TypeCase("TINYINT", "Int8", "int8", (1, 2), (-(2**7), 2**7 - 1)),
    TypeCase("SMALLINT", "Int16", "int16", (1, 2), (-(2**15), 2**15 - 1)),
    TypeCase("INT", "Int32", "int32", (1, 2), (-(2**31), 2**31 - 1)),
    TypeCase("BIGINT", "Int64", "int64", (1, 2), (-(2**63), 2**63 - 1, 2**53 + 1, 9223372036854775707)),
    TypeCase("FLOAT", "Float32", "float32", (0.5, 1.0), (NAN, INF, -INF, -0.0, 1.401298464324817e-45, 3.4028234663852886e38)),
    TypeCase("DOUBLE", "Float64", "float64", (0.1, 1.0), (NAN, INF, -INF, -0.0, 5e-324, 1.7976931348623157e308)),
    TypeCase("BOOLEAN", "boolean", "bool", (True, False), (True, True)),
    TypeCase("DECIMAL(10, 2)", "object", "object", (Decimal("1.20"), Decimal("-3.00")), (Decimal("99999999.99"), Decimal("0.00"))),
    TypeCase("DECIMAL(38, 10)", "object", "object", (Decimal("1.0000000000"),), (Decimal("9" * 28 + "." + "9" * 10), Decimal("-0.0000000001"))),
    TypeCase("STRING", "object", "object", ("a", "bc"), ("", "NaN", "None", "007", "é\u0000\U0001f600", "x" * 10_000)),
    TypeCase("BINARY", "object", "object", (b"a", b"bc"), (b"", b"\x00\xff")),
    TypeCase("DATE", "datetime64[s]", "datetime64[s]", (date(2013, 1, 1),), (date(1, 1, 1), date(9999, 12, 31))),
    TypeCase(
        "TIMESTAMP",
        "datetime64[us, UTC]",
        "datetime64[us, UTC]",
        (datetime(2013, 3, 10, 7, 30, tzinfo=UTC),),
        (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ),
    TypeCase(
        "TIMESTAMP_NTZ",
        "datetime64[us]",
        "datetime64[us]",
        (datetime(2013, 3, 10, 2, 30),),
        (datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999)),
    ),
    TypeCase("ARRAY<DOUBLE>", "object", "object", ([1.0, 2.0],), ([], [None], [NAN, INF, None])),
    TypeCase("ARRAY<BIGINT>", "object", "object", ([1, 2],), ([], [2**63 - 1, None, -(2**63)])),
    TypeCase("ARRAY<ARRAY<STRING>>", "object", "object", ([["a"], []],), ([None, ["", None]],)),
    TypeCase("MAP<STRING, INT>", "object", "object", ({"a": 1},), ({}, {"": None, "b": 2**31 - 1})),
    TypeCase("MAP<BIGINT, ARRAY<FLOAT>>", "object", "object", ({1: [0.5]},), ({2**63 - 1: [NAN, None]},)),
    TypeCase("STRUCT<x: INT, y: STRING>", "object", "object", ({"x": 1, "y": "a"},), ({"x": None, "y": None}, {"x": -(2**31), "y": ""})),
    TypeCase("STRUCT<d: DECIMAL(5, 2), t: TIMESTAMP>", "object", "object", ({"d": Decimal("1.20"), "t": datetime(2013, 1, 1, tzinfo=UTC)},), ({"d": None, "t": None},)),
    TypeCase("ARRAY<STRUCT<m: MAP<INT, DATE>>>", "object", "object", ([{"m": {1: date(2013, 1, 1)}}],), ([{"m": None}, None],)),
)  # fmt: skip

MATRIX = [
    pytest.param(case, kind, not_null, id=f"{case.ddl_type}{' NOT NULL' if not_null else ''}, {kind}")
    for case in CASES
    for not_null in (False, True)
    for kind in (KINDS_WITHOUT_NULL if not_null else KINDS)
]
"""Parameters of a test: each case as nullable and as NOT NULL, with each kind of rows that it may hold."""
