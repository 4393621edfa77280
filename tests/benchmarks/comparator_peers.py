"""Other comparators, each asked in the same words: are these two tables different?

Each gets every help that it offers and the help that any user would give: rows are sorted by key for those that cannot
join, columns may come in another order, names keep their case. `lacks` says what a comparator has no way to express;
pairs that need it are not put to it.
"""

from __future__ import annotations

import enum
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from pyml_sandbox.compare import Tolerance, Tolerances, compare
from support.compare_pairs import Layer, Pair

if TYPE_CHECKING:
    import polars as pl
    from pyspark.sql import DataFrame, SparkSession


class Need(enum.Enum):
    """What a comparator must be able to express before a pair is a fair question."""

    KEY_AUDIT = "repeated and null keys as a fault of their own"
    EXACT_FLOATS = "floats to the last bit"
    TYPES = "types apart from values"
    OBJECT_TYPES = "types of what NumPy holds as Python objects"
    MAPS = "maps"
    NULL_NUMBERS = "null beside NaN in numbers"
    SPARK_TYPES = "types that Spark lacks"


@dataclass(frozen=True)
class Peer:
    """A comparator.

    Attributes:
        name: with the mode in which it is asked.
        package: the distribution that it comes from.
        differs: loads both tables and answers; raises `CannotLoadError` or, in its own words, that it cannot answer.
        lacks: needs that it cannot meet.
    """

    name: str
    package: str
    differs: Callable[[Pair], bool]
    lacks: frozenset[Need] = frozenset()

    def __str__(self) -> str:
        return f"{self.name} {version(self.package)}"


class CannotLoadError(Exception):
    """The library has no such type: the pair is no question to it."""


PEER_TOLERANCE = Tolerance(rtol=1e-5, atol=1e-8)
"""The default of pandas, polars and Spark alike."""


def needs(pair: Pair) -> frozenset[Need]:
    """What a comparator must be able to express to answer a pair."""
    kinds = [field.type for side in (pair.left, pair.right) for field in side.schema if field.name not in pair.key]
    found = {
        Need.KEY_AUDIT: pair.has_same_rows,
        Need.EXACT_FLOATS: pair.differs_in == {Layer.VALUE} and _is_near(pair),
        Need.TYPES: pair.differs_in == {Layer.TYPE},
        Need.OBJECT_TYPES: pair.differs_in == {Layer.TYPE} and all(map(_is_object, kinds)),
        Need.MAPS: pair.group == "entries in another order",
        Need.NULL_NUMBERS: any(_has_null_number(side) for side in (pair.left, pair.right)),
        Need.SPARK_TYPES: any(_is_lost_in_spark(kind) for kind in kinds),
    }
    return frozenset(need for need, is_needed in found.items() if is_needed)


def _is_near(pair: Pair) -> bool:
    tolerances = Tolerances(PEER_TOLERANCE, PEER_TOLERANCE)
    return compare(pair.left, pair.right, pair.key, tolerances=tolerances).agrees


def _has_null_number(table: pa.Table) -> bool:
    """A null that NumPy's floats and integers cannot hold, at any depth."""
    return any(
        _holds_null(value, field.type) for field in table.schema for value in table.column(field.name).to_pylist()
    )


def _holds_null(value: object, kind: pa.DataType) -> bool:
    if value is None:
        return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
    if isinstance(value, dict):
        return any(_holds_null(value[field.name], field.type) for field in kind)
    if isinstance(value, list) and pa.types.is_map(kind):
        return any(_holds_null(part, kind.item_type) for _, part in value)
    return isinstance(value, list) and any(_holds_null(part, kind.value_type) for part in value)


def _is_object(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_nested(kind) or types.is_decimal(kind) or types.is_date(kind) or types.is_binary(kind))


def _is_lost_in_spark(kind: pa.DataType) -> bool:
    """Types that Spark takes for another one: nanoseconds are cut off, lists of a fixed length are lists."""
    return kind == pa.timestamp("ns") or bool(pa.types.is_fixed_size_list(kind))


def ours(pair: Pair) -> bool:
    """pyml's comparator, to the last bit."""
    return not compare(pair.left, pair.right, pair.key, tolerances=Tolerances.exact()).agrees


def _raises(difference: type[Exception] | tuple[type[Exception], ...], check: Callable[[], object]) -> bool:
    """The check objects with an exception of this type."""
    try:
        check()
    except difference:
        return True
    return False


