"""The Hive tables, one of them with its first rows, and a statement at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aiohttp import web

from pyml.command_line import command
from pyml.errors import UsageError
from pyml.types.spark_types import quoted
from pyml_cli.console.background.answers import answered
from pyml_cli.console.background.shared_facts import Facts
from pyml_cli.console.page import Asked, Page

if TYPE_CHECKING:
    from pyml_cli.console.workbench import Workbench
    from pyml_sandbox.workspace.home import SandboxHome

TABLES_FRESH_S = 5.0
FIRST_ROWS = 50


def tables(asked: Asked) -> Facts:
    """The names of all tables."""
    from pyml_sandbox.hive_tables.listing import list_tables

    home = asked.bench.home
    answer = asked.bench.answers.ask(
        "tables", lambda: list(list_tables(home)), TABLES_FRESH_S, is_awaited=asked.is_whole
    )
    return {
        "tables": answer.value,
        "error": answer.error,
        "is_pending": answer.is_pending,
        "sql": asked.query.get("sql", ""),
    }


def table(asked: Asked) -> Facts:
    """The columns, size and first rows of a table."""
    home, name = asked.bench.home, asked.path["table"]
    key = ("table", name)
    answer = asked.bench.answers.ask(key, lambda: _details(home, name), TABLES_FRESH_S, is_awaited=asked.is_whole)
    return {"table": name, "details": answer.value, "error": answer.error, "is_pending": answer.is_pending}


def statement(asked: Asked) -> Facts:
    """What a statement gave.

    Raises:
        UsageError: this console has run no such statement.
    """
    found = asked.bench.results.get(asked.path["statement"])
    if found is None or "sql" not in found:
        raise UsageError("This console has run no such statement.", "open Tables, and run it again")
    return found


def _details(home: SandboxHome, name: str) -> Mapping[str, object]:
    from pyml_sandbox.hive_tables.listing import describe_table

    details = describe_table(home, name)
    database, _, short = details.table.partition(".")
    columns, rows = _rows(home, f"SELECT * FROM {quoted(database)}.{quoted(short)}", FIRST_ROWS)
    return {
        "rows": details.rows,
        "size_bytes": details.size_bytes,
        "fields": [{"name": field.name, "type": field.ddl_type} for field in details.fields],
        "columns": columns,
        "first": rows,
    }


def _rows(home: SandboxHome, sql: str, limit: int) -> tuple[list[str], list[list[object]]]:
    """The columns and rows of a statement, as `pyml dev sql` shows them."""
    from pyml_cli.plain import plain_rows, unique_names
    from pyml_sandbox.hive_tables.query_rows import rows_of_query
    from pyml_sandbox.predict.spark_session import session

    with session(home) as spark:
        found = rows_of_query(spark, sql, limit)
    return unique_names(found.column_names), [list(row) for row in plain_rows(found)]


def add_actions(app: web.Application, bench: Workbench) -> None:
    """Run a statement, and show what it gave at an address of its own."""

    async def run(request: web.Request) -> web.StreamResponse:
        sql = str((await request.post()).get("sql", "")).strip()
        answer = await asyncio.to_thread(answered, lambda: _rows(bench.home, sql, FIRST_ROWS))
        columns, rows = answer.value or ([], [])
        typed = command("pyml dev sql", sql, limit=str(FIRST_ROWS))
        facts = {
            "sql": sql,
            "columns": columns,
            "rows": rows,
            "error": answer.error,
            "command": typed,
            "limit": FIRST_ROWS,
        }
        bench.answers.drop("tables")
        raise web.HTTPSeeOther(f"/tables/statements/{bench.keep(facts)}")

    app.router.add_post("/tables/statements", run)


PAGES = (
    Page("/tables", "tables.jinja", tables),
    Page("/tables/statements/{statement}", "statement.jinja", statement),
    Page("/tables/{table}", "table.jinja", table),
)
