"""Rows of files: in the declared types, nothing guessed, and what is absent told from what is empty."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyml.error_code import ErrorCode
from pyml.errors import InputError, UsageError
from pyml.types.schema import Schema
from pyml_sandbox.predict.file_formats import file_rows
from pyml_sandbox.predict.file_formats.file_rows import read_columns, read_rows

INPUTS = Schema("s STRING, n INT, b BINARY")
STRICT = Schema("s STRING NOT NULL, n INT")


def rows(tmp_path: Path, name: str, text: str, inputs: Schema = INPUTS) -> list[tuple[object, ...]]:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return [tuple(row.values()) for row in read_rows(tmp_path / name, inputs).to_pylist()]


def test_in_csv_nothing_is_null_and_quoted_nothing_is_an_empty_string(tmp_path: Path) -> None:
    text = 's,n,b,more\n"",1,"",x\n,,,\nNULL,2,NA,\n"a ""b""","3",c,\n'
    assert rows(tmp_path, "rows.csv", text) == [
        ("", 1, b""),
        (None, None, None),
        ("NULL", 2, b"NA"),
        ('a "b"', 3, b"c"),
    ]


@pytest.mark.parametrize(
    "text", ['[{"s": "a", "n": 1}, {"s": "b"}]', ' \n[\n {"s": "a", "n": 1},\n {"s": "b", "n": null}\n]\n', "[]"]
)
def test_an_array_of_objects_is_read_as_its_objects(tmp_path: Path, text: str) -> None:
    assert rows(tmp_path, "rows.json", text, STRICT) == ([] if text == "[]" else [("a", 1), ("b", None)])


@pytest.mark.parametrize("name", ["rows.csv", "rows.json"])
def test_a_file_in_a_different_encoding_is_told_with_the_command_that_converts_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes("a,b\n1,2\n".encode("utf-16"))
    with pytest.raises(InputError, match="iconv -f UTF-16 -t UTF-8"):
        read_rows(tmp_path / name, STRICT)


def test_the_times_of_pandas_in_parquet_are_read_or_refused_in_the_words_of_pandas(tmp_path: Path) -> None:
    times = pa.array(np.array(["2024-02-29"], "datetime64[ns]"))
    pq.write_table(pa.table({"n": pa.array([1], pa.int64()), "t": times}), tmp_path / "rows.parquet")
    assert read_rows(tmp_path / "rows.parquet", Schema("n INT, t TIMESTAMP_NTZ")).to_pylist() == [
        {"n": 1, "t": dt.datetime(2024, 2, 29)}
    ]
    for declared, words in (("DATE", ".dt.date"), ("TIMESTAMP", '.dt.tz_localize("UTC")')):
        with pytest.raises(InputError) as caught:
            read_rows(tmp_path / "rows.parquet", Schema(f"t {declared}"))
        assert f'in pandas: frame["t"]{words}' in str(caught.value)


def test_a_quoted_nothing_is_no_number(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="without quotes is null"):
        rows(tmp_path, "rows.csv", 's,n,b\nx,"",y\n')


@pytest.mark.parametrize("name", ["ROWS.CSV", "rows.Csv"])
def test_the_kind_of_a_file_may_be_written_in_any_case(tmp_path: Path, name: str) -> None:
    assert rows(tmp_path, name, "s,n,b\nx,1,y\n") == [("x", 1, b"y")]


@pytest.mark.parametrize("name", ["rows.txt", "rows"])
def test_another_kind_of_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is not a CSV, JSON Lines or Parquet file"):
        rows(tmp_path, name, "")


def test_line_breaks_in_quotes_and_rows_of_any_size_are_read(tmp_path: Path) -> None:
    long = "line\n" * 500_000
    assert rows(tmp_path, "rows.csv", f's,n,b\n"{long}",1,x\n"a\nb",2,y\n') == [(long, 1, b"x"), ("a\nb", 2, b"y")]
    text = '{"s": "' + "x" * 3_000_000 + '", "n": 1}\n{"s": "y", "n": 2}\n'
    assert [n for _, n in rows(tmp_path, "rows.jsonl", text, STRICT)] == [1, 2]


