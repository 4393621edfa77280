"""How many requests a model server has answered, and how long they took: the protocol's extension *statistics*."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from pyml.inference.request_times import RequestTimes
from pyml.oip.messages import InferStatistics, ModelStatistics, StatisticDuration

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from pyml.oip.codec import Predictor
    from pyml.types.schema import Schema

    Array = NDArray[np.generic]


class TimedPredictor:
    """A model that notes when `predict` was called, and for how many rows; belongs to one thread.

    Args:
        predictor: the model.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self.begun_ns = 0
        self.ended_ns = 0
        self.rows = 0

    @property
    def inputs(self) -> Schema:
        """Declared inputs."""
        return self._predictor.inputs

    @property
    def is_tensor(self) -> bool:
        """True for a tensor model."""
        return self._predictor.is_tensor

    def predict_arrow(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Predict for the rows of a batch."""
        self._begin(batch.num_rows)
        predictions = self._predictor.predict_arrow(batch)
        self.ended_ns = time.perf_counter_ns()
        return predictions

    def predict_tensors(self, tensors: dict[str, Array]) -> dict[str, Array]:
        """Predict for named tensors."""
        self._begin(max((len(tensor) for tensor in tensors.values() if tensor.ndim), default=1))
        predictions = self._predictor.predict_tensors(tensors)
        self.ended_ns = time.perf_counter_ns()
        return predictions

    def predict_recorded(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, list[pa.Array]]:
        """Predict for the rows of a batch, and record what `predict` got and returned."""
        self._begin(batch.num_rows)
        predictions = self._predictor.predict_recorded(batch)
        self.ended_ns = time.perf_counter_ns()
        return predictions

    def times(self, waited_ns: int, begun_ns: int) -> RequestTimes:
        """The parts of the request that has just been answered.

        Args:
            waited_ns: how long it waited for its turn.
            begun_ns: when its turn came.
        """
        read, predict = max(0, self.begun_ns - begun_ns), max(0, self.ended_ns - self.begun_ns)
        return RequestTimes(max(0, waited_ns), read, predict, max(0, time.perf_counter_ns() - self.ended_ns), self.rows)

    def _begin(self, rows: int) -> None:
        self.rows = rows
        self.begun_ns = time.perf_counter_ns()


@dataclass
class RequestStatistics:
    """Counts and durations of the requests since the server started; may be used by several threads."""

    _counts: dict[str, int] = field(default_factory=dict)
    _ns: dict[str, int] = field(default_factory=dict)
    _last_ms: int = 0
    _rows: int = 0
    _executions: int = 0
    _lock: Lock = field(default_factory=Lock)

    def succeeded(self, times: RequestTimes, executions: int = 1) -> None:
        """Count a request that has just been answered.

        Args:
            times: its parts.
            executions: calls of `predict` to count with it; of requests that were predicted together one has the call.
        """
        with self._lock:
            self._executions += executions
            self._add("success", times.queue + times.read + times.predict + times.write)
            self._add("queue", times.queue)
            self._add("compute_input", times.read)
            self._add("compute_infer", times.predict)
            self._add("compute_output", times.write)
            self._rows += times.rows
            self._last_ms = int(time.time() * 1000)

    def failed(self, duration_ns: int) -> None:
        """Count a request that was refused or has failed."""
        with self._lock:
            self._add("fail", duration_ns)

    def message(self, name: str, version: str) -> ModelStatistics:
        """The counts of a model version, as the protocol sends them."""
        with self._lock:
            durations = {what: StatisticDuration(count=self._counts[what], ns=self._ns[what]) for what in self._counts}
            return ModelStatistics(
                name=name,
                version=version,
                last_inference=self._last_ms,
                inference_count=self._rows,
                execution_count=self._executions,
                inference_stats=InferStatistics(**durations),
            )

    def _add(self, what: str, duration_ns: int) -> None:
        self._counts[what] = self._counts.get(what, 0) + 1
        self._ns[what] = self._ns.get(what, 0) + max(0, duration_ns)
