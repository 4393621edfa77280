from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml.errors import SchemaError
from pyml.types.schema import Schema
from pyml.types.spark_types import arrow_type, ddl_type_of


def test_ddl_is_read_in_spark_spelling() -> None:
    schema = Schema(
        "trip_id BIGINT NOT NULL, `Fare $` decimal(10,2), m map<string,array<int>> COMMENT 'x', t timestamp_ntz"
    )
    assert schema.ddl == (
        "trip_id BIGINT NOT NULL, `Fare $` DECIMAL(10, 2), m MAP<STRING, ARRAY<INT>>, t TIMESTAMP_NTZ"
    )
    assert schema.names == ("trip_id", "Fare $", "m", "t")
    assert not schema.is_tensor


RESERVED = [
    "select",
    "case",
    "unique",
    "any",
    "like",
    "not",
    "null",
    "true",
    "false",
    "constraint",
    "current_date",
    "current_timestamp",
    "current_user",
    "session_user",
    "table",
    "from",
    "where",
    "order",
    "group",
    "primary",
    "check",
    "foreign",
    "default",
    "comment",
    "key",
    "interval",
    "map",
    "array",
    "struct",
    "date",
    "timestamp",
    "int",
    "exists",
    "values",
    "index",
    "end",
    "then",
    "when",
    "else",
    "in",
    "is",
    "with",
    "lateral",
    "cross",
    "user",
    "cast",
    "row",
    "partition",
    "union",
    "except",
    "exclude",
]
ODD = ["a.b", "a`b", "a b", " a ", "a-b", "ß", "Ä", "SELECT", "Null", "🙂", "1a", "7", "a,b", "a;b", 'a"b', "a'b", "a\\b",
       "a\nb", "a\tb", "<", ">", "(", ")", "a:b", "--", "/*", "*/", "$x", "@y", "%", " ", "İ", "x" * 3000]  # fmt: skip


@pytest.mark.parametrize("name", [*RESERVED, *ODD])
def test_a_column_and_a_field_may_have_any_name_that_spark_allows(name: str) -> None:
    written = "`" + name.replace("`", "``") + "`"
    schema = Schema(f"{written} STRUCT<{written}: INT> NOT NULL, z MAP<STRING, STRUCT<{written}: INT>>")
    assert schema.names == (name, "z")
    assert schema.arrow.field(0).type.field(0).name == name
    assert Schema(schema.ddl) == schema


@pytest.mark.parametrize("name", ["id", "name", "value", "date", "hour", "user", "key", "index", "_c1", "x9"])
def test_names_that_need_no_back_ticks_are_written_without(name: str) -> None:
    assert Schema(f"`{name}` INT").ddl == f"{name} INT"


@pytest.mark.parametrize(
    ("alias", "spelled"),
    [("BYTE", "TINYINT"), ("SHORT", "SMALLINT"), ("INTEGER", "INT"), ("LONG", "BIGINT"), ("DEC", "DECIMAL(10, 0)"),
     ("NUMERIC(3)", "DECIMAL(3, 0)"), ("REAL", "FLOAT"), ("TIMESTAMP_LTZ", "TIMESTAMP")],
)  # fmt: skip
def test_spark_aliases_are_one_type(alias: str, spelled: str) -> None:
    assert Schema(f"c {alias}").fields[0].ddl_type == spelled


