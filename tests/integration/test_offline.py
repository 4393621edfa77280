"""The offline job on a real metastore and real Spark: what it checks, what it writes, and that a failure loses nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pyml.error_code import ErrorCode
from pyml.errors import InputError, UsageError
from pyml.offline.job import JobError
from pyml.offline.key_counts import HASHED_ROWS, count_keys, key_hashes
from pyml.offline.staging import stored_audit
from pyml.offline.targets import table_insert
from pyml.package.model_package import ModelPackage
from pyml.types.schema import Schema
from pyml.types.spark_types import backticked
from pyml_sandbox.client import Client
from pyml_sandbox.listings.job_list import cancel_job, find_job, list_jobs
from pyml_sandbox.predict.spark_session import session
from pyml_sandbox.workspace.home import SandboxHome
from support.packages import write_package
from support.slow_cases import slow
from support.waiting import wait_for

DOUBLE = """
import pandas as pd
from pyml import DataFrameModel, Schema

class Double(DataFrameModel):
    inputs = Schema("x DOUBLE NOT NULL, n INT")
    outputs = Schema("y DOUBLE NOT NULL")

    def __init__(self, parameters): pass

    def predict(self, frame):
        if (frame["x"] == 13).any():
            raise ValueError("thirteen is not lucky")
        if (frame["x"] == 14).any():
            return pd.DataFrame({"y": frame["x"].astype("float32"), "z": 1})
        if (frame["x"] == 15).any():
            return pd.DataFrame({"y": frame["x"][:-1]})
        return pd.DataFrame({"y": frame["x"] * 2})
