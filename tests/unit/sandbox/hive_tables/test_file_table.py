"""A file as a table: which types its columns get, and what is refused with its row, column and a way out."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyml.error_code import ErrorCode
from pyml.errors import InputError
from pyml.types.schema import Schema
from pyml_sandbox.hive_tables.file_table import FileTable, read_table


def table_of(tmp_path: Path, name: str, text: str | bytes, columns: str = "", *nulls: str) -> FileTable:
    file = tmp_path / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_table(file, Schema(columns) if columns else None, nulls)


def types_of(table: FileTable) -> list[str]:
    return [str(field) for field in table.fields]


@pytest.mark.parametrize(
    ("texts", "spark_type", "first"),
    [
        (["1", ""], "BIGINT", 1),
        (["1", "1.5"], "DOUBLE", 1.0),
        (["NaN", "1.5"], "DOUBLE", pytest.approx(float("nan"), nan_ok=True)),
        (["true", "false"], "BOOLEAN", True),
        (["2024-02-29", ""], "DATE", dt.date(2024, 2, 29)),
        (["2024-02-29T12:30:00", "2024-02-29 12:30:00.5"], "TIMESTAMP_NTZ", dt.datetime(2024, 2, 29, 12, 30)),
        (["2024-02-29T12:30:00+02:00", ""], "TIMESTAMP", dt.datetime(2024, 2, 29, 10, 30, tzinfo=dt.UTC)),
        (["12:30", "12:31"], "STRING", "12:30"),
        (["01/02/2024", "13/02/2024"], "STRING", "01/02/2024"),
        (["007", "010"], "STRING", "007"),
        (["x", '""'], "STRING", "x"),
        (["", ""], "STRING", None),
        (["12345678901234567890", "1"], "DECIMAL(38, 0)", Decimal("12345678901234567890")),
        (["123456789012345678901234567890", "1.5"], "STRING", "123456789012345678901234567890"),
        (["1e400", "1"], "STRING", "1e400"),
    ],
)
def test_a_column_of_csv_gets_the_type_that_holds_every_value(
    tmp_path: Path, texts: list[str], spark_type: str, first: object
) -> None:
    table = table_of(tmp_path, "rows.csv", "Some name,n\n" + "".join(f"{text},1\n" for text in texts))
    assert types_of(table) == [f"`Some name` {spark_type}", "n BIGINT"]
    assert table.rows["Some name"][0].as_py() == first
    assert table.is_inferred


def test_json_lines_get_nested_types_and_null_for_every_absent_key(tmp_path: Path) -> None:
    lines = '{"id": 1, "s": {"a": 1}, "l": [{"x": 1}]}\n{"id": 2.5, "s": {"b": "c"}, "l": [], "Late": true}\n'
    table = table_of(tmp_path, "rows.ndjson", lines)
    assert types_of(table) == [
        "id DOUBLE",
        "s STRUCT<a: BIGINT, b: STRING>",
        "l ARRAY<STRUCT<x: BIGINT>>",
        "Late BOOLEAN",
    ]
    assert table.rows["s"].to_pylist() == [{"a": 1, "b": None}, {"a": None, "b": "c"}]
    assert table.rows["Late"].to_pylist() == [None, True]


def test_parquet_keeps_its_types_or_gets_the_next_wider_one_of_spark(tmp_path: Path) -> None:
    columns = {
        "u8": pa.array([255, None], pa.uint8()),
        "u64": pa.array([2**64 - 1, None], pa.uint64()),
        "f16": pa.array([1.5, None], pa.float16()),
        "ns": pa.array([10**9, None], pa.timestamp("ns")),
        "zone": pa.array([1, None], pa.timestamp("ms", "Europe/Berlin")),
        "words": pa.array(["a", None]).dictionary_encode(),
        "price": pa.array([Decimal("1.20"), None], pa.decimal128(10, 2)),
        "nothing": pa.nulls(2),
        "nested": pa.array([{"a": [1.0, None], "B c": [("k", 1)]}, None], pa.struct([("a", pa.list_(pa.float64())), ("B c", pa.map_(pa.string(), pa.uint16()))])),
    }  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    table = read_table(tmp_path / "rows.parquet")
    assert types_of(table) == [
        "u8 SMALLINT",
        "u64 DECIMAL(20, 0)",
        "f16 FLOAT",
        "ns TIMESTAMP_NTZ",
        "zone TIMESTAMP",
        "words STRING",
        "price DECIMAL(10, 2)",
        "nothing STRING",
        "nested STRUCT<a: ARRAY<DOUBLE>, `B c`: MAP<STRING, INT>>",
    ]
    assert table.rows["u64"].to_pylist() == [Decimal(2**64 - 1), None]
    assert not table.is_inferred


def test_given_types_hold_whatever_the_case_of_the_name_and_the_others_are_inferred(tmp_path: Path) -> None:
    table = table_of(tmp_path, "rows.csv", "Year,zip\n2013,007\n", "year INT, ZIP INT")
    assert types_of(table) == ["Year INT", "zip INT"]
    assert not table.is_inferred
    assert types_of(table_of(tmp_path, "rows.csv", "Year,zip\n2013,007\n", "year INT")) == ["Year INT", "zip STRING"]


def test_texts_that_often_mean_null_are_named_and_are_null_only_if_asked_for(tmp_path: Path) -> None:
    text = "mass,island\n3750,Biscoe\nNA,NA\n"
    table = table_of(tmp_path, "rows.csv", text)
    assert types_of(table) == ["mass STRING", "island STRING"]
    assert table.null_spellings == {"mass": ["NA"]}
    table = table_of(tmp_path, "rows.csv", text, "", "NA")
    assert types_of(table) == ["mass BIGINT", "island STRING"]
    assert table.rows.to_pylist()[1] == {"mass": None, "island": None}
    assert table.null_spellings == {}


def test_a_line_of_names_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    table = table_of(tmp_path, "rows.csv", "a,b\n", "b INT NOT NULL")
    assert types_of(table) == ["a STRING", "b INT NOT NULL"]
    assert table.rows.num_rows == 0


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("rows.csv", "", "it has no line of column names"),
        ("rows.csv", "a,A\n1,2\n", "columns `a` and `A` have the same name"),
        ("rows.csv", ",b\n1,2\n", "column 1 has no name"),
        ("rows.csv", "a;b\n1;2\n", "separated by ';'"),
        ("rows.csv", "a,b\n1,2\n1,2,3\n", "Row #3: Expected 2 columns, got 3"),
        ("rows.csv", "a\ngr\xfcn\n".encode("latin-1"), "line 2 is not UTF-8: it has the byte 0xfc"),
        ("rows.csv", "a,b\n1,2\n".encode("utf-16"), "iconv -f UTF-16"),
        ("rows.jsonl", "", "it has no rows"),
        ("rows.jsonl", '{"a": 1}\n{"a": \n', "Expecting value"),
        ("rows.jsonl", '{"a": 1}\n{"A": 2}\n', "columns `a` and `A` have the same name"),
        ("rows.jsonl", '{"a": 1}\n[1]\n', "line 2 is not an object"),
        ("rows.jsonl", '{"a": "x"}\n{"a": 1}\n', r"column `a` is declared STRING, which cannot hold 1 \(row 1\)"),
        ("rows.parquet", "PAR1", "cannot be read"),
    ],
)
def test_what_cannot_become_a_table_is_refused_with_its_place(
    tmp_path: Path, name: str, text: str | bytes, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        table_of(tmp_path, name, text)


def test_a_value_that_a_given_type_does_not_hold_is_refused_with_row_and_column(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"column `a` is declared INT, which cannot hold 'x' \(row 1\)"):
        table_of(tmp_path, "rows.csv", "a\n1\nx\n", "a INT")
    with pytest.raises(InputError, match="column `b` is missing") as caught:
        table_of(tmp_path, "rows.csv", "a\n1\n", "b INT")
    assert caught.value.code is ErrorCode.COLUMN_MISSING
    assert "the file has: a" in str(caught.value)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pa.array([1], pa.time64("us")), "the type time64.us., which Spark does not have"),
        (pa.array([1], pa.timestamp("ns")), r"cannot hold 1970-01-01 00:00:00.000000001 \(row 0\)"),
    ],
)
def test_parquet_that_spark_cannot_hold_is_refused(tmp_path: Path, column: pa.Array, words: str) -> None:
    pq.write_table(pa.table({"t": column}), tmp_path / "rows.parquet")
    with pytest.raises(InputError, match=words):
        read_table(tmp_path / "rows.parquet")
