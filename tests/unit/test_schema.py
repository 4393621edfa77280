from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyml.errors import SchemaError
from pyml.schema import Schema, arrow_type, ddl_type_of


def test_ddl_is_read_in_spark_spelling() -> None:
    schema = Schema(
        "trip_id BIGINT NOT NULL, `Fare $` decimal(10,2), m map<string,array<int>> COMMENT 'x', t timestamp_ntz"
    )
    assert schema.ddl == (
        "trip_id BIGINT NOT NULL, `Fare $` DECIMAL(10, 2), m MAP<STRING, ARRAY<INT>>, t TIMESTAMP_NTZ"
    )
    assert schema.names == ("trip_id", "Fare $", "m", "t")
    assert not schema.is_tensor


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
        ("a ARRAY<INT", "not a list of columns"),
        ("a ARRAY", "not carried"),
        ("a VARCHAR(3)", "write STRING"),
        ("a INTERVAL", "not"),
        ("a DECIMAL(50, 2)", "out of Spark's range"),
        ("a MAP<STRUCT<x: INT>, INT>", "plain type such as STRING as key"),
        ("a STRUCT<x: INT NOT NULL>", "NOT NULL inside a STRUCT"),
        ("a INT, A INT", "ignores case"),
        ("a INT; DROP TABLE x", "not a list of columns"),
        ("a INT) AS SELECT (1", "not a list of columns"),
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
    ],
)
def test_bad_tensors_are_refused(field: tuple[str, str, tuple[int, ...]], words: str) -> None:
    with pytest.raises(SchemaError, match=words):
        Schema([field])


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
