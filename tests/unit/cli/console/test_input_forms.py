"""A form from declared inputs: its examples fit, and what is typed means the same as in a file of rows."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml.errors import InputError
from pyml.inference.describe import Signature
from pyml.types.schema import Schema
from pyml_cli.console.pages.input_forms import NULL, VALUE, form_fields, row_text
from pyml_sandbox.predict.file_formats.file_rows import read_rows

EVERY_TYPE = (
    *("TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL(10,2)", "BOOLEAN", "STRING", "BINARY"),
    *("DATE", "TIMESTAMP", "TIMESTAMP_NTZ", "ARRAY<INT>", "MAP<STRING, INT>"),
)


def signature(schema: Schema) -> Signature:
    return Signature("tensor" if schema.is_tensor else "frame", schema, Schema("y DOUBLE"))


def row(schema: Schema, values: dict[str, str], nulls: tuple[str, ...], folder: Path) -> dict[str, object]:
    fields = form_fields(signature(schema))
    filled = {f"{VALUE}{field.name}": values.get(field.name, field.example) for field in fields}
    file = folder / "rows.jsonl"
    file.write_text(row_text(fields, {**filled, **{f"{NULL}{name}": "yes" for name in nulls}}), encoding="utf-8")
    found: dict[str, object] = read_rows(file, schema).to_pylist()[0]
    return found


@pytest.mark.parametrize("ddl_type", EVERY_TYPE)
def test_the_example_of_every_type_fits_it(ddl_type: str, tmp_path: Path) -> None:
    assert row(Schema(f"x {ddl_type}"), {}, (), tmp_path)["x"] is not None


def test_null_and_nan_and_text_are_three_things(tmp_path: Path) -> None:
    schema = Schema("x DOUBLE, y DOUBLE, s STRING, t STRING")
    found = row(schema, {"x": "NaN", "s": "null", "t": ""}, ("y",), tmp_path)
    assert math.isnan(float(str(found["x"])))
    assert found["y"] is None
    assert (found["s"], found["t"]) == ("null", "")


@pytest.mark.parametrize(
    ("text", "value"), [("inf", math.inf), ("-Infinity", -math.inf), (" 1e3 ", 1000.0), ("-0.0", -0.0)]
)
def test_numbers_are_read_as_they_are_written(text: str, value: float, tmp_path: Path) -> None:
    assert row(Schema("x DOUBLE"), {"x": text}, (), tmp_path)["x"] == value


def test_a_whole_number_keeps_every_digit(tmp_path: Path) -> None:
    assert row(Schema("x BIGINT"), {"x": "9007199254740993"}, (), tmp_path)["x"] == 9007199254740993


@pytest.mark.parametrize(
    ("ddl", "text"), [("x INT", "1.5"), ("x INT", "one"), ("x BOOLEAN", "yes"), ("x ARRAY<INT>", "[1,"), ("x INT", "")]
)
def test_what_does_not_fit_is_refused_with_its_column(ddl: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        row(Schema(ddl), {"x": text}, (), tmp_path)
    assert "`x`" in str(error.value)


def test_a_tensor_has_zeros_of_its_shape(tmp_path: Path) -> None:
    schema = Schema([("image", "float32", (-1, 2, 3)), ("label", "int64", (-1,))])
    found = row(schema, {}, (), tmp_path)
    assert found == {"image": [[0.0] * 3] * 2, "label": 0}


@given(st.text(max_size=20))
def test_any_text_reaches_a_string_column_as_it_is(text: str) -> None:
    import json

    fields = form_fields(signature(Schema('`a "b"` STRING')))
    (field,) = fields
    assert json.loads(row_text(fields, {f"{VALUE}{field.name}": text})) == {field.name: text}
