"""The offline half of a model: the function that Spark maps over Arrow batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml.runner import Runner


def predict_batches(batches: Iterable[pa.RecordBatch], folder: str, keys: int) -> Iterator[pa.RecordBatch]:
    """Predict for each batch and carry its key columns beside; what `mapInArrow` calls in a Python worker.

    The model is loaded once for each worker, not for each batch or task.

    Args:
        batches: the key columns, then the columns of the model's inputs.
        folder: the model package, on the worker's own disk.
        keys: how many of the first columns are the key.

    Yields:
        The key columns as they came, then the predictions.

    Raises:
        PackageError: the model cannot be loaded.
        InputError, PredictError, OutputError: from `predict`.
    """
    import pyarrow as pa

    runner = _runner(folder)
    for batch in batches:
        inputs = batch.select(range(keys, batch.num_columns))
        predictions = runner.predict_arrow(inputs)
        yield pa.RecordBatch.from_arrays(
            [*batch.columns[:keys], *predictions.columns],
            names=[*batch.schema.names[:keys], *predictions.schema.names],
        )


@lru_cache(maxsize=1)
def _runner(folder: str) -> Runner:
    from pyml.runner import Runner

    return Runner.load(Path(folder))