def _numpy(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _arrow(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def pandas_testing(load: Callable[[pa.Table], pd.DataFrame], *, check_exact: bool) -> Callable[[Pair], bool]:
    """`pandas.testing.assert_frame_equal`; to give `check_exact=False` is not the same as not to give it."""
    check = pd.testing.assert_frame_equal
    check = partial(check, check_like=True, check_exact=True) if check_exact else partial(check, check_like=True)

    def differs(pair: Pair) -> bool:
        sides = (load(side).sort_values([*pair.key]).reset_index(drop=True) for side in (pair.left, pair.right))
        return _raises(AssertionError, partial(check, *sides))

    return differs


def _polars(table: pa.Table) -> pl.DataFrame:
    import polars as pl

    frame = pl.from_arrow(table)
    if not isinstance(frame, pl.DataFrame):
        raise CannotLoadError(str(table.schema))
    return frame


def polars_testing(*, check_exact: bool) -> Callable[[Pair], bool]:
    """`polars.testing.assert_frame_equal`."""

    def differs(pair: Pair) -> bool:
        from polars.testing import assert_frame_equal

        left, right = (_polars(side).sort([*pair.key]) for side in (pair.left, pair.right))
        return _raises(
            AssertionError,
            lambda: assert_frame_equal(left, right, check_column_order=False, check_exact=check_exact),
        )

    return differs


def datacompy_pandas(load: Callable[[pa.Table], pd.DataFrame]) -> Callable[[Pair], bool]:
    """`datacompy.PandasCompare`, whose tolerances are 0 by default."""

    def differs(pair: Pair) -> bool:
        from datacompy import PandasCompare

        sides = (load(pair.left), load(pair.right))
        return not PandasCompare(*sides, join_columns=[*pair.key], cast_column_names_lower=False).matches()

    return differs


def datacompy_polars(pair: Pair) -> bool:
    """`datacompy.PolarsCompare`, whose tolerances are 0 by default."""
    from datacompy import PolarsCompare

    sides = (_polars(pair.left), _polars(pair.right))
    return not PolarsCompare(*sides, join_columns=[*pair.key], cast_column_names_lower=False).matches()


def spark_session() -> SparkSession:
    """A Spark of this process alone, in which instants are UTC and names keep their case."""
    from pyspark.sql import SparkSession

    os.environ["TZ"] = "UTC"  # rows come back as local times
    time.tzset()
    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings: dict[str, bool | float | int | str | None] = {
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.log.level": "OFF",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.timestampType": "TIMESTAMP_NTZ",
        "spark.sql.caseSensitive": "true",
        "spark.sql.shuffle.partitions": "1",
    }
    return SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()


def _spark_frames(spark: SparkSession, pair: Pair) -> tuple[DataFrame, DataFrame]:
    from pyspark.errors import PySparkException

    try:
        return spark.createDataFrame(pair.left), spark.createDataFrame(pair.right)
    except PySparkException as error:
        raise CannotLoadError(str(error)) from error


def spark_testing(spark: SparkSession, rtol: float = 1e-5, atol: float = 1e-8) -> Callable[[Pair], bool]:
    """`pyspark.testing.assertDataFrameEqual`, which ignores the order of rows; its own tolerance by default."""

    def differs(pair: Pair) -> bool:
        from pyspark.errors import PySparkAssertionError
        from pyspark.testing import assertDataFrameEqual

        check = partial(assertDataFrameEqual, ignoreColumnOrder=True, rtol=rtol, atol=atol)
        return _raises(PySparkAssertionError, partial(check, *_spark_frames(spark, pair)))

    return differs


def chispa(spark: SparkSession) -> Callable[[Pair], bool]:
    """`chispa.assert_df_equality` with NaN equal to NaN; it is exact."""

    def differs(pair: Pair) -> bool:
        from chispa import DataFramesNotEqualError, SchemasNotEqualError, assert_df_equality

        left, right = (side.orderBy(*pair.key) for side in _spark_frames(spark, pair))
        return _raises(
            (DataFramesNotEqualError, SchemasNotEqualError),
            lambda: assert_df_equality(
                left, right, ignore_nullable=True, ignore_column_order=True, allow_nan_equality=True
            ),
        )

    return differs


def all_peers() -> list[Peer]:
    """Ours and every other, in the order of the table."""
    spark = spark_session()
    listed = frozenset({Need.KEY_AUDIT, Need.MAPS})
    near = listed | {Need.EXACT_FLOATS}
    numpy = frozenset({Need.NULL_NUMBERS, Need.OBJECT_TYPES})
    in_spark = frozenset({Need.KEY_AUDIT, Need.SPARK_TYPES})
    return [
        Peer("pyml", "pyml-sandbox", ours),
        Peer("pandas.testing", "pandas", pandas_testing(_numpy, check_exact=False), near | numpy),
        Peer("pandas.testing check_exact", "pandas", pandas_testing(_numpy, check_exact=True), listed | numpy),
        Peer("pandas.testing, Arrow columns", "pandas", pandas_testing(_arrow, check_exact=False), near),
        Peer("pandas.testing check_exact, Arrow columns", "pandas", pandas_testing(_arrow, check_exact=True), listed),
        Peer("polars.testing", "polars", polars_testing(check_exact=False), near),
        Peer("polars.testing check_exact", "polars", polars_testing(check_exact=True), listed),
        Peer("datacompy pandas", "datacompy", datacompy_pandas(_numpy), listed | numpy | {Need.TYPES}),
        Peer("datacompy pandas, Arrow columns", "datacompy", datacompy_pandas(_arrow), listed | {Need.TYPES}),
        Peer("datacompy polars", "datacompy", datacompy_polars, listed | {Need.TYPES}),
        Peer("chispa", "chispa", chispa(spark), in_spark),
        Peer("assertDataFrameEqual", "pyspark", spark_testing(spark), in_spark | {Need.EXACT_FLOATS}),
        Peer("assertDataFrameEqual rtol=atol=0", "pyspark", spark_testing(spark, rtol=0, atol=0), in_spark),
    ]
