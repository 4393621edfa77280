"""A file as the rows of a table: every column in the type that is declared for it, else in the one that is inferred."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pyml.error_code import ErrorCode
from pyml.errors import InputError, Problem, SchemaError
from pyml.types.conversion.row_source import RowSource
from pyml.types.field import Field
from pyml.types.schema import Schema
from pyml.types.spark_types import arrow_type
from pyml_sandbox.hive_tables.type_inference import STRING, inferred_types
from pyml_sandbox.predict.file_formats.file_rows import FileColumns, file_kind, read_columns

NULL_SPELLINGS = ("NA", "N/A", "NULL", "null", "None", "-", "?")
"""Texts by which programs write null in CSV; they are null only where the user says so."""

_HINTS = {
    RowSource.CSV: "; or set its type: --columns 'NAME TYPE'; or name the text that means null: --null TEXT",
    RowSource.JSON: "; or set its type: --columns 'NAME TYPE'",
}


@dataclass(frozen=True)
class FileTable:
    """The rows of a file.

    Attributes:
        fields: its columns, in the order of the file.
        rows: shape (rows, columns), in the Arrow types of the fields.
        is_inferred: whether the type of any column was inferred from its values.
        null_spellings: for a column that holds strings only because of texts that often mean null, these texts.
    """

    fields: Sequence[Field]
    rows: pa.Table
    is_inferred: bool
    null_spellings: Mapping[str, Sequence[str]] = field(default_factory=dict)


def read_table(file: Path, declared: Schema | None = None, nulls: Sequence[str] = ()) -> FileTable:
    """Read a file as a table.

    A column whose values the inferred type does not hold exactly, such as numbers of 20 digits in a DOUBLE, becomes
    STRING, if the file has them as text.

    Args:
        file: CSV, JSON Lines or Parquet.
        declared: columns whose type is given; the types of all others are inferred.
        nulls: texts that mean null in CSV, beside nothing between two commas.

    Raises:
        UsageError: the file does not exist, or has a different suffix.
        InputError: the file cannot be read, has not every declared column, or a value does not fit its type; names
            column and row.
    """
    types = inferred_types(file, nulls)
    given = _given(file, types, declared)
    fields = {name: given.get(name) or Field(name, spark_type) for name, spark_type in types.items()}
    _refuse_unsupported(file, fields.values())
    kind = file_kind(file)
    inferred = [] if kind is RowSource.PARQUET else [name for name in fields if name not in given]
    found = read_columns(file, list(fields.values()), nulls, complete_structs=True)
    misfits = [name for name in inferred if name in found.problems]
    if misfits:
        found = _misfits_as_strings(found, read_columns(file, [Field(name, STRING) for name in misfits], nulls))
    _refuse_problems(file, found.problems.values(), kind)
    fields |= {name: Field(name, STRING) for name in misfits}
    rows = pa.table([found.columns[name] for name in fields], schema=pa.schema([f.arrow for f in fields.values()]))
    strings = [name for name in inferred if fields[name].ddl_type == STRING]
    return FileTable(list(fields.values()), rows, bool(inferred), _null_spellings(file, kind, rows, strings, nulls))


def _refuse_problems(file: Path, problems: Iterable[Problem], kind: RowSource) -> None:
    if found := [_with_types(problem, kind) for problem in problems]:
        raise InputError(f"{file} cannot become a table (rows are counted from 0)", found)


def _given(file: Path, types: Mapping[str, str], declared: Schema | None) -> Mapping[str, Field]:
    """The declared fields by the name that the file has for them; Hive ignores case."""
    in_file = {name.lower(): name for name in types}
    fields = () if declared is None else declared.fields
    unknown = [
        Problem(f"column `{each.name}` is missing", f"the file has: {', '.join(types)}", ErrorCode.COLUMN_MISSING)
        for each in fields
        if each.name.lower() not in in_file
    ]
    if unknown:
        raise InputError(f"{file} has not every column that is given", unknown)
    return {in_file[each.name.lower()]: replace(each, name=in_file[each.name.lower()]) for each in fields}


def _refuse_unsupported(file: Path, fields: Iterable[Field]) -> None:
    problems = []
    for each in fields:
        try:
            arrow_type(each.ddl_type)
        except SchemaError:
            message = f"column `{each.name}` has the type {each.ddl_type}, which Spark does not have"
            problems.append(Problem(message, "write it as a different type, such as string", ErrorCode.COLUMN_TYPE))
    if problems:
        raise InputError(f"{file} cannot become a table", problems)


def _misfits_as_strings(found: FileColumns, strings: FileColumns) -> FileColumns:
    """The columns of a file, with strings in place of those that do not fit; a problem that stays is the first one."""
    problems = {name: each for name, each in found.problems.items() if name not in strings.columns}
    return FileColumns(found.names, {**found.columns, **strings.columns}, problems)


def _with_types(problem: Problem, kind: RowSource) -> Problem:
    how = _HINTS.get(kind, "")
    return Problem(problem.message, problem.hint + how, problem.code)


def _null_spellings(
    file: Path, kind: RowSource, rows: pa.Table, strings: Sequence[str], nulls: Sequence[str]
) -> Mapping[str, Sequence[str]]:
    """The texts of each column of strings without which it would have a different type."""
    if kind is not RowSource.CSV or not strings:
        return {}
    types = inferred_types(file, [*nulls, *NULL_SPELLINGS])
    spellings = pa.array(NULL_SPELLINGS)
    used = {
        name: pc.unique(column.filter(pc.is_in(column, spellings))).to_pylist()
        for name, column in ((name, rows[name]) for name in strings if types[name] != STRING)
    }
    return {name: texts for name, texts in used.items() if texts}
