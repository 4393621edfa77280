"""A model behind any server that speaks the Open Inference Protocol, which knows nothing of our schemas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import grpc
import numpy as np

from pyml.error_code import ErrorCode
from pyml.errors import InputError, Problem, PymlError, SandboxError, UsageError
from pyml.oip.codec import read_tensor_response, tensor_request
from pyml.oip.columns import columns_from_batch
from pyml.oip.messages import (
    MODEL_INFER,
    MODEL_METADATA,
    ModelInferRequest,
    ModelInferResponse,
    ModelMetadataRequest,
    ModelMetadataResponse,
)
from pyml.oip.tensor import dtype_of
from pyml_sandbox.predict.online import OnlineError, channel_to
from pyml_sandbox.predict.request_limits import TIMEOUT_S
from pyml_sandbox.services.remote_spark import RemoteAccess

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from pyml.inference.worker_info import Worker

    Array = NDArray[np.generic]

T = TypeVar("T", ModelInferResponse, ModelMetadataResponse)
SMALLEST_LIMIT_MB = 4
"""What every gRPC server takes that sets no limit of its own."""
PANDAS = "pd"
"""What MLServer calls a request whose tensors are the columns of a pandas frame."""
LARGEST_INT = {np.dtype("f4"): 2**24, np.dtype("f8"): 2**53}
"""Whole numbers up to this size are floats of that width without loss."""


class ForeignModel:
    """A model behind a server.

    Columns are sent as the server describes its inputs: one tensor for each column of that name; or all columns in one
    tensor of shape (rows, columns); or, if it describes none, as the columns of a pandas frame, in MLServer's words.

    Args:
        address: host:port of its gRPC side.
        name: of the model.
        version: of the model; empty for its default.
        inputs: names of the columns to send, in their order.
        outputs: names of the columns that are expected back.
        access: how it is reached.

    Attributes:
        timeout_s: deadline of each request, in seconds.
        max_request_mb: size of the largest request that is sent, in MiB.
        worker: always None: the protocol does not say who answers.
    """

    def __init__(
        self,
        address: str,
        name: str,
        version: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        access: RemoteAccess | None = None,
    ) -> None:
        self.name, self.version, self.address = name, version, address
        self.input_names: Sequence[str] = tuple(inputs)
        self.outputs = tuple(outputs)
        self.timeout_s: float = TIMEOUT_S
        self.max_request_mb = SMALLEST_LIMIT_MB
        self.worker: Worker | None = None
        self._channel, self._metadata = channel_to(address, access or RemoteAccess())
        self._described: ModelMetadataResponse | None = None

    def __enter__(self) -> ForeignModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def describe(self) -> ModelMetadataResponse:
        """What the server says of the model's inputs; asked once.

        Raises:
            OnlineError: the server has no such model.
            SandboxError: no server answers.
        """
        if self._described is None:
            asked = ModelMetadataRequest(name=self.name, version=self.version)
            self._described = self._call(MODEL_METADATA, asked, ModelMetadataResponse)
        return self._described

    def predict(self, batches: Iterable[pa.RecordBatch], *, recorded: bool = False) -> Iterator[pa.RecordBatch]:
        """Predict batches, one after the other.

        Args:
            batches: shape (rows, inputs) each.
            recorded: without a meaning for a server that is not ours.

        Yields:
            The predictions for each batch, under the names of the columns that are expected; shape (rows, outputs).

        Raises:
            InputError: a tensor cannot carry a column.
            UsageError: what comes back has different names than the columns that are expected, or as many parts.
            OnlineError: the server refused.
            SandboxError: no server answers.
        """
        for batch in batches:
            request = tensor_request(self.name, self.version, self.tensors(batch))
            if not self.describe().inputs:
                request.parameters["content_type"].string_param = PANDAS
            answered = read_tensor_response(self._call(MODEL_INFER, request, ModelInferResponse))
            yield self._predictions(answered, batch.num_rows)

    def tensors(self, batch: pa.RecordBatch) -> Mapping[str, Array]:
        """The tensors that carry rows, as the server describes its inputs.

        Raises:
            UsageError: the server takes different names than those of the columns.
            InputError: a tensor cannot carry a column, or the server does not take one of its values.
        """
        columns = columns_from_batch(batch)
        described = self.describe().inputs
        by_name = {each.name: each for each in described}
        if not described:
            return {name: column.reshape(-1, 1) for name, column in columns.items()}
        if set(by_name) == set(columns):
            return {
                name: _as(column, by_name[name].datatype, name).reshape(-1, *[1] * (len(by_name[name].shape) - 1))
                for name, column in columns.items()
            }
        if len(described) == 1:
            whole = described[0]
            parts = [_as(column, whole.datatype, name) for name, column in columns.items()]
            return {whole.name: np.stack(parts, axis=1)}
        message = f"the model takes {', '.join(by_name)}, and the query gives {', '.join(columns)}"
        raise UsageError(message, "select these names, beside the key")

    def _predictions(self, answered: Mapping[str, Array], rows: int) -> pa.RecordBatch:
        import pyarrow as pa

        columns = self._named(answered, rows)
        arrays = [pa.array(_plain(columns[name])) for name in self.outputs]
        return pa.RecordBatch.from_arrays(arrays, names=list(self.outputs))

    def _named(self, answered: Mapping[str, Array], rows: int) -> Mapping[str, Array]:
        """The answer as one column for each that is expected."""
        if set(self.outputs) <= set(answered):
            if all(answered[name].size == rows for name in self.outputs):
                return {name: answered[name].reshape(rows) for name in self.outputs}
        elif len(answered) == 1:
            (whole,) = answered.values()
            parts = whole.reshape(rows, -1) if rows and whole.size % rows == 0 else np.empty((0, 0))
            if parts.shape[1] == len(self.outputs):
                return {name: parts[:, at] for at, name in enumerate(self.outputs)}
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in answered.items())
        message = f"for {rows} rows the model answers with {shapes}, and the table has {', '.join(self.outputs)}"
        raise UsageError(message, "give a table with the key and one column for each of these")

    def _call(self, method: str, request: ModelInferRequest | ModelMetadataRequest, kind: type[T]) -> T:
        ask = self._channel.unary_unary(
            method, request_serializer=type(request).SerializeToString, response_deserializer=kind.FromString
        )
        try:
            response: T = ask(request, timeout=self.timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._translated(error) from error
        return response

    def _translated(self, error: grpc.RpcError) -> PymlError:
        details = str(error.details() or "")
        if error.code() is grpc.StatusCode.UNAVAILABLE:
            return SandboxError(
                f"no server answers on {self.address}: {details}",
                "see whether it runs, and speaks gRPC there",
                ErrorCode.GATEWAY_DOWN,
            )
        if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
            return OnlineError(f"{self.address} refuses the size: {details}", "", ErrorCode.REQUEST_TOO_LARGE)
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return OnlineError("no answer within the deadline", "", ErrorCode.DEADLINE)
        return OnlineError(f"{self.name} on {self.address}: {details or error.code().name}")


def _as(column: Array, datatype: str, name: str) -> Array:
    """A column in the datatype that the server takes, if nothing is lost.

    Raises:
        InputError: a value would be lost, or the server takes a different kind of value.
    """
    wanted = dtype_of(datatype)
    if column.dtype == wanted:
        return column
    kinds = {column.dtype.kind, wanted.kind}
    if kinds <= set("iuf") and _is_within(column, wanted):
        converted = column.astype(wanted)
        if np.array_equal(converted.astype(column.dtype), column, equal_nan=column.dtype.kind == "f"):
            return converted
    message = f"column `{name}` is {column.dtype}, and the server takes {datatype}, which does not hold all its values"
    raise InputError("the rows do not fit the model", [Problem(message, "CAST it in the query on purpose")])


def _is_within(column: Array, wanted: np.dtype[np.generic]) -> bool:
    """Whether whole numbers lie where the type holds each of them; floats are compared afterwards."""
    if column.dtype.kind == "f" or not column.size:
        return True
    least, most = int(column.min()), int(column.max())
    if wanted.kind == "f":
        return max(abs(least), abs(most)) <= LARGEST_INT.get(wanted, 2**11)
    bounds: Any = np.iinfo(wanted)
    return bool(bounds.min <= least and most <= bounds.max)


def _plain(column: Array) -> Array | list[str | None]:
    if column.dtype != object:
        return np.ascontiguousarray(column)
    return [each.decode() if isinstance(each, bytes) else each for each in column.tolist()]