@pytest.mark.parametrize(
    ("ddl", "words"),
    [
        ("a BIGNT", "at 'BIGNT'"),
        ("a", "has no type"),
        ("a INT,", "nothing before or after it"),
        (",a INT", "nothing before or after it"),
        ("a INT,, b INT", "nothing before or after it"),
        ("a INT, -- the last", "nothing before or after it"),
        ("a STRUCT<x: INT,>", "nothing before or after it"),
        ("a DECIMAL(5,)", "nothing before or after it"),
        ("a ARRAY<INT", "expected a list of columns"),
        ("a ARRAY", "not supported"),
        ("a VARCHAR(3)", "write STRING"),
        ("a INTERVAL", "not"),
        ("a DECIMAL(50, 2)", "out of Spark's range"),
        ("a MAP<STRUCT<x: INT>, INT>", "plain type such as STRING as key"),
        ("a STRUCT<x: INT NOT NULL>", "NOT NULL inside a STRUCT"),
        ("a INT, A INT", "ignores case"),
        ("a INT; DROP TABLE x", "expected a list of columns"),
        ("a INT) AS SELECT (1", "expected a list of columns"),
        ("a INT DEFAULT 5", "`DEFAULT 5` is not supported"),
        ("a INT CHECK (a > 1)", "`CHECK (a > 1)` is not supported"),
        ("a INT PRIMARY KEY", "`PRIMARY KEY` is not supported"),
        ("a INT, PRIMARY KEY (a)", "`PRIMARY KEY (a)` is not supported"),
        ("a INT, CONSTRAINT positive CHECK (a > 1)", "`CONSTRAINT positive CHECK (a > 1)` is not supported"),
        ("a INT UNIQUE", "`UNIQUE` is not supported"),
        ("a INT GENERATED ALWAYS AS (1)", "GENERATED ALWAYS AS (1)` is not supported"),
        ("a STRING COLLATE UTF8_LCASE", "`COLLATE UTF8_LCASE` is not supported"),
        ("a INT REFERENCES b", "`REFERENCES b` is not supported"),
        ("a INT FIRST", "`FIRST` is not supported"),
        ("a STRUCT<x: INT DEFAULT 5>", "`DEFAULT 5` is not supported"),
        ("a INT) PARTITIONED BY (b", "`PARTITIONED BY (b)` is not supported"),
        ("a INT) USING parquet OPTIONS (x 1", "is not supported"),
        ("LIKE b", "`LIKE b` is not supported"),
        ("t.a INT", "`t.a` is not supported"),
        ("a INT[3]", "is not supported"),
        ("a DECIMAL(x)", "is not supported"),
        ("a DECIMAL(1, 2, 3)", "not supported"),
        ("a FLOAT(5)", "not supported"),
        ("a STRUCT<x: INT, X: INT>", "ignores case"),
        (f"a {'ARRAY<' * 2000}INT{'>' * 2000}", "nested too deeply"),
        (f"a {'STRUCT<x: ' * 20_000}INT{'>' * 20_000}", "nested too deeply"),
        (f"a {'MAP<INT, ' * 20_000}INT{'>' * 20_000}", "nested too deeply"),
        (f"a {'(' * 20_000}", "nested too deeply"),
        (f"a INT DEFAULT {'1 + ' * 5_000}1", "is not supported"),
    ],
)
def test_bad_ddl_is_refused_with_the_fix(ddl: str, words: str) -> None:
    with pytest.raises(SchemaError) as raised:
        Schema(ddl)
    assert words in str(raised.value)
    assert raised.value.hint


def test_tensors_are_columns_whose_dimensions_are_arrays() -> None:
    schema = Schema([("image", "float32", (-1, 28, 28)), ("gain", "FP64", [-1]), ("tag", "bytes", (-1,))])
    assert schema.is_tensor
    assert Schema(json.loads(json.dumps(schema.declaration))) == schema
    assert schema.ddl == "image ARRAY<ARRAY<FLOAT>> NOT NULL, gain DOUBLE NOT NULL, tag BINARY NOT NULL"


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (("x", "float99", (-1,)), "unknown dtype"),
        (("x", "uint64", (-1,)), "unknown dtype"),
        (("x", "float32", ()), "first dimension"),
        (("x", "float32", (4,)), "first dimension"),
        (("x", "float32", (-1, 0)), "shape"),
        (("x", "float32"), "expected a name, a dtype"),
        (("x", "float32", (-1,), "more"), "expected a name, a dtype"),
        ("xyz", "expected a name, a dtype"),
        (5, "expected a name, a dtype"),
        (None, "expected a name, a dtype"),
        (("x", "float32", -1), "expected a name, a dtype"),
        (("x", "float32", "-1"), "expected a name, a dtype"),
        (("x", "float32", (-1, 2.0)), "expected a name, a dtype"),
        (("x", "float32", (-1, None)), "expected a name, a dtype"),
        (("x", float, (-1,)), "unknown dtype"),
        ((5, "float32", (-1,)), "expected a name, a dtype"),
        (("", "float32", (-1,)), "expected a name, a dtype"),
    ],
)
def test_bad_tensors_are_refused(field: object, words: str) -> None:
    with pytest.raises(SchemaError, match=words) as raised:
        Schema([field])  # type: ignore[list-item]  # as an author may write it
    assert raised.value.hint


