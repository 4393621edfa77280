"""The offline half of a model: the function that Spark maps over Arrow batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.inference.record_columns import RECORD_NAMES
from pyml.inference.worker_info import this_worker
from pyml.offline.worker_error import told_to_the_job

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml.inference.runner import Runner

WORKER_COLUMN = "__worker"


def predict_or_tell(
    batches: Iterable[pa.RecordBatch], folder: str, keys: int, *, recorded: bool = False
) -> Iterator[pa.RecordBatch]:
    """What `mapInArrow` calls in a Python worker: :func:`predict_batches`, with errors that the job can read.

    Raises:
        WorkerError: in place of an error of ours.
    """
    with told_to_the_job():
        yield from predict_batches(batches, folder, keys, recorded=recorded)


def predict_batches(
    batches: Iterable[pa.RecordBatch], folder: str, keys: int, *, recorded: bool = False
) -> Iterator[pa.RecordBatch]:
    """Predict for each batch and carry its key columns beside.

    The model is loaded once for each worker, not for each batch or task.

    Args:
        batches: the key columns, then the columns of the model's inputs.
        folder: the model package, on the worker's own disk.
        keys: how many of the first columns are the key.
        recorded: whether the columns of `pyml.inference.digests` follow the predictions.

    Yields:
        The key columns as they came, the predictions, their record if asked for, and a text that says who predicted
        (`Worker`), in the first row.

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
    """A column that holds a text in its first row and null in all others: said once a batch, it costs nothing."""
    import pyarrow as pa

    return pa.concat_arrays([pa.array([text][:rows], pa.string()), pa.nulls(max(rows - 1, 0), pa.string())])


@lru_cache(maxsize=1)
def _runner(folder: str) -> Runner:
    from pyml.inference.runner import Runner

    return Runner.load(Path(folder))