def test_in_json_lines_a_key_that_is_absent_is_null_where_the_column_is_nullable(tmp_path: Path) -> None:
    text = '{"s": "", "n": 1}\n\n{"s": "x"}\n{"n": null, "s": "y", "more": 1}\n'
    assert rows(tmp_path, "rows.jsonl", text, STRICT) == [("", 1), ("x", None), ("y", None)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"s": "a", "n": 1}\n\n{"n": 2}\n', "line 3 has no key `s`, which is NOT NULL"),
        ('{"S": "a", "n": 1}\n', "column `s` is missing"),
        ('{"s": "a", "m": 1}\n{"s": "b"}\n', "column `n` is missing"),
        ('{"s": "a", "m": 1}\n{"s": "b"}\n', "the JSON file has: s, m"),
        ('[{"s": "a", "n": 1},\n {"n": 2}]', "object 2 has no key `s`, which is NOT NULL"),
        ('[{"s": "a", "n": 1}, 7]', "element 2 of the array is not an object"),
        ('[{"s": "a", "n": 1}]\n[{"s": "a", "n": 1}]', "line 2 goes on after the array"),
        ('[{"s": "a", "n": 1},', "line 1, column 21: Expecting value"),
        ("[" * 100_000, "nested too deeply"),
        (
            '{"s": "a", "n": 1}\n{"s": null, "n": 1}\n',
            "column `s` is declared NOT NULL and holds 1 nulls, the first in row 1",
        ),
        ('{"s": "a", "n": 1}\n{"s": "a", "n": 1, "s": "b"}\n', "line 2: the key `s` appears more than once"),
        ('{"s": "a",\n "n": }\n', "line 2, column 7: Expecting value"),
        ('{"s": "a"}\n7\n', "line 2 is not an object"),
    ],
)
def test_json_lines_that_lack_a_key_are_an_error_that_names_it(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        rows(tmp_path, "rows.jsonl", text, STRICT)
    assert words in str(caught.value)


def test_an_object_over_several_lines_and_two_on_one_are_what_they_are(tmp_path: Path) -> None:
    text = '{\n"s": "a", "n": null}{"s": "b", "n": 1}'
    assert rows(tmp_path, "rows.json", text, STRICT) == [("a", None), ("b", 1)]


ANY = Schema(
    "i INT, d DOUBLE, f FLOAT, m DECIMAL(5, 2), s STRING, b BOOLEAN, day DATE, at TIMESTAMP, local TIMESTAMP_NTZ, "
    "y BINARY, a ARRAY<DOUBLE>, o MAP<INT, DOUBLE>, t STRUCT<x: INT, y: STRING>"
)
HEAD = "i,d,f,m,s,b,day,at,local,y"
FLAT = Schema(ANY.ddl.partition(", a ")[0])
CSV_ROW = " 8 ,3,0.1,3.2, a ,true,2024-02-29,2024-02-29T12:30:00+02:00,2024-02-29T12:30:00,x"
JSON_ROW = (
    '{"i": 8, "d": 3, "f": 0.1, "m": 3.2, "s": " a ", "b": true, "day": "2024-02-29", "at": "2024-02-29T12:30:00+02:00", '
    '"local": "2024-02-29T12:30:00", "y": "x", "a": [1, 2.5, null], "o": {"1": 2}, "t": {"y": "z", "x": 1.0}}'
)
PLAIN_ROW = (
    8,
    3.0,
    float(np.float32(0.1)),
    Decimal("3.20"),
    " a ",
    True,
    dt.date(2024, 2, 29),
    dt.datetime(2024, 2, 29, 10, 30, tzinfo=dt.UTC),
    dt.datetime(2024, 2, 29, 12, 30),
    b"x",
)


def test_csv_and_json_write_every_type_alike(tmp_path: Path) -> None:
    assert rows(tmp_path, "rows.csv", f"{HEAD}\n{CSV_ROW}\n", FLAT) == [PLAIN_ROW]
    assert rows(tmp_path, "rows.jsonl", f"{JSON_ROW}\n", ANY) == [
        (*PLAIN_ROW, [1.0, 2.5, None], [(1, 2.0)], {"x": 1, "y": "z"})
    ]


NUMBERS = [
    # declared, written, what it is
    ("INT", "8.0", 8),
    ("INT", "1e3", 1000),
    ("INT", "-0", 0),
    ("BIGINT", "9223372036854775807", 2**63 - 1),
    ("DOUBLE", "9007199254740992", 2.0**53),
    ("DOUBLE", "1180591620717411303424", 2.0**70),
    ("DOUBLE", "0.1", 0.1),
    ("DOUBLE", "-0.0", -0.0),
    ("DOUBLE", "0e5", 0.0),
    ("DOUBLE", "5e-324", 5e-324),
    ("FLOAT", "16777216", 16_777_216.0),
    ("DECIMAL(5, 2)", "3", Decimal("3.00")),
    ("DECIMAL(5, 2)", "1e2", Decimal("100.00")),
]
LOST = [
    ("INT", "2147483648"),
    ("INT", "8.5"),
    ("INT", "-0.0"),
    ("INT", "1e400"),
    ("DOUBLE", "9007199254740993"),
    ("DOUBLE", "1e400"),
    ("DOUBLE", "-1e-400"),
    ("FLOAT", "16777217"),
    ("FLOAT", "1e-46"),
    ("FLOAT", "1e39"),
    ("DECIMAL(5, 2)", "3.255"),
    ("DECIMAL(5, 2)", "1000"),
]


@pytest.mark.parametrize(("ddl_type", "text", "expected"), NUMBERS)
def test_a_number_is_read_exactly_or_as_the_nearest_float(
    tmp_path: Path, ddl_type: str, text: str, expected: object
) -> None:
    schema = Schema(f"c {ddl_type}")
    for found in (
        rows(tmp_path, "rows.csv", f"c,z\n{text},\n,\n", schema),
        rows(tmp_path, "rows.jsonl", f'{{"c": {text}}}\n{{"c": null}}\n', schema),
    ):
        assert repr(found) == repr([(expected,), (None,)])


@pytest.mark.parametrize(("ddl_type", "text"), LOST)
def test_a_number_that_the_type_cannot_hold_is_refused_with_row_and_column(
    tmp_path: Path, ddl_type: str, text: str
) -> None:
    schema = Schema(f"c {ddl_type}")
    for name, written in (("rows.csv", f"c,z\n,\n{text},\n"), ("rows.jsonl", f'{{"c": null}}\n{{"c": {text}}}\n')):
        with pytest.raises(InputError) as caught:
            rows(tmp_path, name, written, schema)
        (problem,) = caught.value.problems
        assert problem.message == f"column `c` is declared {ddl_type}, which cannot hold {text} (row 1)"
        assert problem.code is ErrorCode.COLUMN_VALUE
        assert "write a value that" in problem.hint


UNREADABLE = [
    # declared, in CSV, in JSON, the hint for either
    ("INT", "x", '"8"', "a value such as 8"),
    ("INT", "1_000", "true", "a value such as 8"),
    ("DOUBLE", "3,2", "[1]", "a value such as 3.2"),
    ("DECIMAL(5, 2)", "NaN", '"3.2"', "a value such as 3.20"),
    ("BOOLEAN", "yes", "1", "a value such as true"),
    ("DATE", "29.02.2024", "20240229", "2024-02-29"),
    ("TIMESTAMP", "2024-02-29T12:30:00", '"2024-02-29T12:30:00"', "2024-02-29T12:30:00Z"),
    ("TIMESTAMP_NTZ", "2024-02-29T12:30:00Z", '"2024-02-29T12:30:00Z"', "2024-02-29T12:30:00"),
]


@pytest.mark.parametrize(("ddl_type", "in_csv", "in_json", "hint"), UNREADABLE)
def test_a_value_that_is_not_of_its_type_is_refused_with_row_and_column_and_how_to_write_it(
    tmp_path: Path, ddl_type: str, in_csv: str, in_json: str, hint: str
) -> None:
    schema = Schema(f"c {ddl_type}")
    written = (("rows.csv", f'c,z\n,\n"{in_csv}",\n'), ("rows.jsonl", f'{{"c": null}}\n{{"c": {in_json}}}\n'))
    for name, text in written:
        with pytest.raises(InputError) as caught:
            rows(tmp_path, name, text, schema)
        (problem,) = caught.value.problems
        assert problem.message.startswith(f"column `c` is declared {ddl_type}, which cannot hold ")
        assert problem.message.endswith("(row 1)")
        assert hint in problem.hint
        assert problem.code is ErrorCode.COLUMN_TYPE


def test_every_wrong_column_of_a_file_is_listed(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        rows(tmp_path, "rows.csv", "a,b,c,c\n1,,x,y\nz,,x,y\n", Schema("a INT, b INT NOT NULL, c STRING, d INT"))
    assert [problem.message for problem in caught.value.problems] == [
        "column `a` is declared INT, which cannot hold 'z' (row 1)",
        "column `b` is declared NOT NULL and holds 2 nulls, the first in row 0",
        "column `c` appears more than once",
        "column `d` is missing",
    ]
    assert "write a value between the commas" in str(caught.value)
    assert "SQL" not in str(caught.value)


def test_csv_has_no_lists_and_no_bytes_that_are_not_utf_8(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="JSON Lines or Parquet"):
        rows(tmp_path, "rows.csv", "c\n[1]\n", Schema("c ARRAY<INT>"))
    (tmp_path / "latin.csv").write_bytes(b"s,y\nfine,a\n\xff,\xff\n")
    assert read_rows(tmp_path / "latin.csv", Schema("y BINARY")).to_pylist() == [{"y": b"a"}, {"y": b"\xff"}]
    with pytest.raises(InputError, match=r"column `s` is declared STRING, which cannot hold b'\\xff' \(row 1\)"):
        read_rows(tmp_path / "latin.csv", Schema("s STRING"))


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("rows.csv", "a,b\n1,2\n1,2,3\n", "Row #3: Expected 2 columns, got 3"),
        ("rows.csv", "", "write a line of column names"),
        ("rows.parquet", "no", "write it with pyarrow"),
        ("rows.json", "[1]", "element 1 of the array is not an object"),
        ("rows.json", "7", "line 1 is not an object"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_that_says_where_and_how(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    with pytest.raises(InputError, match="cannot be read") as caught:
        rows(tmp_path, name, text, Schema("a INT"))
    assert words in str(caught.value)


def test_parquet_is_converted_where_nothing_is_lost(tmp_path: Path) -> None:
    written = {"a": [1, 2], "b": [0.5, 0.1], "more": ["x", "y"]}
    pq.write_table(pa.table(written), tmp_path / "rows.parquet")
    assert read_rows(tmp_path / "rows.parquet", Schema("a DOUBLE NOT NULL")).to_pylist() == [{"a": 1.0}, {"a": 2.0}]
    with pytest.raises(InputError, match=r"column `b` is declared FLOAT, which cannot hold 0\.1 \(row 1\)"):
        read_rows(tmp_path / "rows.parquet", Schema("a DOUBLE NOT NULL, b FLOAT"))
    with pytest.raises(InputError, match="write the column as double"):
        read_rows(tmp_path / "rows.parquet", Schema("more DOUBLE"))


def test_a_column_that_csv_lacks_is_an_error_that_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="column `n` is missing") as caught:
        rows(tmp_path, "rows.csv", "s,b\nx,y\n")
    assert "the CSV file has: s, b" in str(caught.value)


class TestColumnsOfAFile:
    def test_json_that_is_read_in_parts_names_the_row_in_the_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(file_rows, "_OBJECTS_AT_A_TIME", 2)
        with pytest.raises(InputError, match=r"cannot hold 1\.5 \(row 4\)"):
            rows(tmp_path, "rows.jsonl", '{"s": "a", "n": 1}\n' * 4 + '{"n": 1.5}\n')
        with pytest.raises(InputError, match="holds 2 nulls, the first in row 1"):
            rows(tmp_path, "rows.jsonl", '{"s": "a"}\n' + '{"s": null}\n{"s": "b"}\n' * 2, STRICT)
        assert len(rows(tmp_path, "rows.ndjson", '{"s": "a", "n": 1}\n' * 5, STRICT)) == 5

    def test_columns_that_fit_come_beside_the_problems_of_those_that_do_not(self, tmp_path: Path) -> None:
        (tmp_path / "rows.csv").write_text("n,s\nx,1\n")
        found = read_columns(tmp_path / "rows.csv", INPUTS.fields)
        assert list(found.names) == ["n", "s"]
        assert found.columns["s"].to_pylist() == ["1"]
        assert found.problems.keys() == {"n", "b"}

    def test_texts_that_mean_null_are_given(self, tmp_path: Path) -> None:
        (tmp_path / "rows.csv").write_text("n,s\nNA,NA\n,\n3,x\n")
        found = read_columns(tmp_path / "rows.csv", INPUTS.fields[:2], ["NA"])
        assert found.columns["n"].to_pylist() == [None, None, 3]
        assert found.columns["s"].to_pylist() == [None, None, "x"]

    def test_a_key_that_a_struct_lacks_is_null_where_the_caller_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "rows.jsonl").write_text('{"l": [{"a": 1}]}\n{"l": [{"b": {}}, null]}\n')
        fields = Schema("l ARRAY<STRUCT<a: INT, b: STRUCT<c: INT>>>").fields
        assert read_columns(tmp_path / "rows.jsonl", fields).problems.keys() == {"l"}
        found = read_columns(tmp_path / "rows.jsonl", fields, complete_structs=True)
        assert found.columns["l"].to_pylist() == [[{"a": 1, "b": None}], [{"a": None, "b": {"c": None}}, None]]
