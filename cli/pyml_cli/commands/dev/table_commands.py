"""`pyml dev load` and `pyml dev tables`: files into Hive tables, and the tables that there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyml_cli.options import Sandbox
from pyml_cli.output import AsJson, choose_output, progress

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml.types.field import Field
    from pyml_sandbox.hive_tables.listing import TableDetails
    from pyml_sandbox.hive_tables.load import LoadedTable
    from pyml_sandbox.workspace.events import JSON
    from pyml_sandbox.workspace.home import SandboxHome


def load(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv, .jsonl or .parquet file.")],
    table: Annotated[str, typer.Option(metavar="DATABASE.TABLE", help="Hive table to create.")],
    columns: Annotated[
        str,
        typer.Option(metavar="DDL", help="Types of columns, such as 'id BIGINT, name STRING'; others are inferred."),
    ] = "",
    null: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Text that means null in a CSV file, such as NA; may be repeated."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the table if it exists.")] = False,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Load a CSV, JSON Lines or Parquet file into a Hive table, and show the type of each column."""
    from pyml.command_line import command, quoted_word
    from pyml.types.schema import Schema
    from pyml_sandbox.hive_tables.load import load_file
    from pyml_sandbox.workspace.home import SandboxHome

    home = SandboxHome.find(sandbox)
    declared = Schema(columns) if columns else None
    with progress() as on_event:
        loaded = load_file(home, file, table, declared, null or (), replace=replace, on_event=on_event)
    again = command("pyml dev load", str(file), table=loaded.table, columns=columns, sandbox=sandbox or "")
    given = "".join(f" --null {quoted_word(text)}" for text in null or ())
    choose_output(json).result(LoadedView(home, f"{again}{given} --replace", loaded))


