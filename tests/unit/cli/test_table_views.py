"""What `pyml dev load` prints of a table."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pyarrow as pa
import pytest

from pyml.types.schema import Schema
from pyml_cli.commands.dev.table_commands import LoadedView
from pyml_sandbox.hive_tables.file_table import FileTable
from pyml_sandbox.hive_tables.load import LoadedTable
from pyml_sandbox.workspace.home import SandboxHome


def text_of(ddl: str, rows: dict[str, list[object]]) -> str:
    schema = Schema(ddl)
    content = FileTable(schema.fields, pa.table(rows, schema.arrow), is_inferred=False)
    return LoadedView(SandboxHome(Path("/h")), "pyml dev load x", LoadedTable("db.t", content, False, False)).text


@pytest.mark.parametrize(
    ("ddl", "rows", "key"),
    [
        ("id BIGINT, x DOUBLE", {"id": [1, 2], "x": [0.5, 0.5]}, "id"),
        ("x DOUBLE, name STRING", {"x": [0.5, 1.5], "name": ["a", "b"]}, "name"),
        ("id BIGINT, code INT", {"id": [1, 1], "code": [1, 2]}, "code"),
        ("id BIGINT, code INT", {"id": [1, None], "code": [3, 2]}, "code"),
        ("x ARRAY<INT>, y DOUBLE", {"x": [[1], [2]], "y": [1.0, 2.0]}, "COLUMN"),
        ('`a "b\\` INT', {'a "b\\': [1]}, 'a "b\\'),
        ("id BIGINT", {"id": []}, "id"),
    ],
)
def test_a_loaded_table_comes_with_the_lines_that_make_it_the_rows_of_the_check(
    ddl: str, rows: dict[str, list[object]], key: str
) -> None:
    head, _, lines = text_of(ddl, rows).partition("To check a model on these rows")
    assert "Next:   pyml dev sql" in head
    settings = tomllib.loads("\n".join(lines.splitlines()[1:]))
    assert settings == {"parity": {"table": "db.t", "key": [key]}}
