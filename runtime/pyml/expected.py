"""What a notebook predicted: the file that the parity check compares with both paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pyml.errors import InputError, OutputError, UsageError
from pyml.types.schema import Schema

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    from pyml.types.conversion.row_source import RowSource
    from pyml.types.field import Field

T = TypeVar("T")
SUMMARY = "the predictions do not fit the model's outputs"


def save_expected(
    file: str | Path,
    keys: pd.DataFrame,
    predictions: pd.DataFrame | Mapping[str, np.ndarray | Sequence[object]],
    outputs: Schema,
) -> None:
    """Write what a notebook predicted, so that `pyml parity-check` compares both paths with it::

        pyml.save_expected("expected.parquet", trips[["trip_id"]], predicted, Fare.outputs)

    `pyml.toml` names the file: `expected = "expected.parquet"` in table `[parity]`. NaN stays NaN and null stays null,
    which `DataFrame.to_parquet` does not promise.

    Args:
        file: Parquet file to write, beside `pyml.toml`; one that exists is replaced.
        keys: shape (rows, key columns): the columns of `[parity] key`, any dtype; its index is ignored.
        predictions: shape (rows, outputs), a frame, or for each output an array whose first dimension is rows; matched
            with `keys` by position. Dtypes may differ from the declared ones where nothing is lost, such as int64 for
            INT; float64 is rounded for a FLOAT.
        outputs: the model's declared outputs.

    Raises:
        OutputError: an output is missing or not declared, or its values do not fit; lists every one.
        UsageError: the numbers of rows differ, a key is null or repeated, a key column has the name of an output, or
            the file has a different suffix or cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(file)
    if path.suffix.lower() != ".parquet":
        raise UsageError(f"expected a Parquet file, found {path.name}", "save_expected('expected.parquet', …)")
    batch = _declared(predictions, outputs)
    _refuse_bad_keys(keys, outputs, batch.num_rows)
    keyed = pa.Table.from_pandas(keys, preserve_index=False).replace_schema_metadata(None)
    for name in outputs.names:
        keyed = keyed.append_column(batch.schema.field(name).with_nullable(True), batch.column(name))
    try:
        pq.write_table(keyed, path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}", "choose another file") from error


def fitting(column: pa.Array, field: Field, source: RowSource) -> pa.Array:
    """Convert a column that a notebook predicted to the type of a declared output; nulls are kept, also for NOT NULL.

    Nothing is lost, with one exception: float64 is rounded for a FLOAT, since a notebook computes in float64 and a
    difference of one rounding is within the tolerance of a FLOAT.

    Args:
        column: predicted values, of any type.
        field: the declared output.
        source: where the values come from, for the hint.

    Raises:
        UnfitError: the types do not allow a conversion, or a value would change.
    """
    from pyml.types.conversion.declared_column import as_declared

    return as_declared(_rounded(column, field.arrow.type), replace(field, nullable=True), source)


def _rounded(column: pa.Array, declared: pa.DataType) -> pa.Array:
    """Floats in the width of a declared FLOAT, also in lists; a column of any other type as it is."""
    import pyarrow as pa

    inner, found = declared, column.type
    while pa.types.is_list(inner) and pa.types.is_list(found):
        inner, found = inner.value_type, found.value_type
    is_wider = pa.types.is_float32(inner) and pa.types.is_float64(found)
    return column.cast(declared) if is_wider else column


def _declared(
    predictions: pd.DataFrame | Mapping[str, np.ndarray | Sequence[object]], outputs: Schema
) -> pa.RecordBatch:
    import pandas as pd

    from pyml.types.conversion.caller_rows import batch_from_frame, batch_from_values
    from pyml.types.tensors import arrays_of, arrow_from_tensors, as_declared_tensors

    singles = [field.name for field in outputs.fields if field.ddl_type.replace("ARRAY<", "").rstrip(">") == "FLOAT"]
    try:
        if isinstance(predictions, pd.DataFrame):
            wide = [name for name in singles if name in predictions and predictions[name].dtype == "float64"]
            return batch_from_frame(predictions.astype(dict.fromkeys(wide, "float32")), outputs)
        if outputs.is_tensor:
            tensors = _narrowed(arrays_of(predictions), singles)
            return arrow_from_tensors(as_declared_tensors(tensors, outputs), outputs)
        return batch_from_values(_narrowed(predictions, singles), outputs)
    except InputError as error:
        raise OutputError(SUMMARY, error.problems) from error


def _narrowed(columns: Mapping[str, T], singles: Sequence[str]) -> dict[str, T | np.ndarray]:
    """The columns, with arrays of float64 rounded to float32 where a FLOAT is declared."""
    import numpy as np

    return {
        name: column.astype(np.float32)
        if name in singles and isinstance(column, np.ndarray) and column.dtype == np.float64
        else column
        for name, column in columns.items()
    }


def _refuse_bad_keys(keys: pd.DataFrame, outputs: Schema, rows: int) -> None:
    names = [str(name) for name in keys.columns]
    if len(keys) != rows:
        raise UsageError(f"there are {len(keys)} keys for {rows} predictions", "give one key for each prediction")
    if not names:
        raise UsageError("the keys have no columns", "give the columns of `key` in table [parity]: frame[['trip_id']]")
    if shared := [name for name in names if name in outputs.names]:
        raise UsageError(f"`{shared[0]}` is a key column and an output", "rename the key column")
    if nulls := int(keys.isna().any(axis=1).sum()):
        raise UsageError(f"the key is null in {nulls} of {rows} rows", "leave these rows out")
    if repeated := int(keys.duplicated().sum()):
        raise UsageError(f"{repeated} of {rows} keys are repeated", "give columns that identify a row")
