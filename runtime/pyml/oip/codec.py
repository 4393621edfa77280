"""Rows and tensors as messages of the protocol, for the server's side and for the client's.

A request says by its parameter `content_type` how it is written:

==============  =========================================================================================
``arrow``       one BYTES tensor that holds an Arrow IPC stream: lossless, every type
``pd``          one tensor for each column of a frame (the convention of MLServer)
none            the tensors of a tensor model; for a frame model the same as ``pd``
==============  =========================================================================================

Each may come raw or typed (see `pyml.oip.tensor`), and the answer is written in the way that the request was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

from pyml.inference.record_columns import RECORD_NAMES
from pyml.inference.worker_info import this_worker
from pyml.oip.arrow import batch_from_stream, stream_from_batch
from pyml.oip.columns import batch_from_columns, columns_from_batch
from pyml.oip.messages import (
    InferInputTensor,
    InferOutputTensor,
    InferParameter,
    ModelInferRequest,
    ModelInferResponse,
)
from pyml.oip.tensor import datatype_of, read_raw, read_typed, refusal, write_raw, write_typed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pyml.types.schema import Schema

    Array = NDArray[np.generic]

ARROW = "arrow"
COLUMNS = "pd"
_TENSOR_TYPES = ("", "np", "str", COLUMNS)
_FRAME = "frame"
_LENGTH_BYTES = 4


class Predictor(Protocol):
    """What answers a request: `pyml.inference.runner.Runner`."""

    @property
    def inputs(self) -> Schema:
        """Declared inputs."""

    @property
    def is_tensor(self) -> bool:
        """True for a tensor model."""

    def predict_arrow(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Predict for rows."""

    def predict_tensors(self, tensors: dict[str, Array]) -> dict[str, Array]:
        """Predict for tensors."""

    def predict_recorded(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, list[pa.Array]]:
        """Predict for rows, and say what `predict` saw and gave."""


@dataclass(frozen=True)
class Form:
    """How a request is written, and so its answer too."""

    content_type: str = ""
    is_raw: bool = True
    is_two_dimensional: bool = False
    is_recorded: bool = False
    wanted: tuple[str, ...] = ()


# --- the server's side ------------------------------------------------------------------------------------------------


def answer(request: ModelInferRequest, predictor: Predictor) -> ModelInferResponse:
    """Predict for one request.

    Blocks for as long as the model takes.

    Raises:
        InputError: the request cannot be read, does not fit the declared inputs, or is written in a form that cannot
            carry the answer; names the columns and reasons.
        PredictError: the model raised.
        OutputError: what the model returned is not what it declares.
    """
    form = form_of(request)
    response = _answer(request, form, predictor)
    response.model_name, response.model_version, response.id = request.model_name, request.model_version, request.id
    if form.is_recorded:
        response.parameters["worker"].string_param = this_worker().to_json()
    if form.content_type:
        response.parameters["content_type"].string_param = form.content_type
    return response


def form_of(request: ModelInferRequest) -> Form:
    """How a request is written.

    Raises:
        InputError: it is written in no way that is known here.
    """
    content_type = _content_type(request.parameters)
    if not content_type and len(request.inputs) == 1 and _content_type(request.inputs[0].parameters) == ARROW:
        content_type = ARROW
    if content_type not in ("", ARROW, COLUMNS):
        raise refusal(f"content_type {content_type!r} is not known", f'use "{ARROW}", "{COLUMNS}", or none')
    return Form(
        content_type=content_type,
        is_raw=bool(request.raw_input_contents),
        is_two_dimensional=bool(request.inputs) and len(request.inputs[0].shape) == 2,
        is_recorded="record" in request.parameters and request.parameters["record"].bool_param,
        wanted=tuple(output.name for output in request.outputs),
    )


def _answer(request: ModelInferRequest, form: Form, predictor: Predictor) -> ModelInferResponse:
    if form.content_type == ARROW:
        return _arrow_response(_predicted(predictor, _read_stream(request, form), form), form)
    arrays = read_tensors(request, form)
    if predictor.is_tensor:
        return _tensor_response(predictor.predict_tensors(_owned(arrays)), form)
    columns = columns_from_batch(predictor.predict_arrow(batch_from_columns(arrays, predictor.inputs)))
    if form.is_two_dimensional:
        columns = {name: array.reshape(-1, 1) for name, array in columns.items()}
    return _tensor_response(columns, form)


