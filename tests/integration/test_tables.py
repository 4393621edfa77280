"""Files loaded into Hive tables of a real sandbox: what is stored, what is refused, and that a failure loses nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyml.error_code import ErrorCode
from pyml.errors import UsageError
from pyml_cli.commands.dev.sql_command import RowsView
from pyml_cli.main import run
from pyml_sandbox.hive_tables import hive_writer
from pyml_sandbox.hive_tables.listing import describe_table, list_tables
from pyml_sandbox.hive_tables.load import load_file
from pyml_sandbox.hive_tables.query_rows import rows_of_query
from pyml_sandbox.predict.spark_session import session
from pyml_sandbox.predict.table_parts import table_parts
from pyml_sandbox.workspace.home import SandboxHome

CSV = "Id,Body mass,when,tz\n1,3750.5,2013-01-01T05:00:00,2013-01-01T05:00:00Z\n2,,,\n"


def stored(home: SandboxHome, table: str) -> list[dict[str, object]]:
    with session(home) as spark:
        rows: list[dict[str, object]] = spark.table(table).toArrow().to_pylist()
        return rows


@pytest.mark.each_driver
def test_a_table_holds_the_rows_of_its_file_and_is_listed(sandbox: SandboxHome, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(CSV)
    loaded = load_file(sandbox, tmp_path / "rows.csv", "Loaded.Birds")
    assert (loaded.table, loaded.has_replaced) == ("loaded.birds", False)
    details = describe_table(sandbox, "loaded.birds")
    assert list(map(str, details.fields)) == ["Id BIGINT", "`Body mass` DOUBLE", "`when` TIMESTAMP_NTZ", "tz TIMESTAMP"]
    assert details.rows == 2
    assert details.size_bytes > 0
    assert stored(sandbox, "loaded.birds") == loaded.content.rows.to_pylist()
    assert "loaded.birds" in list_tables(sandbox)


@pytest.mark.each_driver
def test_rows_without_end_are_sent_in_parts_and_stay_in_order(
    sandbox: SandboxHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hive_writer, "PART_BYTES", 8_000)
    rows = pa.table({"id": pa.array(range(5_000), pa.int64())})
    pq.write_table(rows, tmp_path / "rows.parquet")
    load_file(sandbox, tmp_path / "rows.parquet", "loaded.parts")
    assert sorted(row["id"] for row in stored(sandbox, "loaded.parts")) == list(range(5_000))  # type: ignore[type-var]


@pytest.mark.parametrize("column", ["`at`", "`_metadata`"])
def test_a_large_table_is_read_in_parts_of_whole_files_and_no_row_is_lost(sandbox: SandboxHome, column: str) -> None:
    with session(sandbox) as spark:
        rows = spark.sql(f"SELECT id, timestamp_seconds(id) AS {column}, 'a b' AS p FROM range(0, 1000, 1, 2)")
        writer = rows.write.format("parquet").partitionBy("p").option("maxRecordsPerFile", 100)
        spark.sql("CREATE DATABASE IF NOT EXISTS loaded")
        writer.mode("overwrite").saveAsTable("loaded.files")
        spark.sql("CREATE OR REPLACE VIEW loaded.joined AS SELECT id FROM loaded.files JOIN loaded.files USING (id)")
        whole = spark.table("loaded.files").toArrow()
        parts = list(table_parts(spark, "loaded.files", part_rows=250))
        of_view = list(table_parts(spark, "loaded.joined", part_rows=250))
        spark.sql("DROP VIEW loaded.joined")
        spark.sql("DROP TABLE loaded.files PURGE")
    assert {part.schema for part in parts} == {whole.schema}
    assert pa.concat_tables(parts).sort_by("id") == whole.sort_by("id")
    # Where a column hides that of Spark which tells the file of a row, the table is one part.
    assert [part.num_rows for part in parts] == ([200] * 5 if column == "`at`" else [1000])
    assert sum(part.num_rows for part in of_view) == 1000


def test_a_table_that_exists_is_replaced_only_if_asked_for(sandbox: SandboxHome, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a\n1\n")
    load_file(sandbox, tmp_path / "rows.csv", "loaded.once")
    with pytest.raises(UsageError, match=r"there is a table loaded\.once already") as caught:
        load_file(sandbox, tmp_path / "rows.csv", "loaded.once")
    assert caught.value.code is ErrorCode.TABLE_EXISTS
    (tmp_path / "rows.csv").write_text("a\nx\n")
    assert load_file(sandbox, tmp_path / "rows.csv", "loaded.once", replace=True).has_replaced
    assert stored(sandbox, "loaded.once") == [{"a": "x"}]


@pytest.mark.parametrize("fails_in", ["write_table", "swap"])
def test_a_load_that_fails_leaves_the_old_table_and_no_other(
    sandbox: SandboxHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_in: str
) -> None:
    (tmp_path / "rows.csv").write_text("a\n1\n")
    load_file(sandbox, tmp_path / "rows.csv", "loaded.kept", replace=True)
    before = list_tables(sandbox)
    monkeypatch.setattr(hive_writer, fails_in, after(getattr(hive_writer, fails_in)))
    with pytest.raises(KeyboardInterrupt):
        load_file(sandbox, tmp_path / "rows.csv", "loaded.kept", replace=True)
    monkeypatch.undo()
    assert stored(sandbox, "loaded.kept") == [{"a": 1}]
    assert list_tables(sandbox) == before


def after(write: Callable[..., None]) -> Callable[..., None]:
    """The same function, interrupted at its end; a swap before its first rename."""

    def interrupted(*arguments: object) -> None:
        if write.__name__ != "swap":
            write(*arguments)
        raise KeyboardInterrupt

    return interrupted


def test_the_commands_print_types_rows_and_what_to_do_next(
    sandbox: SandboxHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYML_HOME", str(sandbox.root))
    monkeypatch.setenv("PYML_SANDBOX", sandbox.name)
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n1,NA\n2,3\n")
    assert run(["dev", "load", str(file), "--table", "fresh.cli", "--columns", "a INT"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("fresh.cli has 2 rows of 2 columns, in the new database fresh\n  a  INT\n  b  STRING")
    assert "--columns 'a INT'" in printed
    assert "--replace --null NA" in printed
    assert "Next:   pyml dev sql 'SELECT * FROM fresh.cli LIMIT 5'" in printed
    assert run(["dev", "tables", "fresh.cli", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["columns"]) == (2, [{"name": "a", "type": "INT"}, {"name": "b", "type": "STRING"}])
    assert run(["dev", "tables", "--json"]) == 0
    assert {"database": "fresh", "table": "cli"} in json.loads(capsys.readouterr().out)["tables"]
    assert run(["dev", "tables", "fresh.clj"]) == 2
    assert "did you mean fresh.cli?" in capsys.readouterr().err


def test_rows_of_any_type_and_of_two_equal_names_are_shown(sandbox: SandboxHome) -> None:
    query = (
        "SELECT 1 AS x, 2 AS x, date'0000-01-01' AS d, interval '1-2' year to month AS i, parse_json('[1]') AS v, "
        "named_struct('a', 1, 'a', 2) AS s, array() AS e, make_interval(1, 2) AS m"
    )
    with session(sandbox) as spark:
        view = RowsView(rows_of_query(spark, query, 20))
        assert rows_of_query(spark, "SHOW DATABASES", 20).num_rows
    row = {
        "x": 1,
        "x_2": 2,
        "d": "0000-01-01",
        "i": "INTERVAL '1-2' YEAR TO MONTH",
        "v": "[1]",
        "s": '{"a":1,"a":2}',
        "e": "[]",
        "m": "1 years 2 months",
    }
    assert view.json == {"rows": [row]}