"""
ROWS = "SELECT id, CAST(id AS DOUBLE) AS x, CAST(id AS INT) AS n FROM range({})"


@pytest.fixture(scope="module")
def client(sandbox: SandboxHome) -> Client:
    return Client(sandbox)


@pytest.fixture(scope="module")
def double(client: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    return client.upload_model(ModelPackage(write_package(tmp_path_factory.mktemp("m") / "double", DOUBLE)))


def stored(client: Client, table: str) -> list[tuple[object, ...]]:
    with session(client.home) as spark:
        return [tuple(row) for row in spark.table(table).orderBy("id").collect()]


@pytest.mark.each_driver
def test_predictions_lie_in_the_table_beside_their_key(client: Client, double: str) -> None:
    job = client.predict_offline(double, ROWS.format(5), "ml.kept", key=["id"])
    result = job.wait()
    assert (result.rows, result.key) == (5, ("id",))
    record = find_job(client.home, job.job_id)
    assert (record.state, record.rows, record.seconds) == ("succeeded", 5, result.seconds)
    assert stored(client, "ml.kept") == [(i, i * 2.0) for i in range(5)]


def test_without_a_key_every_other_column_is_kept(client: Client, double: str) -> None:
    query = f"SELECT *, 'a' AS tag FROM ({ROWS.format(3)})"
    assert client.predict_offline(double, query, "ml.tagged").wait().key == ("id", "tag")


def test_a_key_may_be_an_input_as_well(client: Client, double: str) -> None:
    result = client.predict_offline(double, ROWS.format(3), "ml.by_n", key=["n", "id"]).wait()
    assert result.key == ("n", "id")


BESIDE = {
    "a.b": "map('a', 1)", "a`b": "parse_json('[1.50]')", "a b": "interval '1-2' year to month", "case": "interval '1' day",
    "null": "array(interval '3' year, null)", "x-y": "X'00ff'", "ß": "'a' collate UTF8_LCASE", "🙂": "date'+12024-01-01'",
    "current_date": "timestamp'0000-01-01 00:00:00Z'", "select": "timestamp_ntz'-0001-01-01 00:00:00'", "7": "NULL",
    "__key_0": "CAST('0.1' AS DECIMAL(38, 38))", "a,b": "named_struct('a b', 1, 'select', 2)",
    "x" * 300: "CAST('a' AS CHAR(3))", "<": "named_struct('m', map('a', interval '1' month))",
}  # fmt: skip


def test_a_column_of_any_name_and_any_value_is_kept_beside_the_predictions(client: Client, double: str) -> None:
    kept = ", ".join(f"{value} AS {backticked(name)}" for name, value in BESIDE.items())
    query = f"SELECT id, CAST(id AS DOUBLE) AS x, 1 AS n, {kept} FROM range(2)"
    client.predict_offline(double, query, "ml.beside").wait()
    names = list(BESIDE)
    columns = ", ".join(map(backticked, names))
    with session(client.home) as spark:
        stored = spark.table("ml.beside")
        assert stored.columns == ["id", *names, "y"]
        as_json = f"SELECT to_json(struct({columns})) AS text FROM"
        (found, _) = spark.sql(f"{as_json} ml.beside").collect()
        (given, _) = spark.sql(f"{as_json} ({query})").collect()
    assert found == given


def test_a_column_of_any_name_may_be_a_key(client: Client, double: str) -> None:
    names = [name for name, value in BESIDE.items() if "parse_json" not in value and value != "NULL"]
    kept = ", ".join(f"{BESIDE[name]} AS {backticked(name)}" for name in names)
    query = f"SELECT 1.0D AS x, 1 AS n, {kept} FROM range(2)"
    with pytest.raises(JobError, match=r"1 keys appear more than once, such as .*select=-0001-01-01.* \(2 times\)"):
        client.predict_offline(double, query, "ml.odd_keys", key=names).wait()


def test_a_second_job_replaces_the_table(client: Client, double: str) -> None:
    for rows in (5, 2):
        client.predict_offline(double, ROWS.format(rows), "ml.replaced", key=["id"]).wait()
    assert len(stored(client, "ml.replaced")) == 2


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (
            "SELECT id, CAST(id AS STRING) AS x FROM range(3)",
            ["`x` is STRING, declared DOUBLE", "CAST(x AS DOUBLE)", "`n` is missing"],
        ),
        ("SELECT 1 AS id, 1.0D AS x, 2.0D AS X, 1 AS n", ["`x` appears more than once"]),
        ("SELECT 1 AS k, 1.0D AS x, 1 AS n", ["key column `id` is missing"]),
        ("SELECT 1 AS id, 2 AS ID, 1.0D AS x, 1 AS n", ["`id` appears more than once"]),
        ("SELECT parse_json('1') AS id, 1.0D AS x, 1 AS n", ["whose values Spark does not compare"]),
        ("SELECT make_interval(1, 2, 3) AS id, 1.0D AS x, 1 AS n", ["cannot be kept in a table"]),
        ("SELECT 1 AS id, named_struct('a b', 1) AS x, 1 AS n", ["`x` is STRUCT<`a b`: INT>, declared DOUBLE"]),
    ],
)
def test_a_query_that_does_not_fit_is_refused_before_anything_runs(
    client: Client, double: str, query: str, words: list[str]
) -> None:
    with pytest.raises(InputError) as raised:
        client.predict_offline(double, query, "ml.refused", key=["id"]).wait()
    assert all(word in str(raised.value) for word in words)


def test_columns_of_different_types_are_converted_where_no_value_changes(client: Client, double: str) -> None:
    query = "SELECT id, id AS x, NULL AS n FROM range(5)"
    client.predict_offline(double, query, "ml.converted", key=["id"]).wait()
    assert stored(client, "ml.converted") == [(i, i * 2.0) for i in range(5)]


def test_a_frame_of_spark_becomes_the_frame_that_predict_gets(client: Client) -> None:
    with session(client.home) as spark:
        rows = spark.sql(
            "SELECT id AS x, IF(id = 0, NULL, id) AS n, timestamp'2024-01-01 00:00:00Z' AS t FROM range(2)"
        )
        frame = Schema("x DOUBLE NOT NULL, n INT, t TIMESTAMP").frame(rows)
    assert [str(dtype) for dtype in frame.dtypes] == ["float64", "Int32", "datetime64[us, UTC]"]
    assert (frame["x"].tolist(), frame["n"].isna().tolist()) == ([0.0, 1.0], [True, False])
    assert frame["t"][0].isoformat() == "2024-01-01T00:00:00+00:00"


def test_a_key_with_the_name_of_an_output_is_refused(client: Client, double: str) -> None:
    with pytest.raises(InputError, match="has the name of an output"):
        client.predict_offline(double, "SELECT 1 AS y, 1.0D AS x, 1 AS n", "ml.refused", key=["y"]).wait()


@pytest.mark.parametrize(
    ("query", "words"),
    [("SELEC 1", "Syntax error"), ("SELECT nope FROM range(1)", "nope"), ("SELECT * FROM nowhere", "nowhere")],
)
def test_sparks_own_words_are_kept(client: Client, double: str, query: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        client.predict_offline(double, query, "ml.refused").wait()


@pytest.fixture(scope="module")
def old(client: Client, double: str) -> list[tuple[object, ...]]:
    """The rows of the table ml.old, which no job may change that fails."""
    client.predict_offline(double, ROWS.format(4), "ml.old", key=["id"]).wait()
    return stored(client, "ml.old")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (ROWS.format(14), "thirteen is not lucky"),
        ("SELECT 1 AS id, 14.0D AS x, 1 AS n", "`y` is declared DOUBLE, found float32"),
        ("SELECT 1 AS id, 15.0D AS x, 1 AS n", "1 rows in, 0 rows out"),
        ("SELECT 1 AS id, CAST(NULL AS DOUBLE) AS x, 1 AS n", "`x` is declared NOT NULL and holds 1 nulls"),
        (
            "SELECT 1 AS id, 9007199254740993 AS x, 1 AS n",
            "declared DOUBLE, which cannot hold 9007199254740993 (row 0)",
        ),
        ("SELECT 1 AS id, 1.0D AS x, 1.5D AS n", "CAST(n AS INT)"),
        ("SELECT 1 AS id, 1.0D AS x, 1 AS n FROM range(3)", "such as id=1 (3 times)"),
        ("SELECT CAST(NULL AS INT) AS id, 1.0D AS x, 1 AS n", "1 rows have a null in the key (id)"),
        (ROWS.format(0), "the query returned no rows"),
    ],
)
def test_a_failed_job_says_why_and_leaves_the_old_table(
    client: Client, double: str, old: list[tuple[object, ...]], query: str, words: str
) -> None:
    with pytest.raises(JobError) as raised:
        client.predict_offline(double, query, "ml.old", key=["id"]).wait()
    assert words in str(raised.value)
    assert stored(client, "ml.old") == old
    with session(client.home) as spark:
        assert not [table.name for table in spark.catalog.listTables("ml") if "staging" in table.name]


@pytest.mark.each_driver
def test_an_error_of_the_model_arrives_whole_with_its_code(client: Client, tmp_path: Path) -> None:
    words = "one\n\n  three \tat " + "long " * 2000 + "end"
    model = DOUBLE.replace('"thirteen is not lucky"', repr(words))
    model_id = client.upload_model(ModelPackage(write_package(tmp_path / "wordy", model)))
    with pytest.raises(JobError) as raised:
        client.predict_offline(model_id, ROWS.format(14), "ml.wordy", key=["id"]).wait()
    assert raised.value.code is ErrorCode.PREDICT_RAISED
    assert raised.value.message.startswith(f"predict raised ValueError: {words} (model.py:")


def test_a_swap_that_was_cut_in_two_is_mended_by_the_next_job(client: Client, double: str) -> None:
    client.predict_offline(double, ROWS.format(4), "ml.cut", key=["id"]).wait()
    with session(client.home) as spark:
        spark.sql("ALTER TABLE ml.cut RENAME TO ml.cut__previous")
    with pytest.raises(JobError, match="no rows"):
        client.predict_offline(double, ROWS.format(0), "ml.cut", key=["id"]).wait()
    assert len(stored(client, "ml.cut")) == 4


def test_an_empty_result_is_written_where_it_is_allowed(client: Client, double: str) -> None:
    assert client.predict_offline(double, ROWS.format(0), "ml.empty", key=["id"], allow_empty=True).wait().rows == 0
    assert stored(client, "ml.empty") == []


@pytest.mark.each_driver
def test_a_partition_is_replaced_and_all_others_stay(client: Client, double: str) -> None:
    with session(client.home) as spark:
        spark.sql("CREATE DATABASE IF NOT EXISTS ml")
        spark.sql("CREATE TABLE ml.days (id BIGINT, y DOUBLE, day DATE) USING parquet PARTITIONED BY (day)")
        spark.sql("INSERT INTO ml.days SELECT 7, 7.0D, date'2026-11-27'")
    for rows in (4, 2):
        partition = {"DAY": date(2026, 11, 28)}
        result = client.predict_offline(double, ROWS.format(rows), "ml.days", ["id"], partition=partition).wait()
    assert result.partition == {"DAY": "2026-11-28"}
    there = [(0, 0.0, date(2026, 11, 28)), (1, 2.0, date(2026, 11, 28)), (7, 7.0, date(2026, 11, 27))]
    assert stored(client, "ml.days") == there
    with pytest.raises(JobError, match="thirteen"):
        client.predict_offline(double, ROWS.format(14), "ml.days", ["id"], partition=partition).wait()
    with pytest.raises(InputError, match="`day` is DATE, and 'noon' is none"):
        client.predict_offline(double, ROWS.format(1), "ml.days", ["id"], partition={"day": "noon"}).wait()
    with pytest.raises(InputError, match="--partition day=VALUE"):
        client.predict_offline(double, ROWS.format(1), "ml.days", ["id"]).wait()
    assert stored(client, "ml.days") == there


def test_a_partition_whose_overwrite_was_killed_is_written_by_the_next_job(
    client: Client, double: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(table_insert, "_overwrite", killed)
        with pytest.raises(KeyboardInterrupt):
            client.predict_offline(double, ROWS.format(3), "ml.killed", ["id"], partition={"ds": "it's"}).wait()
    with pytest.raises(JobError, match="no rows"):
        client.predict_offline(double, ROWS.format(0), "ml.killed", ["id"], partition={"ds": "it's"}).wait()
    assert stored(client, "ml.killed") == [(i, i * 2.0, "it's") for i in range(3)]
    client.predict_offline(
        double, ROWS.format(0), "ml.killed", ["id"], partition={"ds": "it's"}, allow_empty=True
    ).wait()
    assert stored(client, "ml.killed") == []
    with session(client.home) as spark:
        assert not [table.name for table in spark.catalog.listTables("ml") if "killed__" in table.name]


def test_rows_are_appended_each_time(client: Client, double: str) -> None:
    for _ in range(2):
        client.predict_offline(double, ROWS.format(1), "ml.more", ["id"], append=True).wait()
    assert stored(client, "ml.more") == [(0, 0.0)] * 2


def test_a_target_that_must_not_be_replaced_is_refused_before_anything_runs(client: Client, double: str) -> None:
    with session(client.home) as spark:
        spark.sql("CREATE DATABASE IF NOT EXISTS ml")
        spark.sql(f"CREATE TABLE ml.source AS {ROWS.format(2)}")
        spark.sql("CREATE VIEW ml.seen AS SELECT * FROM ml.source")
    for query, table, words in (
        (ROWS.format(1), "ml.seen", "it is a view"),
        ("SELECT * FROM ml.seen", "ml.source", "the query reads it"),
    ):
        with pytest.raises(InputError, match=words):
            client.predict_offline(double, query, table).wait()


@pytest.fixture(scope="module")
def sleeping(client: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    slow = DOUBLE.replace('if (frame["x"] == 13).any():', "import time; time.sleep(600)\n        if False:")
    return client.upload_model(ModelPackage(write_package(tmp_path_factory.mktemp("m") / "slow", slow)))


@pytest.mark.each_driver
def test_a_job_can_be_cancelled_and_leaves_nothing_behind(client: Client, sleeping: str) -> None:
    job = client.predict_offline(sleeping, ROWS.format(10), "ml.slow", key=["id"])
    with pytest.raises(TimeoutError):
        job.wait(timeout_s=5)
    job.cancel()
    assert job.is_done
    with session(client.home) as spark:
        spark.sql("CREATE DATABASE IF NOT EXISTS ml")  # the job may not have come so far
        assert not [table.name for table in spark.catalog.listTables("ml") if "slow" in table.name]


@pytest.mark.each_driver
def test_a_job_is_in_the_list_while_it_runs_and_a_request_cancels_it(client: Client, sleeping: str) -> None:
    job = client.predict_offline(sleeping, ROWS.format(10), "ml.slow", key=["id"])
    wait_for(lambda: list_jobs(client.home, "ml.slow")[0].tasks_total > 0, "Spark tells of its tasks")
    assert cancel_job(client.home, job.job_id).is_running
    with pytest.raises(JobError, match=r"was cancelled; ml\.slow is unchanged$"):
        job.wait()
    record = find_job(client.home, job.job_id)
    assert (record.state, record.model_id, record.tasks_done < record.tasks_total) == ("cancelled", sleeping, True)


@pytest.mark.parametrize("after_s", [slow(0.3), 0.6, slow(0.9), 1.2])
def test_a_job_is_cancelled_whatever_spark_does_at_that_moment(client: Client, sleeping: str, after_s: float) -> None:
    job = client.predict_offline(sleeping, ROWS.format(10), "ml.slow", key=["id"])
    with pytest.raises(TimeoutError):
        job.wait(timeout_s=after_s)
    job.cancel()
    with pytest.raises(JobError, match=r"was cancelled; ml\.slow is unchanged$"):
        job.wait()


def test_a_job_that_is_cancelled_at_once_leaves_the_old_table(client: Client, double: str) -> None:
    client.predict_offline(double, ROWS.format(4), "ml.early", key=["id"]).wait()
    before = stored(client, "ml.early")
    job = client.predict_offline(double, ROWS.format(9), "ml.early", key=["id"])
    job.cancel()
    with pytest.raises(JobError, match="was cancelled"):
        job.wait()
    assert stored(client, "ml.early") == before


def test_inputs_that_are_not_the_models_are_refused(client: Client, double: str) -> None:
    with pytest.raises(UsageError, match="the model takes x DOUBLE NOT NULL"):
        client.predict_offline(double, ROWS.format(1), "ml.refused", inputs=Schema("x FLOAT"))


@pytest.mark.parametrize("table", ["bad name", "a.b.c", "x;drop"])
def test_a_bad_table_name_is_refused(client: Client, double: str, table: str) -> None:
    with pytest.raises(UsageError, match="is not the name of a Hive table"):
        client.predict_offline(double, ROWS.format(1), table).wait()


@pytest.mark.parametrize(
    ("key", "rows"),
    [
        ("id", "SELECT id FROM range(1000)"),
        ("id, s", "SELECT id % 10 AS id, CAST(id AS STRING) AS s FROM range(1000)"),
        ("d, t", "SELECT date_add(DATE'2024-01-01', CAST(id AS INT)) AS d, TIMESTAMP'2024-01-01' AS t FROM range(99)"),
        ("id", "SELECT id % 999 AS id FROM range(1000)"),
        ("id", "SELECT if(id = 7, NULL, id) AS id FROM range(1000)"),
        ("id", "SELECT if(id < 3, NULL, id) AS id FROM range(1000)"),
        ("x", "SELECT * FROM VALUES (0.0D), (-0.0D), (1.0D) AS t(x)"),
        ("s", "SELECT s COLLATE UTF8_LCASE AS s FROM VALUES ('bus'), ('BUS'), ('car') AS t(s)"),
        ("id", "SELECT id FROM range(0)"),
    ],
)
def test_a_key_is_counted_by_hashes_as_spark_groups_it(key: str, rows: str, client: Client) -> None:
    names = key.split(", ")
    with session(client.home) as spark:
        table = spark.sql(rows)
        assert count_keys(table, names, key_hashes(table, names, 1000)) == count_keys(table, names, None)


def test_more_rows_than_this_process_may_hold_have_no_hashes(client: Client) -> None:
    with session(client.home) as spark:
        table = spark.range(10)
        assert key_hashes(table, ["id"], HASHED_ROWS + 1) is None
        assert key_hashes(table, ["id"], HASHED_ROWS) is not None


@pytest.mark.parametrize(
    "rows", ["SELECT id FROM range(1000)", "SELECT id % 3 AS id FROM range(10)", "SELECT id FROM range(0)"]
)
def test_the_audit_of_hashes_is_that_of_spark(rows: str, client: Client) -> None:
    with session(client.home) as spark:
        table = spark.sql(rows)
        hashes = key_hashes(table, ["id"], 1000)
        assert hashes is not None
        assert stored_audit(table, ["id"], hashes) == stored_audit(table, ["id"], None)
