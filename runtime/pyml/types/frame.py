"""The type rule: how an Arrow batch becomes the frame that `predict` gets, on both paths.

The dtype of a column follows from its declared type alone, never from the values in a batch
(docs/reference/types.md has the table):

- a column of fixed width has a numpy dtype if it is NOT NULL, else the nullable pandas dtype of the same width, which
  keeps null and NaN distinct;
- dates and times are datetime64, null is NaT;
- every other column is an object column of plain Python values, null is None.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from pyml.types.conversion.row_source import RowSource
from pyml.types.declared_rows import conform
from pyml.types.dtypes import DATETIMES, dtype_of

if TYPE_CHECKING:
    from pandas.api.extensions import ExtensionArray

    from pyml.types.schema import Schema

    Block = ExtensionArray | np.ndarray

_MASKED = {"f": pd.arrays.FloatingArray, "i": pd.arrays.IntegerArray, "b": pd.arrays.BooleanArray}


def frame_from_arrow(batch: pa.RecordBatch, schema: Schema, source: RowSource = RowSource.ARROW) -> pd.DataFrame:
    """Convert a batch to the frame that `predict` gets.

    Args:
        batch: the columns of `schema`, by name, in any order; additional columns are refused.
        schema: the model's declared inputs.
        source: where the rows come from, for the hints of an error.

    Returns:
        A frame with the declared columns in declared order, the dtypes of :func:`pyml.types.dtypes.dtype_of`, index 0
        to n-1, and memory of its own.

    Raises:
        InputError: a column is missing, not declared, of a type that is not converted, holds a value that its declared
            type cannot hold, or holds null though NOT NULL; lists every such column.
    """
    return _layout(schema).build(conform(batch, schema, source))


class _Layout:
    """How the columns of one schema are stored in a frame; computed once for each schema.

    NOT NULL numbers of one dtype, and all object columns, share a two-dimensional block: one allocation, one copy of
    each column, no per-column objects. Each other column is an extension array.
    """

    def __init__(self, schema: Schema) -> None:
        self.columns = pd.Index(schema.names)
        self.shared: list[tuple[np.dtype, list[int]]] = []
        self.single: list[tuple[int, Callable[[pa.Array], ExtensionArray]]] = []
        by_dtype: dict[np.dtype, list[int]] = {}
        for position, field in enumerate(schema.fields):
            name = dtype_of(field)
            if field.ddl_type in DATETIMES:
                self.single.append((position, _datetime_array))
            elif name == "object" or not field.nullable:
                by_dtype.setdefault(np.dtype(name), []).append(position)
            else:
                self.single.append((position, _masked_array))
        self.shared = list(by_dtype.items())

    def build(self, batch: pa.RecordBatch) -> pd.DataFrame:
        """The frame of one conforming batch."""
        blocks: list[tuple[Block, np.ndarray]] = [
            (_block(batch, positions, dtype), np.array(positions)) for dtype, positions in self.shared
        ]
        for position, array_of in self.single:
            blocks.append((array_of(batch.column(position)), np.array([position])))
        # A view: `frame.columns.name = …` in a model must not reach the next request.
        return _assemble(blocks, batch.num_rows, self.columns.view())


@lru_cache(maxsize=256)
def _layout(schema: Schema) -> _Layout:
    return _Layout(schema)


def _block(batch: pa.RecordBatch, positions: list[int], dtype: np.dtype) -> np.ndarray:
    """Columns of one dtype without null, copied: shape (columns, rows)."""
    if dtype.kind in _NUMBERS:
        block: np.ndarray = batch.select(positions).to_tensor(row_major=False).to_numpy().T
        return block
    block = np.empty((len(positions), batch.num_rows), dtype)
    for row, position in enumerate(positions):
        _fill(block[row], batch.column(position))
    return block


_NUMBERS = "iuf"


def _fill(target: np.ndarray, column: pa.Array) -> None:
    if target.dtype != object or _is_string(column.type):
        target[:] = column.to_numpy(zero_copy_only=False)
    else:
        for row, value in enumerate(column.to_pylist(maps_as_pydicts="strict")):
            target[row] = value


def _is_string(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_string(arrow) or pa.types.is_binary(arrow))


def _masked_array(column: pa.Array) -> ExtensionArray:
    """A nullable array: values and mask are separate, so that NaN stays a value."""
    mask = np.zeros(len(column), bool)
    if column.null_count:
        mask[:] = column.is_null().to_numpy(zero_copy_only=False)
        column = column.fill_null(False if pa.types.is_boolean(column.type) else 0)
    values = np.array(column.to_numpy(zero_copy_only=False))
    array: ExtensionArray = _MASKED[values.dtype.kind](values, mask)
    return array


def _datetime_array(column: pa.Array) -> ExtensionArray:
    unit, zone = ("us", column.type.tz) if pa.types.is_timestamp(column.type) else ("s", None)
    instants = column.cast(pa.timestamp(unit)).to_numpy(zero_copy_only=False).astype(f"datetime64[{unit}]", copy=True)
    array = pd.DatetimeIndex(instants).array
    return array.tz_localize("UTC") if zone else array


try:
    from pandas.api.internals import create_dataframe_from_blocks
except ImportError:  # pandas 2: no public way to pass blocks

    def _assemble(blocks: list[tuple[Block, np.ndarray]], rows: int, columns: pd.Index) -> pd.DataFrame:
        """Build a frame from blocks, column by column."""
        by_position = {
            position: pd.Series(block[row] if block.ndim == 2 else block, dtype=block.dtype, copy=False)
            for block, positions in blocks
            for row, position in enumerate(positions)
        }
        frame = pd.DataFrame({position: by_position[position] for position in range(len(columns))}, pd.RangeIndex(rows))
        frame.columns = columns
        return frame

else:

    def _assemble(blocks: list[tuple[Block, np.ndarray]], rows: int, columns: pd.Index) -> pd.DataFrame:
        """Build a frame that uses the blocks without a copy."""
        frame: pd.DataFrame = create_dataframe_from_blocks(blocks, index=pd.RangeIndex(rows), columns=columns)
        return frame
