"""Declared columns for Arrow columns."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pyml.errors import InputError, UsageError
from pyml_sandbox.models.sources.arrow_columns import declared


@pytest.mark.parametrize(
    ("column", "ddl"),
    [
        (pa.field("a", pa.int64(), nullable=False), "a BIGINT NOT NULL"),
        (pa.field("a", pa.int64()), "a BIGINT"),
        (pa.field("two words", pa.float64()), "`two words` DOUBLE"),
        (pa.field("a`b", pa.string()), "`a``b` STRING"),
        (pa.field("a", pa.uint8()), "a SMALLINT"),
        (pa.field("a", pa.uint64()), "a BIGINT"),
        (pa.field("a", pa.float16()), "a FLOAT"),
        (pa.field("a", pa.date64()), "a DATE"),
        (pa.field("a", pa.timestamp("ns")), "a TIMESTAMP_NTZ"),
        (pa.field("a", pa.timestamp("ms", "Europe/Rome")), "a TIMESTAMP"),
        (pa.field("a", pa.decimal128(10, 2)), "a DECIMAL(10, 2)"),
        (pa.field("a", pa.dictionary(pa.int8(), pa.large_string())), "a STRING"),
        (pa.field("a", pa.list_(pa.struct([("b", pa.uint16())]))), "a ARRAY<STRUCT<b: INT>>"),
        (pa.field("a", pa.map_(pa.string(), pa.list_(pa.float32()))), "a MAP<STRING, ARRAY<FLOAT>>"),
    ],
    ids=str,
)
def test_each_type_has_the_spark_type_that_holds_it(column: pa.Field, ddl: str) -> None:
    assert declared(pa.schema([column]))[0].ddl == ddl


@pytest.mark.parametrize(
    "kind",
    [
        pa.null(),
        pa.time32("s"),
        pa.duration("s"),
        pa.decimal256(50, 2),
        pa.list_(pa.time64("us")),
        pa.map_(pa.list_(pa.int8()), pa.int8()),
    ],
    ids=str,
)
def test_a_type_that_spark_lacks_is_refused_by_its_column(kind: pa.DataType) -> None:
    with pytest.raises(InputError, match="`odd`") as caught:
        declared(pa.schema([("fine", pa.int8()), ("odd", kind)]))
    assert "--exclude odd" in str(caught.value)


def test_an_excluded_column_is_not_looked_at() -> None:
    columns = pa.schema([("fine", pa.int8()), ("odd", pa.duration("s"))])
    assert declared(columns, ["odd"])[0].ddl == "fine TINYINT"


def test_names_that_differ_in_case_alone_are_refused() -> None:
    with pytest.raises(InputError, match="2 columns are named `a`"):
        declared(pa.schema([("a", pa.int8()), ("A", pa.int8())]))


@pytest.mark.parametrize(("excluded", "said"), [(["gone"], "no column gone"), (["a"], "no column is left")])
def test_what_is_excluded_must_leave_something(excluded: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        declared(pa.schema([("a", pa.int8())]), excluded)


def test_what_only_values_decide_is_noted() -> None:
    _, notes = declared(pa.schema([pa.field("at", pa.timestamp("ns"), nullable=False), ("n", pa.uint64())]))
    assert [note.partition(" ")[0] for note in notes] == ["1", "at:", "n:"]
