"""The rows of a Hive table in parts of a bounded size, and the Parquet file that they are written to one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyspark.sql import DataFrame, SparkSession

PART_ROWS = 1_000_000
"""Rows of one part, at most, where the table's files are not larger."""
FILE = "_metadata.file_path"
"""Spark's hidden column with the file of a row."""


def table_parts(
    spark: SparkSession, table: str, rows: int | None = None, part_rows: int = PART_ROWS
) -> Iterator[pa.Table]:
    """The rows of a table or view, in parts. Blocks while Spark reads.

    Spark's driver holds a whole result before it is fetched, and refuses one of more than 1 GB. Therefore a large table
    is read in several queries, each of some of its files. A file of more rows than a part is one part, and so is a view
    whose rows come from no files.

    Args:
        spark: a session.
        table: `database.table`, quoted if necessary.
        rows: number of rows, if it is known: so few that they are one part are not counted first.
        part_rows: rows of one part, at most.

    Yields:
        The parts, each in the Arrow types of `toArrow`; at least one, which is empty if the table is.
    """
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own name for it

    whole = spark.table(table)
    parts = [] if rows is not None and rows <= part_rows else _parts(_rows_by_file(whole), part_rows)
    if len(parts) < 2:
        yield whole.toArrow()
    for files in parts if len(parts) > 1 else ():
        yield whole.where(F.col(FILE).isin(files)).toArrow()


def _rows_by_file(whole: DataFrame) -> dict[str, int]:
    """Number of rows by file, in the order in which Spark wrote them; empty where Spark does not know the files."""
    from pyspark.errors import AnalysisException
    from pyspark.sql import functions as F  # noqa: N812

    if any(name.lower() == "_metadata" for name in whole.columns):
        return {}
    try:
        counted = whole.groupBy(F.col(FILE).alias("file")).count().orderBy("file").collect()
    except AnalysisException:
        return {}
    return {row["file"]: row["count"] for row in counted}


def _parts(rows_by_file: dict[str, int], part_rows: int) -> list[list[str]]:
    """The files of each part."""
    parts: list[list[str]] = []
    room = 0
    for file, rows in rows_by_file.items():
        if rows > room or not parts:
            parts.append([])
            room = part_rows
        parts[-1].append(file)
        room -= rows
    return parts


class PartsFile:
    """A Parquet file that tables of one schema are written to, one after the other; removed if that fails.

    Args:
        file: Parquet file to write.
        columns: names of the columns to write; None for all.
        group_rows: rows in a row group, at most; None for those of pyarrow, a million.
    """

    def __init__(self, file: Path, columns: Sequence[str] | None = None, group_rows: int | None = None) -> None:
        self._file = file
        self._columns = columns
        self._group_rows = group_rows
        self._writer: pq.ParquetWriter | None = None

    def write(self, part: pa.Table) -> None:
        """Add the rows of a table."""
        import pyarrow.parquet as pq

        table = part if self._columns is None else part.select(list(self._columns))
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, table.schema)
        self._writer.write_table(table, self._group_rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._writer is not None:
            self._writer.close()
            if error is not None:
                self._file.unlink(missing_ok=True)