@pytest.mark.parametrize("fields", [None, 5, {"x": "float32"}, b"a INT", float], ids=repr)
def test_what_is_neither_ddl_nor_a_list_of_tensors_is_refused(fields: object) -> None:
    with pytest.raises(SchemaError, match="DDL or a list of tensors") as raised:
        Schema(fields)  # type: ignore[arg-type]  # as an author may write it
    assert raised.value.hint


def test_types_may_be_nested_as_deeply_as_anybody_writes_them() -> None:
    ddl_type = "ARRAY<" * 50 + "INT" + ">" * 50
    assert Schema(f"a {ddl_type}").fields[0].ddl_type == ddl_type


def test_a_message_about_long_ddl_is_short() -> None:
    with pytest.raises(SchemaError) as raised:
        Schema("a BIGNT, " * 10_000)
    assert len(str(raised.value)) < 1_000


def test_a_comma_in_a_name_or_a_comment_is_none_between_columns() -> None:
    assert Schema("`a,` INT COMMENT 'x,', -- one, two\n b MAP<INT, STRUCT<x: INT, y: INT>>").names == ("a,", "b")


def test_ddl_may_have_comments_and_several_lines() -> None:
    assert Schema("a INT, -- the first\n b STRING /* and the last */ -- of all").ddl == "a INT, b STRING"


def test_the_lengths_of_a_shape_may_be_numbers_of_numpy() -> None:
    schema = Schema([("x", "float32", (-1, np.int64(3)))])  # type: ignore[list-item]  # no int to mypy
    assert json.loads(json.dumps(schema.declaration)) == [["x", "FP32", [-1, 3]]]


PLAIN = st.sampled_from(
    ["TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "STRING", "BINARY", "BOOLEAN", "DATE", "TIMESTAMP",
     "TIMESTAMP_NTZ", "DECIMAL(38, 0)", "DECIMAL(5, 5)"]
)  # fmt: skip
TYPES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        inner.map(lambda t: f"ARRAY<{t}>"),
        st.tuples(PLAIN, inner).map(lambda kv: f"MAP<{kv[0]}, {kv[1]}>"),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda ts: f"STRUCT<{', '.join(f'f{i}: {t}' for i, t in enumerate(ts))}>"
        ),
    ),
    max_leaves=6,
)


@given(TYPES)
def test_every_type_survives_the_way_through_arrow(ddl_type: str) -> None:
    assert ddl_type_of(arrow_type(ddl_type)) == ddl_type
    assert Schema(Schema(f"c {ddl_type}").declaration) == Schema(f"c {ddl_type}")


@pytest.mark.parametrize(
    ("ddl_type", "base_type"),
    [
        ("INT", "INT"),
        ("DECIMAL(10, 2)", "DECIMAL"),
        ("ARRAY<DECIMAL(10, 2)>", "ARRAY"),
        ("MAP<STRING, INT>", "MAP"),
        ("STRUCT<a: INT>", "STRUCT"),
    ],
)
def test_the_base_type_of_a_field_has_no_parameters(ddl_type: str, base_type: str) -> None:
    assert Schema(f"x {ddl_type}").fields[0].base_type == base_type
