"""Rows from CSV, JSON Lines and Parquet files, in the declared types: nothing is guessed from the values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import InputError, Problem, UsageError
from pyml.types.conversion.declared_column import UnfitError, fitted, refuse_missing
from pyml.types.conversion.row_source import RowSource, type_hint

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml.types.field import Field
    from pyml.types.schema import Schema

    ColumnFor = Callable[[Field], pa.Array]


def read_rows(file: Path, inputs: Schema) -> pa.Table:
    """Read rows from a CSV, JSON Lines or Parquet file, in the declared types; no type is inferred from values.

    In CSV nothing between two commas is null, and a quoted empty string is an empty string. In JSON Lines an absent
    key is null if its column is nullable and at least one object has the key. A Parquet column of a different type is
    converted if nothing is lost.

    Args:
        file: `.csv`, `.json` or `.jsonl` (one object on each line), or `.parquet`, in upper or lower case. Columns that
            are not inputs are ignored.
        inputs: the model's inputs.

    Returns:
        Shape (rows, inputs): the columns of `inputs`, in their order and types.

    Raises:
        UsageError: the file does not exist, or has a different suffix.
        InputError: the file cannot be read, a column is missing, a value is not of its declared type, or null where the
            column is NOT NULL; names column and row of each.
    """
    import pyarrow as pa

    if not file.is_file():
        raise UsageError(f"there is no file {file}", "--rows FILE.csv, FILE.jsonl or FILE.parquet")
    kind = file.suffix.lower()
    read = {".csv": _read_csv, ".json": _read_json, ".jsonl": _read_json, ".parquet": _read_parquet}.get(kind)
    if read is None:
        raise UsageError(f"{file} is not a CSV, JSON Lines or Parquet file", "use .csv, .jsonl or .parquet")
    try:
        names, column_for, source = read(file, inputs)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read", [Problem(str(error), _HINTS[kind])]) from error

    def one(field: Field) -> pa.Array:
        refuse_missing(names, field, source, listed=dict.fromkeys(names))
        return column_for(field)

    columns, problems = fitted(inputs.fields, one)
    if problems:
        raise InputError(f"{file} does not fit the model's inputs (rows are counted from 0)", problems)
    return pa.Table.from_arrays(columns, schema=inputs.arrow)


_JSON_HINT = "write one object on each line"
_HINTS = {
    ".csv": "write a line of column names, then one line for each row, with as many values",
    ".json": _JSON_HINT,
    ".jsonl": _JSON_HINT,
    ".parquet": "write it with pyarrow, pandas or Spark",
}
_BLOCK_BYTES = 2**20, 2**31 - 1


# --- CSV --------------------------------------------------------------------------------------------------------------


def _read_csv(file: Path, inputs: Schema) -> tuple[Sequence[str], ColumnFor, RowSource]:
    """All values as bytes: what they mean depends on the declared type alone, and a wrong one is told by its row."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    from pyml_sandbox.predict.written_values import column_of_texts

    table = pacsv.read_csv(
        file,
        read_options=pacsv.ReadOptions(block_size=_block_bytes(file), use_threads=False),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(inputs.names, pa.binary()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )

    def column_for(field: Field) -> pa.Array:
        if pa.types.is_nested(field.arrow.type):
            message = f"column `{field.name}` is declared {field.ddl_type}, which CSV does not have"
            raise UnfitError(Problem(message, type_hint(field, RowSource.CSV), ErrorCode.COLUMN_TYPE))
        written = table[field.name].combine_chunks()
        return _made(field, RowSource.CSV, lambda: column_of_texts(_texts(written, field), field.arrow.type))

    return table.column_names, column_for, RowSource.CSV


def _block_bytes(file: Path) -> int:
    """The whole file, if Arrow allows it: a row that is larger than a block cannot be read."""
    least, most = _BLOCK_BYTES
    return min(max(least, file.stat().st_size), most)


def _texts(written: pa.Array, field: Field) -> pa.Array:
    import pyarrow as pa

    from pyml.types.conversion.lossless import checked_cast

    return written if pa.types.is_binary(field.arrow.type) else checked_cast(written, pa.string())


def _made(field: Field, source: RowSource, make: Callable[[], pa.Array]) -> pa.Array:
    from pyml.types.conversion.declared_column import as_declared, unfit_if_lost

    with unfit_if_lost(field, source):
        return as_declared(make(), field, source)


# --- JSON Lines -------------------------------------------------------------------------------------------------------


def _read_json(file: Path, inputs: Schema) -> tuple[Sequence[str], ColumnFor, RowSource]:
    from pyml.types.conversion.plain_values import column_of
    from pyml_sandbox.predict.written_values import json_keys, json_leaves

    objects = _objects(file.read_text(encoding="utf-8-sig"))

    def column_for(field: Field) -> pa.Array:
        if not field.nullable:
            _refuse_absent(objects, field)
        values = [found.get(field.name) for _, found in objects]
        return _made(field, RowSource.JSON, lambda: column_of(values, field.arrow.type, json_leaves, json_keys))

    names = dict.fromkeys(name for _, found in objects for name in found)
    return list(names) if objects else inputs.names, column_for, RowSource.JSON


def _refuse_absent(objects: Sequence[tuple[int, Mapping[str, object]]], field: Field) -> None:
    for line, found in objects:
        if field.name not in found:
            message = f"line {line} has no key `{field.name}`, which is NOT NULL"
            raise UnfitError(Problem(message, f'write "{field.name}": … on every line', ErrorCode.COLUMN_NULL))


def _objects(text: str) -> list[tuple[int, Mapping[str, object]]]:
    """Each object of a file, with the line on which it begins.

    Raises:
        ValueError: the text is something different; the message names the line.
    """
    from pyml_sandbox.predict.written_values import JsonNumber

    decoder = json.JSONDecoder(
        parse_int=JsonNumber, parse_float=JsonNumber, parse_constant=JsonNumber, object_pairs_hook=_with_unique_keys
    )
    objects: list[tuple[int, Mapping[str, object]]] = []
    at, line = 0, 1
    while at < len(text):
        if text[at].isspace():
            line += text[at] == "\n"
            at += 1
            continue
        found, end = _decoded(decoder, text, at, line)
        objects.append((line, found))
        line += text.count("\n", at, end)
        at = end
    return objects


def _decoded(decoder: json.JSONDecoder, text: str, at: int, line: int) -> tuple[Mapping[str, object], int]:
    try:
        found, end = decoder.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except _RepeatedKeyError as error:
        raise ValueError(f"line {line}: the key `{error}` appears more than once") from error
    if not isinstance(found, dict):
        raise ValueError(f"line {line} is not an object")
    return found, end


class _RepeatedKeyError(Exception):
    """An object has a key twice; the message is the key."""


def _with_unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise _RepeatedKeyError(key)
        found[key] = value
    return found


# --- Parquet ----------------------------------------------------------------------------------------------------------


def _read_parquet(file: Path, inputs: Schema) -> tuple[Sequence[str], ColumnFor, RowSource]:
    import pyarrow.parquet as pq

    from pyml.types.conversion.declared_column import as_declared
    from pyml.types.frame import one_batch

    with pq.ParquetFile(file) as parquet:
        names = parquet.schema_arrow.names
        batch = one_batch(parquet.read([name for name in inputs.names if names.count(name) == 1]))

    def column_for(field: Field) -> pa.Array:
        return as_declared(batch.column(field.name), field, RowSource.PARQUET)

    return names, column_for, RowSource.PARQUET
