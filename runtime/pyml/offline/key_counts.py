"""What the rows of a table say of its key: nulls and repeated keys, counted and told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from pyml.errors import Problem
from pyml.types.spark_types import backticked, quoted

if TYPE_CHECKING:
    import numpy as np
    from pyspark.sql import DataFrame, SparkSession

HASHED_ROWS = 10_000_000
"""How many rows may be told apart by hashes that this process holds."""


@dataclass(frozen=True)
class KeyHashes:
    """The 64-bit hashes of the keys of all rows, as Spark's `xxhash64` makes them.

    Attributes:
        values: the hashes, shape (rows,), int64, in ascending order.
    """

    values: np.ndarray

    @property
    def are_distinct(self) -> bool:
        """Whether no two are equal."""
        return not bool((self.values[1:] == self.values[:-1]).any())


@dataclass(frozen=True)
class KeyCounts:
    """What the rows of a table say of its key.

    Attributes:
        rows: number of rows.
        null_rows: rows that have a null in a key column.
        repeated_keys: different keys that several rows have.
    """

    rows: int
    null_rows: int
    repeated_keys: int


def key_hashes(table: DataFrame, key: Sequence[str], rows: int) -> KeyHashes | None:
    """The hashes of the keys of all rows, which come to this process as 8 bytes a row.

    Args:
        table: the rows.
        key: columns that should identify a row.
        rows: number of rows, as far as it is known.

    Returns:
        The hashes; None if a key is null, if its type is one whose equal values may have different hashes, and for more
        than `HASHED_ROWS` rows.
    """
    import numpy as np
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own name for it

    if rows > HASHED_ROWS or not _has_steady_hash(table, key):
        return None
    columns = [F.col(backticked(name)) for name in key]
    has_null = reduce(or_, (column.isNull() for column in columns))
    hashes = table.select(F.when(~has_null, F.xxhash64(*columns)).alias("hash")).toArrow().column(0)
    return None if hashes.null_count else KeyHashes(np.sort(hashes.to_numpy()))


def _has_steady_hash(table: DataFrame, key: Sequence[str]) -> bool:
    """Whether equal values of every key column have equal hashes: not zeros with a sign, nor texts that ignore case."""
    types = {field.name.lower(): field.dataType for field in table.schema.fields}
    return all(types[name.lower()].simpleString().partition("(")[0] in _STEADY for name in key)


_STEADY = frozenset(
    {
        *("tinyint", "smallint", "int", "bigint", "decimal", "string", "binary", "boolean"),
        *("date", "timestamp", "timestamp_ntz"),
    }
)
"""Spark's names of types; a `string` with a collation has it in its name."""


def count_keys(table: DataFrame, key: Sequence[str], hashes: KeyHashes | None) -> KeyCounts:
    """Count rows, nulls and repeated keys.

    Equal keys have equal hashes: if no two hashes are equal, no two keys are. Else Spark groups the keys themselves,
    which takes four times as long.

    Args:
        table: the rows.
        key: columns that should identify a row.
        hashes: of these keys; None if they are not known.
    """
    if hashes is not None and hashes.are_distinct:
        return KeyCounts(len(hashes.values), 0, 0)
    return _grouped(table, key)


def _grouped(table: DataFrame, key: Sequence[str]) -> KeyCounts:
    from pyspark.sql import functions as F  # noqa: N812

    names = [f"__key_{position}" for position in range(len(key))]
    has_null = " OR ".join(f"{name} IS NULL" for name in names)
    keys = table.select(*(F.col(backticked(name)).alias(safe) for name, safe in zip(key, names, strict=True)))
    # Not as a statement: Spark Connect would ask once to parse it and once for its result.
    counted = (
        keys.groupBy(*names)
        .agg(F.count(F.lit(1)).alias("__rows"))
        .selectExpr("__rows", f"{has_null} AS __has_null")
        .selectExpr("coalesce(sum(__rows), 0)", "coalesce(sum(if(__has_null, __rows, 0)), 0)", "count_if(__rows > 1)")
        .collect()[0]
    )
    return KeyCounts(*map(int, counted))


def key_problems(spark: SparkSession, relation: str, key: Sequence[str], counts: KeyCounts) -> Iterator[Problem]:
    """Problems of the key of a table or view: nulls and repeated keys, with an example.

    Args:
        spark: session that can read the table.
        relation: name of the table or view, quoted if necessary.
        key: columns that should identify a row.
        counts: of this table and key.
    """
    if counts.null_rows:
        shown = " OR ".join(f"{quoted(name)} IS NULL" for name in key)
        message = f"{counts.null_rows} rows have a null in the key ({', '.join(map(quoted, key))})"
        yield Problem(message, f"WHERE NOT ({shown})")
    if counts.repeated_keys:
        columns = ", ".join(map(backticked, key))
        repeated = spark.sql(
            f"SELECT to_json(struct({columns}), map('ignoreNullFields', 'false')), count(*) "
            f"FROM {relation} GROUP BY {columns} HAVING count(*) > 1 LIMIT 1"
        ).collect()[0]
        # As text of Spark: Python has no date of the year 12024.
        values = json.loads(repeated[0], parse_float=str, parse_int=str)
        example = ", ".join(f"{name}={value}" for name, value in values.items())
        yield Problem(
            f"{counts.repeated_keys} keys appear more than once, such as {example} ({repeated[1]} times)",
            "add columns to the key until it identifies one row",
        )
