"""Rows as callers hold them, and the Arrow batch that both paths take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pyml.errors import InputError, Problem, UsageError
from pyml.inference.describe import Contract
from pyml.types.schema import Schema

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    Rows = TypeVar("Rows", pd.DataFrame, pa.Table, dict[str, np.ndarray])


def batch_of(rows: Rows, contract: Contract) -> pa.RecordBatch:
    """The rows as one batch of exactly the model's inputs.

    Args:
        rows: a pandas frame, an Arrow table, or named tensors.
        contract: what the model declares.

    Raises:
        InputError: they do not fit the model's inputs; lists every column.
    """
    import pandas as pd

    from pyml.types.frame import conform, one_batch
    from pyml.types.predictions import rows_from_frame
    from pyml.types.tensors import arrow_from_tensors, check_inputs

    if isinstance(rows, pd.DataFrame):
        return rows_from_frame(rows, contract.inputs)
    if isinstance(rows, dict):
        _refuse_tensors_for_frames(contract)
        check_inputs(rows, contract.inputs)
        return arrow_from_tensors(rows, contract.inputs)
    return conform(one_batch(rows), contract.inputs)


def like(rows: Rows, predictions: pa.Table, outputs: Schema) -> Rows:
    """Predictions in the form in which the rows were given."""
    import pandas as pd

    from pyml.types.frame import one_batch
    from pyml.types.predictions import frame_of
    from pyml.types.tensors import tensors_from_arrow

    if isinstance(rows, pd.DataFrame):
        return frame_of(predictions.to_batches(), outputs)
    if isinstance(rows, dict):
        return tensors_from_arrow(one_batch(predictions), outputs)
    return predictions


def read_rows(file: Path, inputs: Schema) -> pa.Table:
    """Read rows from a CSV, JSON-lines or Parquet file, in the declared types; nothing is guessed from the values.

    Args:
        file: `.csv`, `.json` or `.jsonl` (one object a line), or `.parquet`. Of other columns no notice is taken.
        inputs: the model's inputs.

    Raises:
        UsageError: the file is not there, or is of another kind.
        InputError: a column is missing, or a value is not of its declared type.
    """
    import pyarrow as pa

    if not file.is_file():
        raise UsageError(f"there is no file {file}", "--rows FILE.csv, FILE.jsonl or FILE.parquet")
    read = {".csv": _read_csv, ".json": _read_json, ".jsonl": _read_json, ".parquet": _read_parquet}.get(file.suffix)
    if read is None:
        raise UsageError(f"rows cannot be read from a {file.suffix or 'nameless'} file", "use .csv, .jsonl or .parquet")
    try:
        table = read(file, inputs)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise InputError(f"{file} does not fit the model's inputs", [Problem(str(error))]) from error
    missing = [name for name in inputs.names if name not in table.column_names]
    if missing:
        hint = f"the file has: {', '.join(table.column_names)}"
        raise InputError(
            f"{file} does not fit the model's inputs", [Problem(f"column `{n}` is missing", hint) for n in missing]
        )
    return table.select(list(inputs.names))


def _read_csv(file: Path, inputs: Schema) -> pa.Table:
    import pyarrow.csv as pacsv

    types = {field.name: field.arrow.type for field in inputs.fields}
    return pacsv.read_csv(
        file, convert_options=pacsv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True)
    )


def _read_json(file: Path, inputs: Schema) -> pa.Table:
    import pyarrow.json as pajson

    return pajson.read_json(file, parse_options=pajson.ParseOptions(explicit_schema=inputs.arrow))


def _read_parquet(file: Path, inputs: Schema) -> pa.Table:
    import pyarrow.parquet as pq

    return pq.read_table(file)


def _refuse_tensors_for_frames(contract: Contract) -> None:
    if contract.kind != "tensor":
        raise InputError("the model takes a frame", [Problem("named tensors were given", "give a DataFrame")])
