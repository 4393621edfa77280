from __future__ import annotations

import pyarrow as pa
import pytest
from pyspark.sql import types as t

from pyml.offline.kept_columns import KeptColumn, storage_problem
from pyml.offline.spark_schema import arrow_type_of_spark, declared_type

MONTHS = t.YearMonthIntervalType()
ODD = t.StructType([t.StructField("a b-c", t.IntegerType()), t.StructField("select", t.StringType("UTF8_LCASE"))])


@pytest.mark.parametrize(
    ("spark_type", "spelled"),
    [
        (t.DecimalType(38, 38), "DECIMAL(38, 38)"),
        (t.VarcharType(3), "STRING"),
        (ODD, "STRUCT<`a b-c`: INT, `select`: STRING>"),
        (t.MapType(t.StringType(), t.ArrayType(ODD)), "MAP<STRING, ARRAY<STRUCT<`a b-c`: INT, `select`: STRING>>>"),
        (MONTHS, "INTERVAL YEAR TO MONTH"),
        (t.ArrayType(t.VariantType()), "ARRAY<VARIANT>"),
    ],
)
def test_a_type_of_spark_is_written_as_a_schema_writes_it(spark_type: t.DataType, spelled: str) -> None:
    assert declared_type(spark_type) == spelled


def test_only_types_of_a_schema_have_an_arrow_type() -> None:
    assert arrow_type_of_spark(t.ArrayType(t.LongType())) == pa.list_(pa.int64())
    assert arrow_type_of_spark(t.ArrayType(MONTHS)) is None


@pytest.mark.parametrize(
    "spark_type", [t.VariantType(), t.MapType(t.StringType(), t.DateType()), MONTHS, t.DayTimeIntervalType(), ODD]
)
def test_a_column_that_no_model_takes_may_stand_beside_its_inputs(spark_type: t.DataType) -> None:
    assert storage_problem("k", spark_type) is None


@pytest.mark.parametrize(
    ("spark_type", "why"),
    [
        (t.CalendarIntervalType(), "an INTERVAL of months and days at once"),
        (t.ArrayType(t.CalendarIntervalType()), "an INTERVAL of months and days at once"),
        (t.StructType([]), "a STRUCT without fields"),
        (t.StructType([t.StructField("a", MONTHS), t.StructField("A", MONTHS)]), "two fields of one name"),
        (t.ArrayType(t.NullType()), "only null is known"),
        (t.StructType([t.StructField("a", MONTHS), t.StructField("v", t.VariantType())]), "both a VARIANT and"),
    ],
)
def test_a_column_that_no_table_holds_is_named_with_its_type(spark_type: t.DataType, why: str) -> None:
    problem = storage_problem("my col", spark_type)
    assert problem is not None
    assert why in problem.message
    assert "CAST(`my col` AS STRING)" in problem.hint


def test_months_pass_the_workers_as_integers_and_nothing_else_is_changed() -> None:
    nested = t.MapType(t.StringType(), t.ArrayType(MONTHS))
    assert KeptColumn("k", nested, "__key_0").field.dataType == t.MapType(t.StringType(), t.ArrayType(t.IntegerType()))
    for same in (ODD, t.VariantType(), t.DayTimeIntervalType(), t.DecimalType(38, 0)):
        assert KeptColumn("k", same, "__key_0").field == t.StructField("__key_0", same)
