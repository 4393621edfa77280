"""Rows from CSV, JSON Lines and Parquet files, in the declared types: nothing is guessed from the values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import InputError, Problem, UsageError
from pyml.types.conversion.declared_column import UnfitError, refuse_missing
from pyml.types.conversion.row_source import RowSource, type_hint
from pyml_sandbox.predict.file_formats.text_encoding import refuse_other_encoding

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
        file: `.csv`, `.json`, `.jsonl` or `.ndjson` (one object on each line, or one array of objects), or `.parquet`,
            in upper or lower case. Columns that are not inputs are ignored.
        inputs: the model's inputs.

    Returns:
        Shape (rows, inputs): the columns of `inputs`, in their order and types.

    Raises:
        UsageError: the file does not exist, or has a different suffix.
        InputError: the file cannot be read, a column is missing, a value is not of its declared type, or null where the
            column is NOT NULL; names column and row of each.
    """
    import pyarrow as pa

    found = read_columns(file, inputs.fields)
    if found.problems:
        problems = list(found.problems.values())
        raise InputError(f"{file} does not fit the model's inputs (rows are counted from 0)", problems)
    return pa.Table.from_arrays(list(found.columns.values()), schema=inputs.arrow)


@dataclass(frozen=True)
class FileColumns:
    """What a file has of the declared columns.

    Attributes:
        names: of all columns of the file, a repeated one each time.
        columns: those that fit, in their declared types, by name.
        problems: why a column does not fit, by its name.
    """

    names: Sequence[str]
    columns: Mapping[str, pa.Array]
    problems: Mapping[str, Problem]


def read_columns(
    file: Path, fields: Sequence[Field], nulls: Sequence[str] = (), *, complete_structs: bool = False
) -> FileColumns:
    """Read columns from a CSV, JSON Lines or Parquet file as :func:`read_rows` does, and report each that does not fit.

    Args:
        file: as for :func:`read_rows`.
        fields: the declared columns; all others are ignored.
        nulls: texts that mean null in CSV, beside nothing between two commas.
        complete_structs: whether a key that is absent in a struct of JSON is null; otherwise the struct does not fit.

    Raises:
        UsageError: the file does not exist, or has a different suffix.
        InputError: the file cannot be read.
    """
    import pyarrow as pa

    try:
        match file_kind(file):
            case RowSource.CSV:
                found = _read_csv(file, fields, nulls)
            case RowSource.JSON:
                found = _read_json(file, fields, complete_structs=complete_structs)
            case _:
                found = _read_parquet(file, fields)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, ValueError) as error:
        if file_kind(file) is not RowSource.PARQUET:
            refuse_other_encoding(file)
        raise InputError(f"{file} cannot be read", [Problem(str(error), _HINTS[file_kind(file)])]) from error
    names, column_for, source = found
    columns: dict[str, pa.Array] = {}
    problems: dict[str, Problem] = {}
    for field in fields:
        try:
            refuse_missing(names, field, source, listed=dict.fromkeys(names))
            columns[field.name] = column_for(field)
        except UnfitError as unfit:
            problems[field.name] = unfit.problem
    return FileColumns(names, columns, problems)


def file_kind(file: Path) -> RowSource:
    """What a file holds by its suffix: CSV, JSON Lines or Parquet.

    Raises:
        UsageError: the file does not exist, or has a different suffix.
    """
    if not file.is_file():
        raise UsageError(f"there is no file {file}", _KINDS_HINT)
    kind = _KINDS.get(file.suffix.lower())
    if kind is None:
        raise UsageError(f"{file} is not a CSV, JSON Lines or Parquet file", _KINDS_HINT)
    return kind


_KINDS = {
    ".csv": RowSource.CSV,
    ".json": RowSource.JSON,
    ".jsonl": RowSource.JSON,
    ".ndjson": RowSource.JSON,
    ".parquet": RowSource.PARQUET,
}
_KINDS_HINT = "give a file that ends in .csv, .json, .jsonl, .ndjson or .parquet"
_HINTS = {
    RowSource.CSV: "write a line of column names, then one line for each row, with as many values",
    RowSource.JSON: "write one object on each line, or one array of objects",
    RowSource.PARQUET: "write it with pyarrow, pandas or Spark",
}
_BLOCK_BYTES = 2**20, 2**31 - 1


# --- CSV --------------------------------------------------------------------------------------------------------------


