"""Predictions from frames to Arrow: checked, and never converted, since a model controls what it returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from pyml.error_code import ErrorCode
from pyml.errors import OutputError, Problem
from pyml.types.conversion.declared_column import (
    UnfitError,
    fitted,
    missing_problem,
    refuse_nulls,
    times_as_declared,
    undeclared_problems,
)
from pyml.types.conversion.row_source import RowSource
from pyml.types.declared_rows import one_batch
from pyml.types.dtypes import DATETIMES, FIXED_WIDTH, dtype_of
from pyml.types.exact_values import check_for, is_null
from pyml.types.field import Field
from pyml.types.frame import frame_from_arrow
from pyml.types.spark_types import ddl_type_of

if TYPE_CHECKING:
    from pyml.types.schema import Schema


def arrow_from_frame(frame: object, schema: Schema, rows: int) -> pa.RecordBatch:
    """Convert what `predict` returned to a batch of exactly the declared columns.

    Values are never coerced: a column must already be of its declared type and width, in any of the dtypes that can
    hold it (docs/reference/types.md). Rows are matched by position; the index is ignored.

    Args:
        frame: what `predict` returned.
        schema: the model's declared outputs.
        rows: number of rows that `predict` was given.

    Raises:
        OutputError: it is not a DataFrame, or names, types, nulls or the row count differ; lists every wrong column.
    """
    if not isinstance(frame, pd.DataFrame):
        raise OutputError(
            "predict did not return a DataFrame",
            [
                Problem(
                    f"got {type(frame).__name__}", f"return a pd.DataFrame with the columns {', '.join(schema.names)}"
                )
            ],
        )
    columns, problems = _convert(frame, schema)
    if len(frame) != rows:
        problems.append(
            Problem(
                f"{rows} rows in, {len(frame)} rows out",
                "return one row for each input row; for a row without a prediction return null in a nullable output",
                ErrorCode.ROW_COUNT,
            )
        )
    if problems:
        raise OutputError("the predictions do not fit the model's outputs", problems)
    return pa.RecordBatch.from_arrays(columns, schema=schema.arrow)


def _convert(frame: pd.DataFrame, schema: Schema) -> tuple[list[pa.Array], list[Problem]]:
    # Iterates, since the first look-up by name in a new frame builds an index over its columns.
    found = dict(frame.items())
    there = (field for field in schema.fields if field.name in found)
    columns, problems = fitted(there, lambda field: _column(found[field.name], field))
    if list(found) != list(schema.names) or len(found) != frame.shape[1]:
        problems = [*_name_problems(frame, schema), *problems]
    return columns, problems


def _name_problems(frame: pd.DataFrame, schema: Schema) -> Iterator[Problem]:
    found = [str(name) for name in frame.columns]
    if found != list(schema.names):
        for name in schema.names:
            if found.count(name) != 1:
                yield missing_problem(found, name, RowSource.FRAME)
        yield from undeclared_problems(found, schema.names, RowSource.FRAME)


def _column(series: pd.Series, field: Field) -> pa.Array:
    if field.ddl_type in FIXED_WIDTH:
        column = _fixed_width(series, field)
    elif field.ddl_type in DATETIMES and series.dtype.kind == "M":
        column = times_as_declared(_chunkless(pa.array(series.array)), field, str(series.dtype))
    elif isinstance(series.dtype, pd.ArrowDtype):
        column = _arrow_backed(series, field)
    elif field.ddl_type == "STRING" and isinstance(series.dtype, pd.StringDtype):
        column = pa.array([None if value is pd.NA or value != value else value for value in series], pa.string())
    elif series.dtype == object:
        column = _objects(series.tolist(), field)
    else:
        raise _wrong_type(series, field)
    refuse_nulls(column, field, RowSource.VALUES)
    return column


def _fixed_width(series: pd.Series, field: Field) -> pa.Array:
    numpy_name = FIXED_WIDTH[field.ddl_type]
    if series.dtype == np.dtype(numpy_name):
        return pa.array(series.to_numpy())
    if isinstance(series.dtype, pd.ArrowDtype):
        return _arrow_backed(series, field)
    if series.dtype == dtype_of(Field(field.name, field.ddl_type, nullable=True)):
        return _chunkless(pa.array(series.array))
    raise _wrong_type(series, field)


def _arrow_backed(series: pd.Series, field: Field) -> pa.Array:
    column = _chunkless(pa.array(series.array))
    if ddl_type_of(column.type) != field.ddl_type:
        raise _wrong_type(series, field)
    return column.cast(field.arrow.type)


def _chunkless(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _objects(values: Sequence[object], field: Field) -> pa.Array:
    if field.ddl_type in FIXED_WIDTH:
        raise _wrong_values(field, "object", "give the column a dtype")
    fits = check_for(field.arrow.type)
    plain = [None if is_null(value) else value for value in values]
    for row, value in enumerate(plain):
        if value is not None and not fits(value):
            raise _wrong_values(field, f"{value!r:.80} ({type(value).__name__}) in row {row}", "return exact values")
    try:
        return pa.array(plain, type=field.arrow.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        message = f"column `{field.name}`, declared {field.ddl_type}: {error}"
        raise UnfitError(Problem(message, "return exact values", ErrorCode.COLUMN_VALUE)) from error


def _wrong_values(field: Field, found: str, hint: str) -> UnfitError:
    message = f"column `{field.name}` is declared {field.ddl_type}, found {found}"
    return UnfitError(Problem(message, hint, ErrorCode.COLUMN_TYPE))


def _wrong_type(series: pd.Series, field: Field, hint: str = "") -> UnfitError:
    return _wrong_values(
        field,
        str(series.dtype),
        hint or f'series.astype("{dtype_of(field)}"), or declare the type of the series',
    )


def frame_of(batches: Iterable[pa.RecordBatch], schema: Schema) -> pd.DataFrame:
    """Predictions as a frame, in the dtypes of the type rule.

    Args:
        batches: any number of batches, also none, each with the columns of `schema`.
        schema: the model's declared outputs.
    """
    return frame_from_arrow(one_batch(pa.Table.from_batches(list(batches), schema.arrow)), schema)
