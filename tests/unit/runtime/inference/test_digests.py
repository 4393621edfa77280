"""Digests of what `predict` saw: equal for equal values, different for everything that a model could tell apart."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pyml.inference.digests import digests_of, digests_of_batch
from pyml.types.frame import frame_from_arrow
from pyml.types.schema import Schema
from support.type_matrix import CASES, KINDS, TypeCase


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.ddl_type)
def test_equal_rows_have_equal_digests_and_unequal_values_unequal_ones(case: TypeCase, kind: str) -> None:
    batch = case.batch(kind)
    first, second = (digests_of_batch(batch, case.schema())[0].tolist() for _ in range(2))
    assert first == second
    values = [repr(value) for value in case.values(kind)]
    for a, b in combinations(range(len(values)), 2):
        assert (first[a] == first[b]) == (values[a] == values[b])


def test_nan_null_and_the_sign_of_zero_are_told_apart() -> None:
    batch = pa.RecordBatch.from_pydict({"a": [float("nan"), None, 0.0, -0.0]}, schema=Schema("a DOUBLE").arrow)
    assert len(set(digests_of_batch(batch, Schema("a DOUBLE"))[0].tolist())) == 4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_nan_is_the_same(dtype: str) -> None:
    """Arithmetic sets the sign of a NaN on some processors; Parquet and the JVM do not keep it."""
    nan = np.array([np.nan, -np.nan], dtype)
    assert np.signbit(nan).tolist() == [False, True]
    for given in (pd.DataFrame({"a": nan}), {"a": nan}):
        first, second = digests_of(given)[0].tolist()
        assert first == second


def test_the_dtype_counts() -> None:
    schema = Schema("k BIGINT NOT NULL")
    frame = frame_from_arrow(pa.RecordBatch.from_pydict({"k": [3]}, schema=schema.arrow), schema)
    assert digests_of(frame)[0].tolist() != digests_of(frame.astype("float64"))[0].tolist()
    assert digests_of(frame)[0].tolist() != digests_of(frame.astype("int32"))[0].tolist()


def test_each_row_of_a_tensor_has_its_own() -> None:
    rows = {"x": np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]], "float32")}
    digests = digests_of(rows)[0].tolist()
    assert digests[0] == digests[2] != digests[1]
    assert digests_of({"x": rows["x"].astype("float64")})[0].tolist() != digests
