"""What the notebook predicted for the rows of a check: read from a file or a Hive table, in the declared types."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from pyml.command_line import command
from pyml.errors import InputError, Problem, UsageError
from pyml.expected import fitting
from pyml.package.settings import EXPECTED_FILES, FILE_NAME, ParitySettings
from pyml.types.conversion.declared_column import UnfitError, refuse_missing, type_problem
from pyml.types.conversion.row_source import RowSource
from pyml.types.field import Field
from pyml.types.schema import Schema
from pyml.types.spark_types import ddl_type_of
from pyml_sandbox.predict.file_formats.file_rows import read_columns

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SETTING = f"`expected` in table [parity] of {FILE_NAME}"


@dataclass(frozen=True)
class NotebookPredictions:
    """What the notebook predicted.

    Attributes:
        name: the file or the Hive table, as `pyml.toml` names it.
        rows: shape (rows, key columns and outputs): the keys in the types of the snapshot, and each output that fits in
            its declared type.
        misfits: why an output cannot be compared, by its name: it is missing, or does not fit its declared type.
    """

    name: str
    rows: pa.Table
    misfits: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of everything that a report says of it, as hex digits."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.rows.schema) as stream:
            stream.write_table(self.rows.combine_chunks())
        said = repr((self.name, sorted(self.misfits.items()))).encode()
        return hashlib.sha256(said + sink.getvalue().to_pybytes()).hexdigest()


def expected_file(settings: ParitySettings, folder: Path | None) -> Path | None:
    """The file with what the notebook predicted; None if there is none, or if it is a Hive table.

    Args:
        settings: name the file.
        folder: that of `pyml.toml`, as the user has it; None for a stored version, of which the file is no part.

    Raises:
        UsageError: the file does not exist, or there is no folder.
    """
    if not settings.has_expected_file:
        return None
    file = Path(settings.expected)
    if folder is None and not file.is_absolute():
        raise not_beside(settings)
    file = (folder or Path()) / file
    if not file.is_file():
        raise UsageError(f"there is no file {file}, which is {SETTING}", "write it with pyml.save_expected")
    return file


def not_beside(settings: ParitySettings) -> UsageError:
    """The error of a check of a stored version whose `pyml.toml` names a file beside it."""
    return UsageError(
        f"{settings.expected}, which is {SETTING}, lies in the model's folder and is no part of an uploaded version",
        f"check the folder: {command('pyml parity-check', 'FOLDER')}",
    )


def read_notebook(
    name: str, file: Path | None, spark: SparkSession, keys: pa.Schema, outputs: Schema
) -> NotebookPredictions:
    """Read what the notebook predicted.

    Args:
        name: the file or the Hive table, as `pyml.toml` names it.
        file: the file; None for a Hive table.
        spark: a session, for a Hive table.
        keys: the key columns, in the types of the snapshot.
        outputs: the model's declared outputs.

    Raises:
        UsageError: it cannot be read, or its key columns are missing or do not fit those of the rows.
    """
    if file is None:
        found = _of_table(spark, name, [*keys.names, *outputs.names])
        return predictions_of(name, found, RowSource.TABLE, keys, outputs)
    if file.suffix.lower() == ".csv":
        return _of_csv(name, file, keys, outputs)
    return predictions_of(name, _of_parquet(file, name), RowSource.PARQUET, keys, outputs)


def predictions_of(
    name: str, found: pa.Table, source: RowSource, keys: pa.Schema, outputs: Schema
) -> NotebookPredictions:
    """What the notebook predicted, in the types of the keys and of the declared outputs.

    Args:
        name: the file or the Hive table, as `pyml.toml` names it.
        found: its rows. Columns that are neither key nor output are left out.
        source: where they come from, for hints.
        keys: the key columns, in the types of the snapshot.
        outputs: the model's declared outputs.

    Raises:
        UsageError: a key column is missing, or does not fit.
    """
    columns: dict[str, pa.Array] = {}
    problems: dict[str, Problem] = {}
    for each in (*_key_fields(keys), *outputs.fields):
        try:
            columns[each.name] = _column(found, each, source)
        except UnfitError as unfit:
            problems[each.name] = unfit.problem
    return _matched(name, columns, problems, keys)


def _key_fields(keys: pa.Schema) -> list[Field]:
    return [Field(key.name, ddl_type_of(key.type)) for key in keys]


def _matched(
    name: str, columns: Mapping[str, pa.Array], problems: Mapping[str, Problem], keys: pa.Schema
) -> NotebookPredictions:
    for key in keys.names:
        if key in problems:
            raise UsageError(
                f"{name} cannot be matched with the rows by their key: {problems[key].message}", problems[key].hint
            )
    return NotebookPredictions(
        name, pa.table(dict(columns)), {output: problem.message for output, problem in problems.items()}
    )


def _column(found: pa.Table, declared: Field, source: RowSource) -> pa.Array:
    refuse_missing(found.column_names, declared, source)
    column = found[declared.name].combine_chunks()
    try:
        return fitting(column, declared, source)
    except NotImplementedError as error:
        raise UnfitError(type_problem(str(column.type), declared, source)) from error


def _of_csv(name: str, file: Path, keys: pa.Schema, outputs: Schema) -> NotebookPredictions:
    """Read as every CSV file with rows; a null among the predictions is one, also where the output is NOT NULL."""
    fields = [*_key_fields(keys), *(replace(output, nullable=True) for output in outputs.fields)]
    try:
        found = read_columns(file, fields)
    except InputError as error:
        raise _unreadable(name, error.problems[0].message) from error
    return _matched(name, found.columns, found.problems, keys)


def _of_parquet(file: Path, name: str) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        return pq.read_table(file)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(name, str(error)) from error


def _of_table(spark: SparkSession, name: str, wanted: Sequence[str]) -> pa.Table:
    """The wanted columns of a Hive table, by the names that are wanted: Hive has all names in lower case."""
    from pyml.offline.spark_errors import translated_errors

    with translated_errors():
        if not spark.catalog.tableExists(name):
            files = " or ".join(EXPECTED_FILES)
            raise UsageError(
                f"there is no Hive table {name}, which is {SETTING}", f"name a table, or a file that ends in {files}"
            )
        found = spark.table(name)
        by_lower = {column.lower(): column for column in found.columns}
        there = {by_lower[each.lower()]: each for each in wanted if each.lower() in by_lower}
        return found.select(*there).toArrow().rename_columns(list(there.values()))


def _unreadable(name: str, why: str) -> UsageError:
    return UsageError(f"{name}, which is {SETTING}, cannot be read: {why}", "write it with pyml.save_expected")
