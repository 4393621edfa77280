"""The options of the offline job's command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class OfflineOptions:
    """The options of the offline job's command line.

    Attributes:
        package: folder of the model package, the same on every worker.
        sql: the query whose rows are predicted.
        table: target Hive table, `database.table`.
        key: columns that identify a row; none for every column that is not an input.
        partition: `COLUMN=VALUE` of each partition column; none for a whole table.
        append: whether the rows are added to those that stand there.
        allow_empty: whether a query without rows is allowed.
    """

    package: Path
    sql: str
    table: str
    key: tuple[str, ...] = ()
    partition: tuple[str, ...] = ()
    append: bool = False
    allow_empty: bool = False

    @classmethod
    def parse(cls, arguments: Sequence[str] | None) -> OfflineOptions:
        """Parse the command line; ends the process with a message if it is invalid."""
        parser = argparse.ArgumentParser(
            prog="python -m pyml.offline",
            description="Predict the rows of a query into a Hive table, in the Spark that spark-submit made.",
        )
        parser.add_argument("--package", type=Path, required=True, metavar="DIR", help="folder of the model package")
        parser.add_argument("--sql", required=True, metavar="QUERY", help="the rows to predict")
        parser.add_argument("--table", required=True, metavar="DATABASE.TABLE", help="the Hive table to write")
        parser.add_argument("--key", action="append", default=[], metavar="COLUMN", help="a column that stays beside")
        parser.add_argument(
            "--partition", action="append", default=[], metavar="COLUMN=VALUE", help="the partition to replace"
        )
        parser.add_argument("--append", action="store_true", help="add the rows to those that stand there")
        parser.add_argument("--allow-empty", action="store_true", help="a query without rows gives an empty table")
        given = vars(parser.parse_args(arguments))
        return cls(**{**given, "key": tuple(given["key"]), "partition": tuple(given["partition"])})
