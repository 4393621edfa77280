from __future__ import annotations

import json
from datetime import date

import pyarrow as pa
import pytest

from pyml_cli.commands.dev.sql_command import RowsView
from pyml_cli.commands.predict_commands import PredictionsView
from pyml_cli.plain import unique_names

DAYS = pa.array([-719528, 3671940, -800000], pa.date32())
"""Before the year 1, after the year 9999, and before Christ."""


def test_two_columns_of_one_name_are_both_shown() -> None:
    view = RowsView(pa.table([[1], [2], [3]], names=["x", "x", "x_2"]))
    assert view.text == "x  x  x_2\n1  2  3"
    assert view.json == {"rows": [{"x": 1, "x_3": 2, "x_2": 3}]}


def test_names_are_unique_whatever_they_are() -> None:
    assert unique_names(["a", "a", "a_2", "a"]) == ["a", "a_3", "a_2", "a_4"]


@pytest.mark.parametrize(
    "column",
    [
        DAYS,
        pa.ListArray.from_arrays([0, 1, 2, 3], DAYS),
        pa.StructArray.from_arrays([DAYS], names=["d"]),
        DAYS.cast(pa.timestamp("s")).cast(pa.timestamp("us", "UTC")),
        pa.MapArray.from_arrays([0, 1, 2, 3], DAYS, DAYS),
    ],
    ids=["date", "list", "struct", "timestamp", "map"],
)
def test_a_date_beyond_the_calendar_of_python_is_shown(column: pa.Array) -> None:
    view = RowsView(pa.table([column], names=["d"]))
    for year in ("0000-01-01", "12023-06-07", "-0221-09-04"):
        assert year in view.text
        assert year in json.dumps(view.json)
        assert year in PredictionsView(view.rows).text


def test_values_that_are_no_json_are_shown_as_text() -> None:
    maps = pa.array([[({"k": 1}, 2)]], pa.map_(pa.struct([("k", pa.int64())]), pa.int64()))
    broken = pa.array([b"a\xff"]).view(pa.string())
    table = pa.table({"m": maps, "s": broken, "n": [float("nan")], "d": [date(2024, 2, 29)], "l": ["two\nlines"]})
    assert RowsView(table).json == {
        "rows": [{"m": [[{"k": 1}, 2]], "s": "b'a\\xff'", "n": "nan", "d": "2024-02-29", "l": "two\nlines"}]
    }
    assert len(RowsView(table).text.splitlines()) == 2


def test_a_map_is_an_object() -> None:
    table = pa.table({"m": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64()))})
    assert PredictionsView(table).text == '{"m": {"a": 1}}'
