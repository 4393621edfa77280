"""The function that Spark maps over Arrow batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.errors import InputError
from pyml.inference.record_columns import RECORD_NAMES
from pyml.inference.worker_info import this_worker
from pyml.offline.worker_error import reported_to_job

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml.inference.runner import Runner

WORKER_COLUMN = "__worker"


def predict_or_report(
    batches: Iterable[pa.RecordBatch], folder: str, keys: int, *, inputs: Sequence[str], recorded: bool = False
) -> Iterator[pa.RecordBatch]:
    """What `mapInArrow` calls in a Python worker: :func:`predict_batches`, with errors that the job can parse.

    Args:
        batches: as of :func:`predict_batches`, under the names of :func:`worker_names`.
        folder: as of :func:`predict_batches`.
        keys: as of :func:`predict_batches`.
        inputs: the names of the model's inputs, in the order of the batches.
        recorded: as of :func:`predict_batches`.

    Yields:
        What :func:`predict_batches` yields, under the names of :func:`worker_names`.

    Raises:
        WorkerError: in place of a `PymlError`.
    """
    names = [*worker_names(keys, 0, 0)[0], *inputs]
    with reported_to_job():
        for predicted in predict_batches((_renamed(each, names) for each in batches), folder, keys, recorded=recorded):
            added = (*(RECORD_NAMES if recorded else ()), WORKER_COLUMN)
            key_names, _, outputs = worker_names(keys, 0, predicted.num_columns - keys - len(added))
            yield _renamed(predicted, [*key_names, *outputs, *added])


def worker_names(keys: int, inputs: int, outputs: int) -> tuple[list[str], list[str], list[str]]:
    """The names under which key columns, inputs and outputs go to the workers and come back: any column has any name.

    Args:
        keys: number of key columns.
        inputs: number of inputs.
        outputs: number of outputs.
    """
    counts = {"key": keys, "input": inputs, "output": outputs}
    key, given, predicted = ([f"__{kind}_{position}" for position in range(n)] for kind, n in counts.items())
    return key, given, predicted


def _renamed(batch: pa.RecordBatch, names: Sequence[str]) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_arrays(batch.columns, names=list(names))


def predict_batches(
    batches: Iterable[pa.RecordBatch], folder: str, keys: int, *, recorded: bool = False
) -> Iterator[pa.RecordBatch]:
    """Predict for each batch and keep its key columns.

    The model is loaded once for each worker, not for each batch or task.

    Args:
        batches: the key columns, then the columns of the model's inputs.
        folder: the model package, on the worker's own disk.
        keys: number of leading columns that are the key.
        recorded: whether the columns of `pyml.inference.record_columns` follow the predictions.

    Yields:
        The key columns unchanged, the predictions, their record if asked for, and a string column that describes the
        worker (`Worker`) in its first row.

    Raises:
        PackageError: the model cannot be loaded.
        InputError, PredictError, OutputError: from `predict`.
    """
    import pyarrow as pa

    runner, worker = _runner(folder), this_worker().to_json()
    for batch in batches:
        inputs = batch.select(range(keys, batch.num_columns))
        predictions, record = runner.predict_recorded(inputs) if recorded else (runner.predict_arrow(inputs), [])
        names = RECORD_NAMES if recorded else ()
        yield pa.RecordBatch.from_arrays(
            [*batch.columns[:keys], *predictions.columns, *record, _once(worker, batch.num_rows)],
            names=[*batch.schema.names[:keys], *predictions.schema.names, *names, WORKER_COLUMN],
        )


def _once(text: str, rows: int) -> pa.Array:
    """A column with a string in its first row and null in all others: once per batch costs nothing."""
    import pyarrow as pa

    return pa.concat_arrays([pa.array([text][:rows], pa.string()), pa.nulls(max(rows - 1, 0), pa.string())])


@lru_cache(maxsize=1)
def _runner(folder: str) -> Runner:
    from pyml.inference.runner import Runner
    from pyml.types.conversion.row_source import RowSource

    return Runner.load(Path(folder), RowSource.SQL)


def declared_or_report(
    batches: Iterable[pa.RecordBatch], names: Sequence[str], ddl_types: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """What `mapInArrow` calls to give columns their declared types before anything is predicted.

    Nulls are not checked: whether they are allowed is for the model's own check to say.

    Args:
        batches: the columns, by position.
        names: of the columns, whatever the batches call them.
        ddl_types: the declared Spark type of each; empty for a column that stays as it is.

    Yields:
        The same rows in the declared types.

    Raises:
        WorkerError: in place of an InputError that lists every column with a value that its type cannot hold.
    """
    with reported_to_job():
        for batch in batches:
            yield _declared(batch, names, ddl_types)


def _declared(batch: pa.RecordBatch, names: Sequence[str], ddl_types: Sequence[str]) -> pa.RecordBatch:
    import pyarrow as pa

    from pyml.types.conversion.declared_column import as_declared, fitted
    from pyml.types.conversion.row_source import RowSource
    from pyml.types.field import Field

    found = dict(zip(names, batch.columns, strict=True))

    def one(field: Field) -> pa.Array:
        column = found[field.name]
        return as_declared(column, field, RowSource.SQL) if field.ddl_type else column

    columns, problems = fitted(map(Field, names, ddl_types), one)
    if problems:
        raise InputError("the rows do not fit the model's inputs", problems)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