def tables(
    table: Annotated[
        str | None,
        typer.Argument(
            metavar="DATABASE.TABLE", help="Show columns, rows and size of this table (default: list all tables)."
        ),
    ] = None,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """List the Hive tables of the sandbox, or show the columns of one."""
    from pyml_sandbox.hive_tables.listing import describe_table, list_tables
    from pyml_sandbox.workspace.home import SandboxHome

    output, home = choose_output(json), SandboxHome.find(sandbox)
    output.result(
        TablesView(home, list_tables(home)) if table is None else TableView(home, describe_table(home, table))
    )


@dataclass(frozen=True)
class LoadedView:
    """A table that was loaded from a file.

    Attributes:
        home: the sandbox.
        again: the command that loads the file once more.
        loaded: the table.
    """

    home: SandboxHome
    again: str
    loaded: LoadedTable

    @property
    def json(self) -> Mapping[str, JSON]:
        """Table, rows, columns with types, and what was made or replaced."""
        content = self.loaded.content
        return {
            "table": self.loaded.table,
            "rows": content.rows.num_rows,
            "columns": columns_json(content.fields),
            "inferred": content.is_inferred,
            "replaced": self.loaded.has_replaced,
            "created_database": self.loaded.has_new_database,
            "null_spellings": {name: list(texts) for name, texts in content.null_spellings.items()},
        }

    @property
    def text(self) -> str:
        """The columns with their types, how to change them, and the next command."""
        content = self.loaded.content
        database = self.loaded.table.partition(".")[0]
        new = f", in the new database {database}" if self.loaded.has_new_database else ""
        old = ", which replaced the old table" if self.loaded.has_replaced else ""
        head = f"{self.loaded.table} has {content.rows.num_rows:,} rows of {_columns(len(content.fields))}{new}{old}"
        notes = {
            name: "has " + ", ".join(f'"{text}"' for text in texts) for name, texts in content.null_spellings.items()
        }
        return "\n".join(
            [
                head,
                *column_lines(content.fields, notes),
                *self._hints(),
                *_next(self.home, self.loaded.table),
                *_as_parity_rows(self.loaded),
            ]
        )

    def _hints(self) -> list[str]:
        from pyml.command_line import quoted_word

        content = self.loaded.content
        texts = dict.fromkeys(text for texts in content.null_spellings.values() for text in texts)
        if texts:
            options = "".join(f" --null {quoted_word(text)}" for text in texts)
            return [f"If {' and '.join(texts)} means null:   {self.again}{options}"]
        if content.is_inferred:
            return [f"Types are inferred from all values. To set one:   {self.again} --columns 'NAME TYPE'"]
        return []


@dataclass(frozen=True)
class TablesView:
    """The tables of a sandbox."""

    home: SandboxHome
    tables: Sequence[str]

    @property
    def json(self) -> Mapping[str, JSON]:
        """Database and name of each table."""
        pairs = [name.partition(".") for name in self.tables]
        return {"tables": [{"database": database, "table": table} for database, _, table in pairs]}

    @property
    def text(self) -> str:
        """One table on each line, and the next command."""
        from pyml_sandbox.workspace.state import name_option

        option = name_option(self.home)
        if not self.tables:
            return f"There are no tables.\nNext:   pyml dev load FILE --table DATABASE.TABLE{option}"
        return "\n".join([*self.tables, f"Next:   pyml dev tables {self.tables[0]}{option}   shows its columns"])


@dataclass(frozen=True)
class TableView:
    """One table."""

    home: SandboxHome
    details: TableDetails

    @property
    def json(self) -> Mapping[str, JSON]:
        """Table, rows, bytes, and columns with types."""
        details = self.details
        return {
            "table": details.table,
            "rows": details.rows,
            "size_bytes": details.size_bytes,
            "columns": columns_json(details.fields),
        }

    @property
    def text(self) -> str:
        """Rows and size, the columns with their types, and the next command."""
        from rich.filesize import decimal

        details = self.details
        head = f"{details.table}: {details.rows:,} rows, {decimal(details.size_bytes)}"
        return "\n".join([head, *column_lines(details.fields), *_next(self.home, details.table)])


def _columns(number: int) -> str:
    return "1 column" if number == 1 else f"{number} columns"


def columns_json(fields: Sequence[Field]) -> JSON:
    """Name and type of each column."""
    return [{"name": field.name, "type": field.ddl_type} for field in fields]


def column_lines(fields: Sequence[Field], notes: Mapping[str, str] | None = None) -> list[str]:
    """One line for each column: its name, its type, and what there is to note about it."""
    width = max((len(field.name) for field in fields), default=0)
    notes = notes or {}
    return [f"  {field.name:<{width}}  {field.ddl_type:<10}  {notes.get(field.name, '')}".rstrip() for field in fields]


def _next(home: SandboxHome, table: str) -> list[str]:
    from pyml.command_line import command
    from pyml_sandbox.workspace.state import name_option

    return [f"Next:   {command('pyml dev sql', f'SELECT * FROM {table} LIMIT 5')}{name_option(home)}"]


def _as_parity_rows(loaded: LoadedTable) -> list[str]:
    """The lines of `pyml.toml` that make the table the rows of the parity check."""
    return [
        "To check a model on these rows, write into its pyml.toml, in place of sql:",
        "   [parity]",
        f'   table = "{loaded.table}"',
        f"   key = [{_toml_string(_key_of(loaded.content.rows))}]   # the columns that identify a row",
    ]


def _key_of(rows: pa.Table) -> str:
    """The first column that can be a key: whole numbers or strings without null and repetition."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for name, column in zip(rows.column_names, rows.columns, strict=True):
        is_plain = pa.types.is_integer(column.type) or pa.types.is_string(column.type)
        if is_plain and not column.null_count and pc.count_distinct(column).as_py() == len(column):
            return str(name)
    return "COLUMN"


def _toml_string(text: str) -> str:
    """A basic string of TOML, whose escape sequences are those of JSON."""
    from json import dumps

    return dumps(text)
