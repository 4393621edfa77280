"""Rows of files: in the declared types, nothing guessed, and what is absent told from what is empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyml.errors import InputError, UsageError
from pyml.types.schema import Schema
from pyml_sandbox.predict.user_rows import read_rows

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
        ('{"S": "a", "n": 1}\n', "line 1 has no key `s`"),
        ('{"s": "a", "m": 1}\n{"s": "b"}\n', "column `n` is missing"),
        ('{"s": "a", "m": 1}\n{"s": "b"}\n', "the file has: s, m"),
        ('[{"s": "a", "n": 1}]', "write one object on each line"),
        ('{"s": 1, "n": 1}\n', "Column(/s) changed from string to number"),
    ],
)
def test_json_lines_that_lack_a_key_are_an_error_that_names_it(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        rows(tmp_path, "rows.jsonl", text, STRICT)
    assert words in str(caught.value)


@pytest.mark.parametrize(("text", "found"), [('{"s": null, "n": 1}\n', [(None, 1)]), ('{\n"s": "a"}', [("a", None)])])
def test_a_null_that_is_written_and_an_object_over_several_lines_are_what_they_are(
    tmp_path: Path, text: str, found: list[tuple[object, ...]]
) -> None:
    assert rows(tmp_path, "rows.json", text, STRICT) == found


def test_a_column_that_csv_lacks_is_an_error_that_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="column `n` is missing") as caught:
        rows(tmp_path, "rows.csv", "s,b\nx,y\n")
    assert "the file has: s, b" in str(caught.value)
