"""Sends the rows of a parity check through the gateway, in batches and one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pyml.error_code import ErrorCode
from pyml_sandbox.parity.rows.row_files import write_parts
from pyml_sandbox.parity.rows.stored_rows import SLICE_ROWS, Rows, columns_with_nulls, within
from pyml_sandbox.predict.online import OnlineError
from pyml_sandbox.predict.request_limits import request_batches

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

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
    rows: Rows,
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
    answers = _keyed(model, rows, key, batch_rows, on_rows, recorded=recorded)
    write_parts(answers, file)


def _keyed(
    model: Asked,
    rows: Rows,
    key: Sequence[str],
    batch_rows: int,
    on_rows: Callable[[int], None],
    *,
    recorded: bool,
) -> Iterator[pa.Table]:
    """Keys and predictions of each response."""
    inputs, keys = rows.select(list(model.input_names)), rows.select(list(key))
    schema, done = None, 0
    for batch in model.predict(request_batches(inputs, batch_rows, model.max_request_mb), recorded=recorded):
        schema = schema or batch.schema
        predictions, keyed = _of_schema(batch, schema), keys.slice(done, batch.num_rows)
        done += batch.num_rows
        on_rows(done)
        if keyed.num_rows == predictions.num_rows:  # else there are too many, which is said in the end
            for field in predictions.schema:
                keyed = keyed.append_column(field, predictions[field.name])
            yield keyed
    if done != rows.num_rows:
        message = f"{rows.num_rows} rows were sent and {done} predictions came back"
        raise OnlineError(message, "", ErrorCode.ROW_COUNT)


def _of_schema(batch: pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    """A response as a table.

    Raises:
        OnlineError: its columns differ from those of the first one.
    """
    import pyarrow as pa

    try:
        return pa.Table.from_batches([batch], schema)
    except pa.ArrowInvalid as error:
        raise OnlineError(f"the responses to equal requests have different columns: {error}") from error


def sample(rows: Rows, size: int) -> pa.Table:
    """Choose rows to send one by one: half of them evenly spread, half with a null in a column if there are enough.

    Rows with nulls are preferred, since filling nulls from the batch shows on no other row (cause B2).
    """
    import numpy as np
    import pyarrow as pa

    if rows.num_rows <= size:
        return rows.slice(0, size)
    starts = range(0, rows.num_rows, SLICE_ROWS)
    names = columns_with_nulls(rows)
    counts = [int(_has_null(rows, names, start).sum()) if names else 0 for start in starts]
    nulls, others = sum(counts), rows.num_rows - sum(counts)
    wanted_nulls = _spread(nulls, max(size // 2, size - others))
    wanted_others = _spread(others, size - len(wanted_nulls))
    chosen, before = [rows.slice(0, 0)], 0
    for start, count in zip(starts, counts, strict=True):
        length = min(SLICE_ROWS, rows.num_rows - start)
        of_nulls = within(wanted_nulls, before, count)
        of_others = within(wanted_others, start - before, length - count)
        before += count
        if len(of_nulls) or len(of_others):
            has_null = _has_null(rows, names, start)
            positions = [np.flatnonzero(has_null)[of_nulls], np.flatnonzero(~has_null)[of_others]]
            chosen.append(rows.slice(start, length).take(np.sort(np.concatenate(positions))))
    return pa.concat_tables(chosen)


def _has_null(rows: Rows, names: list[str], start: int) -> NDArray[np.bool_]:
    """Which rows of the slice from `start` have a null in one of these columns."""
    import numpy as np
    import pyarrow.compute as pc

    found = np.zeros(min(SLICE_ROWS, rows.num_rows - start), bool)
    for name in names:
        found |= pc.is_null(rows.slice(start, SLICE_ROWS)[name]).to_numpy()
    return found


def _spread(count: int, size: int) -> NDArray[np.int64]:
    """At most `size` numbers below `count`, evenly spread, with the first and the last."""
    import numpy as np

    return np.linspace(0, count - 1, min(size, count)).round().astype(np.int64)
