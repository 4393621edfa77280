"""Rows as callers have them (frames, tables, dicts of columns or tensors), and the Arrow batch that both paths take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar, cast

from pyml.inference.describe import Signature

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    Rows = TypeVar("Rows", pd.DataFrame, pa.Table, dict[str, np.ndarray], dict[str, list[object]])


def batch_of(rows: Rows, signature: Signature) -> pa.RecordBatch:
    """Convert rows to one Arrow batch of exactly the model's inputs; nothing is lost (docs/reference/types.md).

    Args:
        rows: a pandas frame or Arrow table of shape (rows, columns); or a dict of columns, or of tensors, as lists or
            arrays whose first dimension is rows.
        signature: the model's declared kind, inputs and outputs.

    Returns:
        Shape (rows, inputs), in the declared Arrow types.

    Raises:
        InputError: the rows do not fit the model's inputs; lists every column that does not.
    """
    import pyarrow as pa

    from pyml.types.conversion.row_source import RowSource
    from pyml.types.declared_rows import conform, one_batch

    # A frame and a dict load pandas here; a table, as the readers of files make it, needs none.
    if isinstance(rows, pa.Table):
        return conform(one_batch(rows), signature.inputs, RowSource.TABLE)

    from pyml.types.conversion.caller_rows import batch_from_frame, batch_from_values
    from pyml.types.tensors import arrays_of, arrow_from_tensors, as_declared_tensors

    if not isinstance(rows, dict):
        return batch_from_frame(rows, signature.inputs)
    if signature.kind == "tensor":
        return arrow_from_tensors(as_declared_tensors(arrays_of(rows), signature.inputs), signature.inputs)
    return batch_from_values(rows, signature.inputs)


def like(rows: Rows, predictions: pa.Table, signature: Signature) -> Rows:
    """Convert predictions to the kind of object in which the rows were given.

    Args:
        rows: the rows as the caller gave them.
        predictions: shape (rows, outputs), in the declared Arrow types.
        signature: the model's declared kind, inputs and outputs.

    Returns:
        A pandas frame, an Arrow table, or a dict of arrays or of lists of plain values, as `rows`.
    """
    import pyarrow as pa

    if isinstance(rows, pa.Table):
        return cast("Rows", predictions)
    if isinstance(rows, dict):
        return cast("Rows", _by_name(predictions, signature, are_lists=_are_lists(rows)))

    from pyml.types.predictions import frame_of

    return frame_of(predictions.to_batches(), signature.outputs)


def _by_name(predictions: pa.Table, signature: Signature, *, are_lists: bool) -> dict[str, object]:
    from pyml.types.declared_rows import one_batch
    from pyml.types.predictions import frame_of
    from pyml.types.tensors import tensors_from_arrow

    if are_lists:
        return {name: predictions[name].to_pylist(maps_as_pydicts="strict") for name in predictions.column_names}
    if signature.kind == "tensor":
        return dict(tensors_from_arrow(one_batch(predictions), signature.outputs))
    frame = frame_of(predictions.to_batches(), signature.outputs)
    return {name: frame[name].to_numpy() for name in signature.outputs.names}


def _are_lists(columns: Mapping[str, object]) -> bool:
    return all(isinstance(column, list | tuple) for column in columns.values())