def _predicted(predictor: Predictor, rows: pa.RecordBatch, form: Form) -> pa.RecordBatch:
    """The predictions, followed by the columns of their record where it was asked for."""
    if not form.is_recorded:
        return predictor.predict_arrow(rows)
    predictions, record = predictor.predict_recorded(rows)
    names = [*predictions.schema.names, *RECORD_NAMES]
    return pa.RecordBatch.from_arrays([*predictions.columns, *record], names=names)


def _owned(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Arrays that a model may write into, as it may offline; views of the request are read-only."""
    return {name: array if array.flags.writeable else array.copy() for name, array in arrays.items()}


def read_tensors(request: ModelInferRequest, form: Form) -> dict[str, Array]:
    """The arrays of a request, by name.

    Raises:
        InputError: a tensor cannot be read, or a name comes twice.
    """
    if form.is_raw and len(request.raw_input_contents) != len(request.inputs):
        raise refusal(
            f"{len(request.inputs)} inputs come with {len(request.raw_input_contents)} raw contents",
            "send one for each input, and none that is typed",
        )
    arrays: dict[str, Array] = {}
    for at, tensor in enumerate(request.inputs):
        _check_tensor(tensor, form, arrays)
        arrays[tensor.name] = read_raw(tensor, request.raw_input_contents[at]) if form.is_raw else read_typed(tensor)
    return arrays


def _check_tensor(tensor: InferInputTensor, form: Form, seen: Mapping[str, Array]) -> None:
    if tensor.name in seen:
        raise refusal(f"tensor `{tensor.name}` comes twice", "send each name once")
    if form.is_raw and tensor.HasField("contents") and tensor.contents.ByteSize():
        raise refusal(f"tensor `{tensor.name}` has both raw and typed contents", "send one of them")
    if "shared_memory_region" in tensor.parameters:
        raise refusal(f"tensor `{tensor.name}` lies in shared memory, which is not offered here", "send its contents")
    content_type = _content_type(tensor.parameters)
    if content_type not in _TENSOR_TYPES:
        raise refusal(
            f"tensor `{tensor.name}` has the content_type {content_type!r}, which is not known",
            f'send plain values of its datatype, or all rows with content_type "{ARROW}" on the request',
        )


def _read_stream(request: ModelInferRequest, form: Form) -> pa.RecordBatch:
    return batch_from_stream(_stream_of(request.inputs, request.raw_input_contents, form.is_raw))


def _stream_of(
    tensors: Sequence[InferInputTensor] | Sequence[InferOutputTensor], raw: Sequence[bytes], is_raw: bool
) -> bytes:
    if len(tensors) != 1 or tensors[0].datatype != "BYTES" or (is_raw and len(raw) != 1):
        raise refusal(f"content_type {ARROW!r} with {len(tensors)} tensors", "send one BYTES tensor of shape [1]")
    if not is_raw:
        return bytes(read_typed(tensors[0]).item()) if len(tensors[0].contents.bytes_contents) == 1 else b""
    # Cut by copying, not by a view: numpy sums arrays at odd addresses in another order, and so to other last bits.
    length = int.from_bytes(raw[0][:_LENGTH_BYTES], "little")
    if length != len(raw[0]) - _LENGTH_BYTES:
        raise refusal(
            f"the Arrow stream has {len(raw[0]) - _LENGTH_BYTES} bytes and says {length}",
            "put its length in four bytes before it, little-endian",
        )
    return raw[0][_LENGTH_BYTES:]


def _arrow_response(batch: pa.RecordBatch, form: Form) -> ModelInferResponse:
    _check_wanted(form, [_FRAME])
    output = InferOutputTensor(name=_FRAME, datatype="BYTES", shape=[1])
    stream = stream_from_batch(batch)
    if form.is_raw:
        return ModelInferResponse(outputs=[output], raw_output_contents=[_with_length(stream)])
    output.contents.bytes_contents.append(stream)
    return ModelInferResponse(outputs=[output])


def _tensor_response(arrays: Mapping[str, Array], form: Form) -> ModelInferResponse:
    _check_wanted(form, list(arrays))
    response = ModelInferResponse()
    for name in form.wanted or arrays:
        array = arrays[name]
        contents = None if form.is_raw else write_typed(array)
        response.outputs.append(
            InferOutputTensor(name=name, datatype=datatype_of(array), shape=array.shape, contents=contents)
        )
        if form.is_raw:
            response.raw_output_contents.append(write_raw(array))
    return response


def _check_wanted(form: Form, names: Sequence[str]) -> None:
    unknown = [name for name in form.wanted if name not in names]
    if unknown:
        raise refusal(f"the model has no output `{unknown[0]}`", f"its outputs are: {', '.join(names)}")


# --- the client's side ------------------------------------------------------------------------------------------------


def arrow_request(
    name: str, version: str, rows: pa.RecordBatch | pa.Table, request_id: str = "", *, recorded: bool = False
) -> ModelInferRequest:
    """A request that carries rows as one Arrow stream, without loss.

    Args:
        name: the model.
        version: its version; empty for the one that is deployed.
        rows: what to predict.
        request_id: comes back in the answer.
        recorded: whether the answer also gets a record of what `predict` saw and gave
            (`pyml.inference.digests`), and its parameter `worker` says where that was (`pyml.inference.worker_info`).
    """
    request = _request(name, version, request_id, ARROW)
    if recorded:
        request.parameters["record"].bool_param = True
    request.inputs.append(InferInputTensor(name=_FRAME, datatype="BYTES", shape=[1]))
    request.raw_input_contents.append(_with_length(stream_from_batch(rows)))
    return request


def column_request(
    name: str, version: str, rows: pa.RecordBatch, request_id: str = "", *, is_raw: bool = True
) -> ModelInferRequest:
    """A request that carries rows as one tensor for each column, raw or typed.

    Raises:
        InputError: a column cannot be carried so without loss.
    """
    return _add_tensors(_request(name, version, request_id, COLUMNS), columns_from_batch(rows), is_raw=is_raw)


def tensor_request(
    name: str, version: str, tensors: Mapping[str, Array], request_id: str = "", *, is_raw: bool = True
) -> ModelInferRequest:
    """A request that carries named arrays, raw or typed, for a tensor model.

    Raises:
        InputError: the protocol has no datatype for an array.
    """
    return _add_tensors(_request(name, version, request_id, ""), tensors, is_raw=is_raw)


def read_arrow_response(response: ModelInferResponse) -> pa.RecordBatch:
    """The predictions of an answer to `arrow_request`.

    Raises:
        InputError: the answer is not an Arrow stream.
    """
    is_raw = bool(response.raw_output_contents)
    return batch_from_stream(_stream_of(response.outputs, response.raw_output_contents, is_raw))


def read_tensor_response(response: ModelInferResponse) -> dict[str, Array]:
    """The arrays of an answer to `tensor_request` or `column_request`, by name; read-only where they are views.

    Raises:
        InputError: the answer cannot be read.
    """
    if not response.raw_output_contents:
        return {tensor.name: read_typed(tensor) for tensor in response.outputs}
    pairs = zip(response.outputs, response.raw_output_contents, strict=True)
    return {tensor.name: read_raw(tensor, raw) for tensor, raw in pairs}


def read_column_response(response: ModelInferResponse, schema: Schema) -> pa.RecordBatch:
    """The predictions of an answer to `column_request`, in the declared types.

    Raises:
        InputError: the answer cannot be read, or does not fit the schema.
    """
    return batch_from_columns(read_tensor_response(response), schema)


def _request(name: str, version: str, request_id: str, content_type: str) -> ModelInferRequest:
    request = ModelInferRequest(model_name=name, model_version=version, id=request_id)
    if content_type:
        request.parameters["content_type"].string_param = content_type
    return request


def _add_tensors(request: ModelInferRequest, tensors: Mapping[str, Array], *, is_raw: bool = True) -> ModelInferRequest:
    for name, array in tensors.items():
        contents = None if is_raw else write_typed(array)
        request.inputs.append(
            InferInputTensor(name=name, datatype=datatype_of(array), shape=array.shape, contents=contents)
        )
        if is_raw:
            request.raw_input_contents.append(write_raw(array))
    return request


def _content_type(parameters: Mapping[str, InferParameter]) -> str:
    # Asking a protobuf map for a key that is not there adds it.
    return parameters["content_type"].string_param if "content_type" in parameters else ""


def _with_length(stream: bytes) -> bytes:
    return len(stream).to_bytes(_LENGTH_BYTES, "little") + stream


__all__ = [
    "ARROW",
    "COLUMNS",
    "Form",
    "Predictor",
    "answer",
    "arrow_request",
    "column_request",
    "form_of",
    "read_arrow_response",
    "read_column_response",
    "read_tensor_response",
    "read_tensors",
    "tensor_request",
]
