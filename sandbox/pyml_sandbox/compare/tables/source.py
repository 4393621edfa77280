"""The sources of a side's rows: Parquet files, or an Arrow table in memory."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pyml.errors import UsageError
from pyml_sandbox.compare.sql_text import identifier, text
from pyml_sandbox.compare.tables.column_type import ColumnType, column_type

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Source: TypeAlias = "str | Path | Sequence[str | Path] | pa.Table"
"""A Parquet file, a folder of them, a glob, several of those, or an Arrow table."""

GLOB_CHARACTERS = re.compile(r"([*?\[])")


@dataclass(frozen=True)
class Column:
    """One column of a side.

    Attributes:
        name: its name as stored; names that differ in case only are two columns.
        sql: its quoted name in the side's view.
        type: its type.
    """

    name: str
    sql: str
    type: ColumnType


@dataclass(frozen=True)
class Side:
    """One side of a comparison, opened as a view.

    Attributes:
        label: its name in messages, as `offline`.
        view: the view's name in the database.
        columns: its columns in order.
    """

    label: str
    view: str
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """The column of this name.

        Raises:
            UsageError: the side has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        names = ", ".join(column.name for column in self.columns)
        raise UsageError(f"the {self.label} side has no column `{name}`; it has {names}")


def open_side(connection: duckdb.DuckDBPyConnection, source: Source, label: str, view: str) -> Side:
    """Make a view over a source, and read its columns. Reads no rows.

    Args:
        connection: to the database of the comparison.
        source: files or table.
        label: name of the side in messages.
        view: name of the new view.

    Raises:
        UsageError: a file does not exist, the columns of two files differ, or two columns have the same name.
    """
    names = _create_view(connection, source, label, view)
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise UsageError(f"the {label} side has more than one column `{repeated[0]}`")
    found = connection.sql(f"SELECT * FROM {view}")
    triples = zip(names, found.columns, found.types, strict=True)
    return Side(label, view, tuple(Column(name, identifier(alias), column_type(kind)) for name, alias, kind in triples))


def _create_view(connection: duckdb.DuckDBPyConnection, source: Source, label: str, view: str) -> list[str]:
    import pyarrow as pa

    if isinstance(source, pa.Table):
        connection.register(view, _without_halffloat(source))
        return list(source.schema.names)
    files = parquet_files(source)
    names = _common_names(files, label)
    listed = ", ".join(text(GLOB_CHARACTERS.sub(r"[\1]", str(file))) for file in files)
    connection.execute(f"CREATE TEMP VIEW {view} AS SELECT * FROM read_parquet([{listed}], hive_partitioning = false)")
    return names


def parquet_files(source: str | Path | Sequence[str | Path]) -> list[Path]:
    """The files of a path, a folder, a glob or several of them.

    In a folder, every file counts whose name starts with neither `_` nor `.`, as Hive has it: files from Hive's own
    writer have no `.parquet` at the end.

    Raises:
        UsageError: one of them matches no file.
    """
    several = [source] if isinstance(source, (str, Path)) else source
    return [file for one in several for file in _files(Path(one))]


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if path.is_dir():
        found = (file for file in path.rglob("*") if file.is_file() and not _is_hidden(file.relative_to(path)))
    else:
        parts = path.parts[1:] if path.is_absolute() else path.parts
        found = (file for file in Path(path.anchor).glob(str(Path(*parts))) if file.is_file())
    files = sorted(found)
    if not files:
        raise UsageError(f"no Parquet file at {path}")
    return files


def _is_hidden(relative: Path) -> bool:
    return any(part.startswith(("_", ".")) for part in relative.parts)


def _common_names(files: Sequence[Path], label: str) -> list[str]:
    """The column names that all files share; DuckDB would quietly cast files to the types of the first."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schemas = [pq.read_schema(file) for file in files]
    except pa.ArrowInvalid as error:
        raise UsageError(f"the {label} side cannot be read as Parquet: {error}") from error
    for file, schema in zip(files, schemas, strict=True):
        if _columns(schema) != _columns(schemas[0]):
            raise UsageError(
                f"the files of the {label} side have different columns:\n{files[0].name}\n{_indented(schemas[0])}\n"
                f"{file.name}\n{_indented(schema)}"
            )
    return list(schemas[0].names)


def _columns(schema: pa.Schema) -> list[tuple[str, str]]:
    """Names and types; whether a column may hold nulls is no part of the comparison."""
    return [(field.name, str(field.type).replace(" not null", "")) for field in schema]


def _indented(schema: pa.Schema) -> str:
    return "\n".join(f"    {name} {kind}" for name, kind in _columns(schema))


def _without_halffloat(table: pa.Table) -> pa.Table:
    """DuckDB reads FLOAT16 from Parquet as FLOAT and not at all from Arrow: the same widening, which loses nothing."""
    import pyarrow as pa

    types = [pa.float32() if field.type == pa.float16() else field.type for field in table.schema]
    return table.cast(pa.schema(list(zip(table.schema.names, types, strict=True))))
