"""Rows as callers have them (frames, tables, tensors, files), and the Arrow batch that both paths take."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from pyml.errors import InputError, Problem, UsageError
from pyml.inference.describe import Signature
from pyml.types.field import Field
from pyml.types.schema import Schema

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    Rows = TypeVar("Rows", pd.DataFrame, pa.Table, dict[str, np.ndarray], dict[str, list[object]])


def batch_of(rows: Rows, signature: Signature) -> pa.RecordBatch:
    """Convert rows to one Arrow batch of exactly the model's inputs; nothing is lost (docs/types.md).

    Args:
        rows: a pandas frame or Arrow table of shape (rows, columns); or a dict of columns, or of tensors, as lists or
            arrays whose first dimension is rows.
        signature: the model's declared kind, inputs and outputs.

    Returns:
        Shape (rows, inputs), in the declared Arrow types.

    Raises:
        InputError: the rows do not fit the model's inputs; lists every column that does not.
    """
    import pandas as pd

    from pyml.types.conversion.caller_rows import batch_from_frame, batch_from_values
    from pyml.types.conversion.row_source import RowSource
    from pyml.types.frame import conform, one_batch
    from pyml.types.tensors import arrays_of, arrow_from_tensors, as_declared_tensors

    if isinstance(rows, pd.DataFrame):
        return batch_from_frame(rows, signature.inputs)
    if isinstance(rows, dict) and signature.kind == "tensor":
        return arrow_from_tensors(as_declared_tensors(arrays_of(rows), signature.inputs), signature.inputs)
    if isinstance(rows, dict):
        return batch_from_values(rows, signature.inputs)
    return conform(one_batch(rows), signature.inputs, RowSource.TABLE)


def like(rows: Rows, predictions: pa.Table, signature: Signature) -> Rows:
    """Convert predictions to the kind of object in which the rows were given.

    Args:
        rows: the rows as the caller gave them.
        predictions: shape (rows, outputs), in the declared Arrow types.
        signature: the model's declared kind, inputs and outputs.

    Returns:
        A pandas frame, an Arrow table, or a dict of arrays or of lists of plain values, as `rows`.
    """
    import pandas as pd

    from pyml.types.predictions import frame_of

    if isinstance(rows, pd.DataFrame):
        return frame_of(predictions.to_batches(), signature.outputs)
    if isinstance(rows, dict):
        return cast("Rows", _by_name(predictions, signature, are_lists=_are_lists(rows)))
    return predictions


def _by_name(predictions: pa.Table, signature: Signature, *, are_lists: bool) -> dict[str, object]:
    from pyml.types.frame import one_batch
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


def read_rows(file: Path, inputs: Schema) -> pa.Table:
    """Read rows from a CSV, JSON Lines or Parquet file, in the declared types; no type is inferred from values.

    In CSV nothing between two commas is null, and a quoted empty string is an empty string. In JSON Lines an absent
    key is null if its column is nullable and at least one object has the key.

    Args:
        file: `.csv`, `.json` or `.jsonl` (one object on each line), or `.parquet`, in upper or lower case. Columns that
            are not inputs are ignored.
        inputs: the model's inputs.

    Returns:
        Shape (rows, inputs): the columns of `inputs`, in their order and types.

    Raises:
        UsageError: the file does not exist, or has a different suffix.
        InputError: a column is missing, or a value is not of its declared type.
    """
    import pyarrow as pa

    if not file.is_file():
        raise UsageError(f"there is no file {file}", "--rows FILE.csv, FILE.jsonl or FILE.parquet")
    kind = file.suffix.lower()
    read = {".csv": _read_csv, ".json": _read_json, ".jsonl": _read_json, ".parquet": _read_parquet}.get(kind)
    if read is None:
        raise UsageError(f"{file} is not a CSV, JSON Lines or Parquet file", "use .csv, .jsonl or .parquet")
    try:
        table = read(file, inputs)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise _misfit(file, [Problem(str(error), _HINTS.get(kind, ""))]) from error
    missing = [name for name in inputs.names if name not in table.column_names]
    if missing:
        hint = f"the file has: {', '.join(table.column_names)}"
        raise _misfit(file, [Problem(f"column `{name}` is missing", hint) for name in missing])
    return table.select(list(inputs.names))


_JSON_HINT = "write one object on each line"
_HINTS = {
    ".csv": 'an empty value without quotes is null; with quotes ("") it is an empty string, which is not a number',
    ".json": _JSON_HINT,
    ".jsonl": _JSON_HINT,
}
_BLOCK_BYTES = 2**20, 2**31 - 1


def _misfit(file: Path, problems: Sequence[Problem]) -> InputError:
    return InputError(f"{file} does not fit the model's inputs", problems)


def _block_bytes(file: Path) -> int:
    """The whole file, if Arrow allows it: a row that is larger than a block cannot be read."""
    least, most = _BLOCK_BYTES
    return min(max(least, file.stat().st_size), most)


def _read_csv(file: Path, inputs: Schema) -> pa.Table:
    import pyarrow.csv as pacsv

    return pacsv.read_csv(
        file,
        read_options=pacsv.ReadOptions(block_size=_block_bytes(file)),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            column_types={field.name: field.arrow.type for field in inputs.fields},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _read_json(file: Path, inputs: Schema) -> pa.Table:
    import pyarrow as pa
    import pyarrow.json as pajson

    # Nullable here: forbidden nulls are reported later, as for any rows; absent keys below.
    schema = pa.schema([field.arrow.with_nullable(True) for field in inputs.fields])
    table = pajson.read_json(
        file,
        read_options=pajson.ReadOptions(block_size=_block_bytes(file)),
        parse_options=pajson.ParseOptions(explicit_schema=schema, newlines_in_values=True),
    )
    problems = [problem for field in inputs.fields for problem in _absent(file, field, table)]
    if problems:
        raise _misfit(file, problems)
    return table


def _absent(file: Path, field: Field, table: pa.Table) -> Iterator[Problem]:
    """Absent keys that must be there; Arrow reads them as null."""
    nulls = table[field.name].null_count
    if not nulls or (field.nullable and nulls < table.num_rows):
        return
    objects = list(_objects(file))
    with_key = [field.name in found for _, found in objects]
    if field.nullable and objects and not any(with_key):
        names = dict.fromkeys(name for _, found in objects for name in found)
        yield Problem(f"column `{field.name}` is missing", f"the file has: {', '.join(names)}")
    elif not field.nullable and not all(with_key):
        line, _ = objects[with_key.index(False)]
        yield Problem(
            f"line {line} has no key `{field.name}`, which is NOT NULL", f'write "{field.name}": … on every line'
        )


def _objects(file: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Each object of a file with one object on each line, with its line number; nothing for any other file."""
    with file.open(encoding="utf-8-sig") as lines:
        try:
            found = [(number, json.loads(line)) for number, line in enumerate(lines, 1) if line.strip()]
        except ValueError:
            return
    yield from found


def _read_parquet(file: Path, inputs: Schema) -> pa.Table:
    import pyarrow.parquet as pq

    return pq.read_table(file)
