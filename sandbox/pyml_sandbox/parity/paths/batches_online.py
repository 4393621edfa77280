"""Sends the rows of a parity check through the gateway, in batches and one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pyml.error_code import ErrorCode
from pyml_sandbox.parity.rows.row_files import write
from pyml_sandbox.predict.online import OnlineError
from pyml_sandbox.predict.request_limits import request_batches

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from pyml.inference.worker_info import Worker


class Asked(Protocol):
    """A model behind a server, as the rows of a parity check are sent to it.

    Attributes:
        timeout_s: deadline of each request, in seconds.
        max_request_mb: size of the largest request that its server accepts, in MiB.
        worker: the process that answered the last recorded request; None if none described itself.
    """

    timeout_s: float
    max_request_mb: int
    worker: Worker | None

    @property
    def input_names(self) -> Sequence[str]:
        """Names of the columns that are sent."""

    def predict(self, batches: Iterable[pa.RecordBatch], *, recorded: bool = False) -> Iterator[pa.RecordBatch]:
        """The predictions for each batch, in their order; see `OnlineModel.predict`."""


def predict_in_batches(
    model: Asked,
    rows: pa.Table,
    key: Sequence[str],
    batch_rows: int,
    file: Path,
    on_rows: Callable[[int], None],
    *,
    recorded: bool = False,
) -> None:
    """Predict all rows online, and write keys and predictions to a file.

    Args:
        model: the model version behind the gateway.
        rows: shape (rows, key columns and inputs), in the model's Arrow types.
        key: the key columns.
        batch_rows: rows in one request; fewer if so many do not fit into one.
        file: Parquet file to write.
        on_rows: called with the number of rows that are predicted so far.
        recorded: whether digests of the inputs and outputs of `predict` are written, too.

    Raises:
        OnlineError, SandboxError: a request failed; the error is that of the first one.
    """
    inputs = rows.select(list(model.input_names))
    predicted: list[pa.RecordBatch] = []
    done = 0
    for batch in model.predict(request_batches(inputs, batch_rows, model.max_request_mb), recorded=recorded):
        predicted.append(batch)
        done += batch.num_rows
        on_rows(done)
    predictions = _joined(predicted)
    if predictions.num_rows != rows.num_rows:
        message = f"{rows.num_rows} rows were sent and {predictions.num_rows} predictions came back"
        raise OnlineError(message, "", ErrorCode.ROW_COUNT)
    keyed = rows.select(list(key))
    for field in predictions.schema:
        keyed = keyed.append_column(field, predictions[field.name])
    write(keyed, file)


def _joined(predicted: Sequence[pa.RecordBatch]) -> pa.Table:
    """All responses as one table.

    Raises:
        OnlineError: their columns differ.
    """
    import pyarrow as pa

    try:
        return pa.Table.from_batches(predicted)
    except pa.ArrowInvalid as error:
        raise OnlineError(f"the responses to equal requests have different columns: {error}") from error


def sample(rows: pa.Table, size: int) -> pa.Table:
    """Choose rows to send one by one: half of them evenly spread, half with a null in a column if there are enough.

    Rows with nulls are preferred, since filling nulls from the batch shows on no other row (cause B2).
    """
    import numpy as np
    import pyarrow.compute as pc

    if rows.num_rows <= size:
        return rows
    has_null = np.zeros(rows.num_rows, bool)
    for column in rows.columns:
        has_null |= pc.is_null(column).to_numpy()
    others = np.flatnonzero(~has_null)
    with_null = _spread(np.flatnonzero(has_null), max(size // 2, size - len(others)))
    rest = _spread(others, size - len(with_null))
    return rows.take(np.sort(np.concatenate([with_null, rest])))


def _spread(positions: np.ndarray, size: int) -> np.ndarray:
    """At most `size` of the positions, evenly spread, with the first and the last."""
    import numpy as np

    chosen = np.linspace(0, len(positions) - 1, min(size, len(positions))).round().astype(int)
    spread: np.ndarray = positions[chosen]
    return spread
