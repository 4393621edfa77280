"""Frames of any library, of pandas, Arrow, Polars or Spark, as the frame that `predict` gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

import pandas as pd
import pyarrow as pa

from pyml.errors import UsageError
from pyml.types.conversion.caller_rows import batch_from_frame
from pyml.types.conversion.row_source import RowSource
from pyml.types.declared_rows import one_batch
from pyml.types.frame import frame_from_arrow

if TYPE_CHECKING:
    from pyml.types.schema import Schema


class ArrowStream(Protocol):
    """A frame with the Arrow C stream interface: of pyarrow, Polars, DuckDB, narwhals and others."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The rows as a PyCapsule of an ArrowArrayStream."""


class SparkFrame(Protocol):
    """A DataFrame of Spark 4."""

    def toArrow(self) -> pa.Table:  # noqa: N802 - Spark's own name for it
        """The rows, collected."""


AnyFrame: TypeAlias = pd.DataFrame | ArrowStream | SparkFrame


def predict_frame(frame: AnyFrame, schema: Schema) -> pd.DataFrame:
    """The frame that `predict` would get for the rows of a frame; see :meth:`pyml.Schema.frame`.

    Args:
        frame: shape (rows, columns); columns that are not declared are left out.
        schema: the declared columns.

    Raises:
        UsageError: `frame` is not a frame, or `schema` declares tensors.
        InputError: the rows do not fit the schema; lists every column that does not.
    """
    if schema.is_tensor:
        raise UsageError(
            "Schema.frame is for columns, and this schema declares tensors", "train on arrays of its dtypes"
        )
    if isinstance(frame, pd.DataFrame):
        declared = [name in schema.names for name in frame.columns]
        return frame_from_arrow(batch_from_frame(frame.loc[:, declared], schema), schema, RowSource.FRAME)
    table = _table_of(frame)
    declared_names = [name for name in schema.names if name in table.column_names]
    return frame_from_arrow(one_batch(table.select(declared_names)), schema, RowSource.TABLE)


def _table_of(frame: ArrowStream | SparkFrame) -> pa.Table:
    if isinstance(frame, pa.RecordBatch):
        return pa.Table.from_batches([frame])
    if hasattr(frame, "toArrow"):  # first: Spark's own stream fails on timestamps over Spark Connect (4.3.0)
        return frame.toArrow()
    if hasattr(frame, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(frame).read_all()
    raise UsageError(
        f"expected a frame of pandas, Polars, pyarrow or Spark, found {type(frame).__module__}.{type(frame).__name__}",
        "collect a lazy frame first; a dict of columns becomes a frame with pyarrow.table(columns)",
    )
