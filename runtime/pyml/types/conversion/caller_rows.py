"""Rows as a caller has them in Python, frames or columns of plain values, as a batch of the declared columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from pyml.error_code import ErrorCode
from pyml.errors import InputError, Problem
from pyml.types.conversion.declared_column import (
    UnfitError,
    as_declared,
    fitted,
    refuse_missing,
    refuse_nulls,
    times_as_declared,
    type_problem,
    undeclared_problems,
    unfit_if_lost,
)
from pyml.types.conversion.plain_values import column_of
from pyml.types.conversion.row_source import RowSource
from pyml.types.dtypes import DATETIMES
from pyml.types.field import Field

if TYPE_CHECKING:
    from pyml.types.schema import Schema

SUMMARY = "the rows do not fit the model's inputs"


def batch_from_frame(frame: pd.DataFrame, schema: Schema) -> pa.RecordBatch:
    """Convert a pandas frame to a batch of exactly the declared columns.

    A column of a different dtype is converted if nothing is lost. NaN is a value, but for a column of objects that is
    declared as something other than a number: there it is what pandas writes for null.

    Args:
        frame: shape (rows, columns), with the declared columns in any order; its index is ignored.
        schema: the declared columns.

    Raises:
        InputError: a column is missing, repeated or not declared, or does not fit; lists every one.
    """
    found = [str(name) for name in frame.columns]
    series = dict(zip(found, (column for _, column in frame.items()), strict=True))
    return _batch(found, schema, RowSource.FRAME, lambda field: _of_series(series[field.name], field))


def batch_from_values(columns: Mapping[str, Sequence[object] | np.ndarray], schema: Schema) -> pa.RecordBatch:
    """Convert columns of plain Python values to a batch of exactly the declared columns.

    Args:
        columns: a list, tuple or one-dimensional array for each declared column, by name, all of the same length.
        schema: the declared columns.

    Raises:
        InputError: as :func:`batch_from_frame`; or the columns have different lengths.
    """
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(SUMMARY, [Problem(f"the columns have different lengths: {lengths}", "", ErrorCode.ROW_COUNT)])
    return _batch(list(columns), schema, RowSource.VALUES, lambda field: of_values(columns[field.name], field))


def of_values(values: Sequence[object] | np.ndarray, field: Field, source: RowSource = RowSource.VALUES) -> pa.Array:
    """Convert the plain Python values of one column to its declared type.

    Args:
        values: one for each row; an array keeps its dtype.
        field: the declared column.
        source: where the values come from, for the hint.

    Raises:
        UnfitError: a value does not fit.
    """
    if isinstance(values, np.ndarray) and values.dtype != object:
        return as_declared(_natural(values, field, source), field, source)
    with unfit_if_lost(field, source):
        column = column_of(list(values), field.arrow.type)
    refuse_nulls(column, field, source)
    return column


def _batch(
    found: Sequence[str], schema: Schema, source: RowSource, column_for: Callable[[Field], pa.Array]
) -> pa.RecordBatch:
    def one(field: Field) -> pa.Array:
        refuse_missing(found, field, source)
        return column_for(field)

    columns, problems = fitted(schema.fields, one)
    problems += undeclared_problems(found, schema.names, source)
    if problems:
        raise InputError(SUMMARY, problems)
    return pa.RecordBatch.from_arrays(columns, schema=schema.arrow)


def _of_series(series: pd.Series, field: Field) -> pa.Array:
    if series.dtype == object:
        return of_values(_with_null_for_nan(series, field), field, RowSource.FRAME)
    if isinstance(series.dtype, np.dtype):
        values = series.to_numpy()  # Arrow refuses a foreign byte order
        column = _natural(values.astype(values.dtype.newbyteorder("="), copy=False), field, RowSource.FRAME)
    else:
        column = _natural(series.array, field, RowSource.FRAME)
    if field.ddl_type in DATETIMES and pa.types.is_timestamp(column.type):
        return times_as_declared(column, field, str(series.dtype))
    return as_declared(column, field, RowSource.FRAME, str(series.dtype))


def _with_null_for_nan(series: pd.Series, field: Field) -> list[object]:
    values = series.tolist()
    if pa.types.is_floating(field.arrow.type) or pa.types.is_integer(field.arrow.type):
        return values
    return [None if isinstance(value, float) and value != value else value for value in values]


def _natural(values: np.ndarray | pd.api.extensions.ExtensionArray, field: Field, source: RowSource) -> pa.Array:
    """An array in the Arrow type of its own dtype, with NaN as a value."""
    try:
        column = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise UnfitError(type_problem(str(values.dtype), field, source)) from error
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