def _read_csv(file: Path, fields: Sequence[Field], nulls: Sequence[str]) -> tuple[Sequence[str], ColumnFor, RowSource]:
    """All values as bytes: what they mean depends on the declared type alone, and a wrong one is told by its row."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    from pyml_sandbox.predict.file_formats.written_values import column_of_texts

    table = pacsv.read_csv(
        file,
        read_options=pacsv.ReadOptions(block_size=_block_bytes(file), use_threads=False),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys([field.name for field in fields], pa.binary()),
            null_values=["", *nulls],
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

_OBJECTS_AT_A_TIME = 20_000
"""Objects take many times the memory of their column."""


def _read_json(
    file: Path, fields: Sequence[Field], *, complete_structs: bool
) -> tuple[Sequence[str], ColumnFor, RowSource]:
    import pyarrow as pa

    from pyml_sandbox.predict.file_formats.json_objects import json_objects

    names: dict[str, None] = {}
    parts: dict[str, list[pa.Array]] = {field.name: [] for field in fields}
    unfit: dict[str, UnfitError] = {}
    objects, first_row = json_objects(file.read_text(encoding="utf-8-sig")), 0
    while some := list(islice(objects, _OBJECTS_AT_A_TIME)):
        for _, found in some:
            names.update(dict.fromkeys(found))
        for field in fields:
            if field.name not in unfit:
                try:
                    parts[field.name].append(_json_column(some, field, first_row, complete_structs=complete_structs))
                except UnfitError as error:
                    unfit[field.name] = error
        first_row += len(some)

    def column_for(field: Field) -> pa.Array:
        if field.name in unfit:
            raise unfit[field.name]
        none = pa.nulls(0, field.arrow.type)
        return _made(field, RowSource.JSON, lambda: pa.concat_arrays([none, *parts[field.name]]))

    return list(names) if first_row else [field.name for field in fields], column_for, RowSource.JSON


def is_array(file: Path) -> bool:
    """Whether a JSON file is one array, rather than one object after another."""
    with file.open(encoding="utf-8-sig") as text:
        return next((line.lstrip()[0] for line in text if line.strip()), "") == "["


def _json_column(
    objects: Sequence[tuple[str, Mapping[str, object]]], field: Field, first_row: int, *, complete_structs: bool
) -> pa.Array:
    from pyml.types.conversion.declared_column import unfit_if_lost
    from pyml.types.conversion.plain_values import column_of, in_these_rows
    from pyml_sandbox.predict.file_formats.written_values import json_keys, json_leaves

    if not field.nullable:
        _refuse_absent(objects, field)
    declared = field.arrow.type
    values = [found.get(field.name) for _, found in objects]
    if complete_structs:
        values = [_completed(value, declared) for value in values]
    rows = range(first_row, first_row + len(objects))
    with unfit_if_lost(field, RowSource.JSON), in_these_rows(rows):
        return column_of(values, declared, json_leaves, json_keys)


def _completed(value: object, declared: pa.DataType) -> object:
    """The value, with null for each key that its structs lack."""
    import pyarrow as pa

    if pa.types.is_struct(declared) and isinstance(value, dict):
        absent = {member.name: None for member in declared if member.name not in value}
        types = {member.name: member.type for member in declared}
        return absent | {key: _completed(inner, types[key]) if key in types else inner for key, inner in value.items()}
    if pa.types.is_list(declared) and isinstance(value, list):
        return [_completed(inner, declared.value_type) for inner in value]
    if pa.types.is_map(declared) and isinstance(value, dict):
        return {key: _completed(inner, declared.item_type) for key, inner in value.items()}
    return value


def _refuse_absent(objects: Sequence[tuple[str, Mapping[str, object]]], field: Field) -> None:
    for place, found in objects:
        if field.name not in found:
            message = f"{place} has no key `{field.name}`, which is NOT NULL"
            raise UnfitError(Problem(message, f'write "{field.name}": … in every object', ErrorCode.COLUMN_NULL))


# --- Parquet ----------------------------------------------------------------------------------------------------------


def _read_parquet(file: Path, fields: Sequence[Field]) -> tuple[Sequence[str], ColumnFor, RowSource]:
    import pyarrow.parquet as pq

    from pyml.types.conversion.declared_column import as_declared
    from pyml.types.declared_rows import one_batch

    with pq.ParquetFile(file) as parquet:
        names = parquet.schema_arrow.names
        batch = one_batch(parquet.read([field.name for field in fields if names.count(field.name) == 1]))

    def column_for(field: Field) -> pa.Array:
        return as_declared(batch.column(field.name), field, RowSource.PARQUET)

    return names, column_for, RowSource.PARQUET
