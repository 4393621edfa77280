"""Hints speak to who sent the rows: SQL to the author of a query, pandas to a program, the format to the author of a file."""

from __future__ import annotations

import pytest

from pyml.types.conversion.row_source import (
    RowSource,
    missing_hint,
    null_hint,
    type_hint,
    undeclared_hint,
    value_hint,
)
from pyml.types.field import Field
from support.type_matrix import CASES

FIELDS = [Field("c", case.ddl_type) for case in CASES]
# Words that only one of them understands.
OF_ONE = {
    "CAST(": {RowSource.SQL},
    "COALESCE(": {RowSource.SQL},
    "SELECT": {RowSource.SQL},
    "frame[": {RowSource.FRAME, RowSource.PARQUET},  # pandas writes files as well
    "write": {RowSource.CSV, RowSource.JSON, RowSource.PARQUET},
    "send": {RowSource.ARROW, RowSource.TENSORS},
}


@pytest.mark.parametrize("source", RowSource)
@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.ddl_type)
def test_every_hint_is_for_who_sent_the_rows(field: Field, source: RowSource) -> None:
    hints = [
        type_hint(field, source),
        null_hint(field, source),
        value_hint(field, source, 0.1),
        value_hint(field, source, float("nan")),
        missing_hint(["a"], source),
        undeclared_hint(["a"], source),
    ]
    assert all(hints)
    for word, sources in OF_ONE.items():
        assert source in sources or not any(word in hint for hint in hints), word


@pytest.mark.parametrize(
    ("ddl_type", "source", "hint"),
    [
        ("DOUBLE", RowSource.SQL, "in SQL: CAST(`my c` AS DOUBLE) AS `my c`"),
        ("DOUBLE", RowSource.FRAME, 'in Python: frame["my c"].astype("Float64")'),
        ("TIMESTAMP", RowSource.FRAME, 'in Python: pd.to_datetime(frame["my c"], utc=True)'),
        ("ARRAY<INT>", RowSource.FRAME, "give a list in each row"),
        ("DOUBLE", RowSource.VALUES, "give a float"),
        ("INT", RowSource.VALUES, "give an int"),
        ("DATE", RowSource.CSV, "leave it empty for null, or write a value such as 2024-02-29"),
        ("DATE", RowSource.JSON, 'write null, or a value such as "2024-02-29"'),
        ("DOUBLE", RowSource.JSON, "write null, or a value such as 3.2"),
        ("MAP<STRING, INT>", RowSource.CSV, "write JSON Lines or Parquet, which have lists, maps and structs"),
        ("DOUBLE", RowSource.PARQUET, "write the column as double"),
        ("DOUBLE", RowSource.ARROW, "send the column as double"),
        ("DOUBLE", RowSource.TENSORS, "send it as FP64"),
        ("FLOAT", RowSource.TENSORS, "send it as FP32"),
        ("SMALLINT", RowSource.TENSORS, "send it as INT16"),
        ("STRING", RowSource.TENSORS, "send it as BYTES"),
        ("DOUBLE", RowSource.TABLE, "in Python: cast the column to double"),
    ],
)
def test_a_column_of_a_wrong_type_is_mended_where_it_was_written(ddl_type: str, source: RowSource, hint: str) -> None:
    assert type_hint(Field("my c", ddl_type), source) == hint
