"""A row of ordinary values is made up for every declared type, and reaches `predict`."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pyml.inference.ordinary_rows import ordinary_row
from pyml.types.frame import frame_from_arrow
from pyml.types.schema import Schema
from pyml.types.tensors import tensors_from_arrow
from support.type_matrix import CASES, TypeCase


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.ddl_type)
def test_it_fits_a_column_of_every_type_and_is_not_null(case: TypeCase) -> None:
    schema = Schema(f"c {case.ddl_type} NOT NULL")
    row = ordinary_row(schema)
    assert row is not None
    assert (row.num_rows, row.column(0).null_count, row.schema) == (1, 0, schema.arrow)
    assert len(frame_from_arrow(row, schema)) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "uint8", "bool", "bytes"])
def test_it_fits_tensors_of_every_shape(dtype: str) -> None:
    schema = Schema([("flat", dtype, (-1,)), ("image", dtype, (-1, 2, 5)), ("free", dtype, (-1, -1))])
    row = ordinary_row(schema)
    assert row is not None
    tensors = tensors_from_arrow(row, schema)
    assert [array.shape[:2] for array in tensors.values()] == [(1,), (1, 2), (1, 3)]
    assert tensors["image"].shape == (1, 2, 5)


def test_a_decimal_without_digits_before_the_point_is_zero() -> None:
    row = ordinary_row(Schema("c DECIMAL(2, 2)"))
    assert row is not None
    assert float(row.column(0)[0].as_py()) == 0


def test_its_values_are_those_of_an_unremarkable_row() -> None:
    row = ordinary_row(Schema("i INT, d DOUBLE, s STRING, x ARRAY<INT>, m MAP<STRING, INT>"))
    assert isinstance(row, pa.RecordBatch)
    assert row.to_pylist() == [{"i": 1, "d": 1.0, "s": "a", "x": [1, 1, 1], "m": [("a", 1)]}]
