"""The types of a file's columns: inferred by DuckDB from all values of CSV and JSON Lines, as stored in Parquet."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from pyml.error_code import ErrorCode
from pyml.errors import InputError, Problem
from pyml.types.conversion.row_source import RowSource
from pyml_sandbox.hive_tables.column_types import spark_type
from pyml_sandbox.predict.file_formats.file_rows import file_kind, is_array, read_columns
from pyml_sandbox.predict.file_formats.text_encoding import refuse_other_encoding

STRING = "STRING"
_LONGEST_OBJECT_BYTES = 2**30


def inferred_types(file: Path, nulls: Sequence[str] = ()) -> Mapping[str, str]:
    """The Spark type of each column of a file, in its order. Reads all of a CSV or JSON Lines file.

    Args:
        file: CSV, JSON Lines or Parquet.
        nulls: texts that mean null in CSV, beside nothing between two commas.

    Returns:
        Spark types by column name: STRING where a column has no value, or no other type fits all of them. For a column
        of Parquet the name of its Arrow type where Spark has no type for it.

    Raises:
        InputError: the file cannot be read, or a column has no name, or the name of another.
    """
    kind = file_kind(file)
    if kind is RowSource.PARQUET:
        schema = _parquet_schema(file)
        return _typed(file, schema.names, [spark_type(each) for each in schema.types])
    refuse_other_encoding(file)
    if kind is RowSource.CSV:
        names = _csv_names(file)
        found = _csv_types(file, nulls)
        return _typed(file, names, found if len(found) == len(names) else [STRING] * len(names))
    schema = _json_schema(file)
    return _typed(file, schema.names, list(map(_of_text, schema.types)))


def _typed(file: Path, names: Sequence[str], types: Sequence[str]) -> Mapping[str, str]:
    seen: dict[str, str] = {}
    problems = []
    for position, name in enumerate(names, start=1):
        if not name.strip():
            problems.append(Problem(f"column {position} has no name", _UNNAMED_HINT, ErrorCode.COLUMN_MISSING))
        elif name.lower() in seen:
            what = f"columns `{seen[name.lower()]}` and `{name}` have the same name; Hive ignores case"
            problems.append(Problem(what, "rename one of them in the file", ErrorCode.COLUMN_REPEATED))
        seen.setdefault(name.lower(), name)
    if problems:
        raise InputError(f"{file} cannot become a table", problems)
    return dict(zip(names, types, strict=True))


_JSON_HINT = "write the file as Parquet, which has types"
_UNNAMED_HINT = "name it in the file; pandas writes no index with to_csv(…, index=False)"


def _of_text(arrow: pa.DataType) -> str:
    """The Spark type of a type that was inferred from text; a time of day, which Spark lacks, stays a string."""
    return STRING if pa.types.is_time(arrow) else spark_type(arrow)


def _csv_names(file: Path) -> list[str]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        names = next((row for row in csv.reader(lines) if row), [])
    if not names:
        hint = "write a line of column names, then one line for each row"
        raise InputError(f"{file} cannot become a table", [Problem("it has no line of column names", hint)])
    separator = next((each for each in ";\t|" if each in names[0]), None)
    if len(names) == 1 and separator is not None:
        problem = Problem(
            f"its values seem to be separated by {separator!r}, and a CSV file has commas",
            f'in Python: pandas.read_csv("{file.name}", sep={separator!r}).to_parquet("{file.stem}.parquet")',
        )
        raise InputError(f"{file} cannot become a table", [problem])
    return names


def _csv_types(file: Path, nulls: Sequence[str]) -> list[str]:
    """The inferred types; none where DuckDB cannot tell, which is an error only if our own reader cannot read it."""
    import duckdb

    try:
        with duckdb.connect() as connection:
            found = connection.read_csv(
                str(file),
                header=True,
                delimiter=",",
                quotechar='"',
                escapechar='"',
                comment="",
                sample_size=-1,
                na_values=["", *nulls],
            )
            return list(map(_of_text, found.limit(0).to_arrow_table().schema.types))
    except duckdb.Error:
        read_columns(file, ())
        return []


def _json_schema(file: Path) -> pa.Schema:
    import duckdb

    try:
        with duckdb.connect() as connection:
            found = connection.read_json(
                str(file),
                format="array" if is_array(file) else "unstructured",
                records="true",
                sample_size=-1,
                maximum_depth=-1,
                maximum_object_size=_LONGEST_OBJECT_BYTES,
                field_appearance_threshold=0.0,
                map_inference_threshold=-1,
            )
            return found.limit(0).to_arrow_table().schema
    except duckdb.Error as error:
        _typed(file, names := read_columns(file, ()).names, [STRING] * len(names))
        if not names:
            hint = "write at least one object; the columns are its keys"
            raise InputError(f"{file} cannot become a table", [Problem("it has no rows", hint)]) from error
        why = str(error).partition("\n")[0]
        raise InputError(f"{file} has columns whose types cannot be inferred", [Problem(why, _JSON_HINT)]) from error


def _parquet_schema(file: Path) -> pa.Schema:
    import pyarrow.parquet as pq

    try:
        return pq.read_schema(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{file} cannot be read", [Problem(str(error), "write it with pandas or Spark")]) from error
