"""Rows as callers hold them, and the Arrow batch that both paths take."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pyml.errors import InputError, Problem, UsageError
from pyml.inference.describe import Signature
from pyml.types.schema import Field, Schema

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    Rows = TypeVar("Rows", pd.DataFrame, pa.Table, dict[str, np.ndarray])


def batch_of(rows: Rows, signature: Signature) -> pa.RecordBatch:
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
        return rows_from_frame(rows, signature.inputs)
    if isinstance(rows, dict):
        _refuse_tensors_for_frames(signature)
        check_inputs(rows, signature.inputs)
        return arrow_from_tensors(rows, signature.inputs)
    return conform(one_batch(rows), signature.inputs)


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

    In CSV nothing between two commas is null, and a quoted empty string is an empty string. In JSON lines a key that an
    object lacks is null, where its column is nullable and some object has it.

    Args:
        file: `.csv`, `.json` or `.jsonl` (one object a line), or `.parquet`, in any case. Of other columns no notice is
            taken.
        inputs: the model's inputs.

    Returns:
        The columns of `inputs` in their order.

    Raises:
        UsageError: the file is not there, or is of another kind.
        InputError: a column is missing, or a value is not of its declared type.
    """
    import pyarrow as pa

    if not file.is_file():
        raise UsageError(f"there is no file {file}", "--rows FILE.csv, FILE.jsonl or FILE.parquet")
    kind = file.suffix.lower()
    read = {".csv": _read_csv, ".json": _read_json, ".jsonl": _read_json, ".parquet": _read_parquet}.get(kind)
    if read is None:
        raise UsageError(f"rows cannot be read from a {kind or 'nameless'} file", "use .csv, .jsonl or .parquet")
    try:
        table = read(file, inputs)
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise _misfit(file, [Problem(str(error), _HINTS.get(kind, ""))]) from error
    missing = [name for name in inputs.names if name not in table.column_names]
    if missing:
        hint = f"the file has: {', '.join(table.column_names)}"
        raise _misfit(file, [Problem(f"column `{name}` is missing", hint) for name in missing])
    return table.select(list(inputs.names))


_JSON_HINT = "write one object a line"
_HINTS = {
    ".csv": 'an empty value without quotes is null; with quotes ("") it is an empty string, which no number is',
    ".json": _JSON_HINT,
    ".jsonl": _JSON_HINT,
}
_BLOCK_BYTES = 2**20, 2**31 - 1


def _misfit(file: Path, problems: Sequence[Problem]) -> InputError:
    return InputError(f"{file} does not fit the model's inputs", problems)


def _block_bytes(file: Path) -> int:
    """The whole file, where that is allowed: a row that is larger than a block cannot be read."""
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

    # Nullable here: what is null where it must not be is told as it is for any rows, what is absent below.
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
    """Where a key is absent that must not be: null stands for it in what Arrow has read."""
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
            f"line {line} has no key `{field.name}`, which is NOT NULL", f'write "{field.name}": … in each line'
        )


def _objects(file: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Each object of a file that has one a line, and its line; none of a file that is written otherwise."""
    with file.open(encoding="utf-8-sig") as lines:
        try:
            found = [(number, json.loads(line)) for number, line in enumerate(lines, 1) if line.strip()]
        except ValueError:
            return
    yield from found


def _read_parquet(file: Path, inputs: Schema) -> pa.Table:
    import pyarrow.parquet as pq

    return pq.read_table(file)


def _refuse_tensors_for_frames(signature: Signature) -> None:
    if signature.kind != "tensor":
        raise InputError("the model takes a frame", [Problem("named tensors were given", "give a DataFrame")])
