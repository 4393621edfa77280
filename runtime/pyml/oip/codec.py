"""Rows and tensors as messages of the protocol, for the server's side and for the client's.

The parameter `content_type` of a request names its encoding:

==============  =========================================================================================
``arrow``       one BYTES tensor that holds an Arrow IPC stream: lossless, every type
``pd``          one tensor for each column of a frame (the convention of MLServer)
none            the tensors of a tensor model; for a frame model the same as ``pd``
==============  =========================================================================================

Each may be raw or typed (see `pyml.oip.tensor`), and the response has the encoding of the request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Protocol, TypeAlias

import pyarrow as pa

from pyml.error_code import ErrorCode
from pyml.inference.record_columns import RECORD_NAMES
from pyml.inference.worker_info import this_worker
from pyml.oip.arrow import batch_from_stream, stream_from_batch
from pyml.oip.columns import batch_from_columns, columns_from_batch, nulls_of
from pyml.oip.messages import (
    InferInputTensor,
    InferOutputTensor,
    InferParameter,
    InferRequestedOutputTensor,
    ModelInferRequest,
    ModelInferResponse,
)
from pyml.oip.null_elements import mark_nulls, nulls_by_name, takes_nulls
from pyml.oip.tensor import (
    datatype_of,
    read_raw,
    read_typed,
    refusal,
    refuse_shared_memory,
    write_raw,
    write_typed,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pyml.types.schema import Schema

    Array = NDArray[np.generic]
    Rows: TypeAlias = pa.RecordBatch | dict[str, Array]
    """A batch, or the tensors of a tensor model by name."""

ARROW = "arrow"
COLUMNS = "pd"
_TENSOR_TYPES = ("", "np", "str", COLUMNS)
_FRAME = "frame"
_LENGTH_BYTES = 4


class Predictor(Protocol):
    """A loaded model that can answer a request: `pyml.inference.runner.Runner`."""

    @property
    def inputs(self) -> Schema:
        """Declared inputs."""

    @property
    def is_tensor(self) -> bool:
        """True for a tensor model."""

    def predict_arrow(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Predict for the rows of a batch."""

    def predict_tensors(self, tensors: dict[str, Array]) -> dict[str, Array]:
        """Predict for named tensors."""

    def predict_recorded(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, list[pa.Array]]:
        """Predict for the rows of a batch, and record what `predict` got and returned."""


@dataclass(frozen=True)
class Form:
    """The encoding of a request, and so of its response."""

    content_type: str = ""
    is_raw: bool = True
    is_two_dimensional: bool = False
    is_recorded: bool = False
    takes_nulls: bool = False
    wanted: tuple[str, ...] = ()


# --- the server's side ------------------------------------------------------------------------------------------------


def answer(request: ModelInferRequest, predictor: Predictor, max_bytes: int | None = None) -> ModelInferResponse:
    """Predict for one request.

    Blocks for as long as the model takes.

    Args:
        request: the request.
        predictor: the model.
        max_bytes: size of the largest accepted rows of an Arrow stream, in bytes, unpacked; None for no limit.

    Raises:
        RpcFailureError: the rows are larger than `max_bytes`.
        InputError: the request is invalid, does not fit the declared inputs, or has an encoding that cannot carry the
            response; names the columns and reasons.
        PredictError: the model raised.
        OutputError: the predictions do not fit the declared outputs.
    """
    form = form_of(request)
    return response_to(request, form, predicted(predictor, form, rows_in(request, form, predictor, max_bytes)))


def form_of(request: ModelInferRequest) -> Form:
    """The encoding of a request.

    Raises:
        InputError: the encoding is unknown, or an output is asked for in a way that is not supported.
    """
    for output in request.outputs:
        _check_output(output)
    content_type = _content_type(request.parameters)
    if not content_type and len(request.inputs) == 1 and _content_type(request.inputs[0].parameters) == ARROW:
        content_type = ARROW
    if content_type not in ("", ARROW, COLUMNS):
        raise refusal(f"content_type {content_type!r} is unknown", f'use "{ARROW}", "{COLUMNS}", or none')
    return Form(
        content_type=content_type,
        is_raw=bool(request.raw_input_contents),
        is_two_dimensional=bool(request.inputs) and len(request.inputs[0].shape) == 2,
        is_recorded="record" in request.parameters and request.parameters["record"].bool_param,
        takes_nulls=takes_nulls(request),
        wanted=tuple(output.name for output in request.outputs),
    )


def rows_in(request: ModelInferRequest, form: Form, predictor: Predictor, max_bytes: int | None = None) -> Rows:
    """The rows or tensors of a request.

    Args:
        request: the request.
        form: its encoding.
        predictor: the model that is asked.
        max_bytes: as of `answer`.

    Raises:
        RpcFailureError: the rows are larger than `max_bytes`.
        InputError: the request is invalid.
    """
    if form.content_type == ARROW:
        return _read_stream(request, form, max_bytes)
    arrays = read_tensors(request, form)
    if not predictor.is_tensor:
        return batch_from_columns(arrays, predictor.inputs, nulls_by_name(request.inputs))
    _refuse_nulls(request)
    return arrays


def predicted(predictor: Predictor, form: Form, rows: Rows) -> Rows:
    """The predictions for rows or tensors, followed by the columns of their record if the form asks for it.

    Raises:
        InputError, PredictError, OutputError: as `answer`.
    """
    if isinstance(rows, dict):
        return predictor.predict_tensors(_owned(rows))
    if not form.is_recorded:
        return predictor.predict_arrow(rows)
    predictions, record = predictor.predict_recorded(rows)
    names = [*predictions.schema.names, *RECORD_NAMES]
    return pa.RecordBatch.from_arrays([*predictions.columns, *record], names=names)


def response_to(request: ModelInferRequest, form: Form, predictions: Rows) -> ModelInferResponse:
    """The response to a request.

    Args:
        request: the request.
        form: its encoding.
        predictions: the rows or tensors that the model predicted for it.

    Raises:
        InputError: the encoding cannot carry the predictions, or an output is asked for that the model does not have.
    """
    response = _response(form, predictions)
    response.model_name, response.model_version, response.id = request.model_name, request.model_version, request.id
    if form.is_recorded:
        response.parameters["worker"].string_param = this_worker().to_json()
    if form.content_type:
        response.parameters["content_type"].string_param = form.content_type
    return response


def _response(form: Form, predictions: Rows) -> ModelInferResponse:
    if isinstance(predictions, dict):
        return _tensor_response(predictions, form)
    if form.content_type == ARROW:
        return _arrow_response(predictions, form)
    columns = columns_from_batch(predictions, are_nulls_marked=form.takes_nulls)
    if form.is_two_dimensional:
        columns = {name: array.reshape(-1, 1) for name, array in columns.items()}
    response = _tensor_response(columns, form)
    if form.takes_nulls:
        nulls = nulls_of(predictions)
        for output in response.outputs:
            mark_nulls(output, nulls.get(output.name, ()))
    return response


def _refuse_nulls(request: ModelInferRequest) -> None:
    for name, positions in nulls_by_name(request.inputs).items():
        message = f"tensor `{name}` holds null at position {positions[0]}, which a TensorModel does not take"
        raise refusal(message, "send a value for each element", ErrorCode.COLUMN_NULL)


def _owned(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Writable copies: views of the request are read-only, and offline a model may modify its input."""
    return {name: array if array.flags.writeable else array.copy() for name, array in arrays.items()}


def read_tensors(request: ModelInferRequest, form: Form) -> dict[str, Array]:
    """The arrays of a request, by name.

    Raises:
        InputError: a tensor is invalid, or a name appears twice.
    """
    if form.is_raw and len(request.raw_input_contents) != len(request.inputs):
        raise refusal(
            f"the request has {len(request.inputs)} inputs but {len(request.raw_input_contents)} raw contents",
            "send one raw content for each input, and no typed contents",
        )
    arrays: dict[str, Array] = {}
    for at, tensor in enumerate(request.inputs):
        _check_tensor(tensor, form, arrays)
        arrays[tensor.name] = read_raw(tensor, request.raw_input_contents[at]) if form.is_raw else read_typed(tensor)
    return arrays


def _check_tensor(tensor: InferInputTensor, form: Form, seen: Mapping[str, Array]) -> None:
    if tensor.name in seen:
        raise refusal(f"tensor `{tensor.name}` appears twice", "send each name once")
    _refuse_both(tensor, is_raw=form.is_raw)
    if not tensor.parameters:
        return
    refuse_shared_memory(tensor, "tensor")
    content_type = _content_type(tensor.parameters)
    if content_type not in _TENSOR_TYPES:
        raise refusal(
            f"tensor `{tensor.name}` has the unknown content_type {content_type!r}",
            f'send plain values of its datatype, or all rows with content_type "{ARROW}" on the request',
        )


def _refuse_both(tensor: InferInputTensor | InferOutputTensor, *, is_raw: bool) -> None:
    if is_raw and tensor.HasField("contents") and tensor.contents.ByteSize():
        raise refusal(f"tensor `{tensor.name}` has both raw and typed contents", "send only one of them")


def _read_stream(request: ModelInferRequest, form: Form, max_bytes: int | None) -> pa.RecordBatch:
    return batch_from_stream(_stream_of(request.inputs, request.raw_input_contents, form.is_raw), max_bytes)


def _stream_of(
    tensors: Sequence[InferInputTensor] | Sequence[InferOutputTensor], raw: Sequence[bytes], is_raw: bool
) -> bytes:
    if len(tensors) != 1 or tensors[0].datatype != "BYTES" or (is_raw and len(raw) != 1):
        raise refusal(
            f"the content_type is {ARROW!r}, but there are {len(tensors)} tensors", "send one BYTES tensor of shape [1]"
        )
    _refuse_both(tensors[0], is_raw=is_raw)
    if prod(tensors[0].shape) != 1:
        raise refusal(f"the Arrow stream has the shape {list(tensors[0].shape)}", "send one BYTES tensor of shape [1]")
    if not is_raw:
        return bytes(read_typed(tensors[0]).item()) if len(tensors[0].contents.bytes_contents) == 1 else b""
    content = raw[0]  # once: each look at a field of a message copies it
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    if length != len(content) - _LENGTH_BYTES:
        raise refusal(
            f"the Arrow stream has {len(content) - _LENGTH_BYTES} bytes, but its length prefix is {length}",
            "write its length before it in four bytes, little-endian",
        )
    # A copy, not a view: numpy sums arrays at odd addresses in a different order, which changes the last bits.
    return content[_LENGTH_BYTES:]


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


def _check_output(output: InferRequestedOutputTensor) -> None:
    refuse_shared_memory(output, "output")
    if "classification" in output.parameters:
        raise refusal(f"output `{output.name}` as classes is not supported", "ask for the output, and sort it yourself")


def _check_wanted(form: Form, names: Sequence[str]) -> None:
    unknown = [name for name in form.wanted if name not in names]
    if unknown:
        raise refusal(f"the model has no output `{unknown[0]}`", f"its outputs are: {', '.join(names)}")


# --- the client's side ------------------------------------------------------------------------------------------------


def arrow_request(
    name: str, version: str, rows: pa.RecordBatch | pa.Table, request_id: str = "", *, recorded: bool = False
) -> ModelInferRequest:
    """Build a request that carries rows as one Arrow stream, without loss.

    Args:
        name: name of the model.
        version: version of the model; empty for the default.
        rows: rows to predict, with the columns of the model's inputs.
        request_id: id that the response repeats.
        recorded: whether the response also gets a record of what `predict` got and returned
            (`pyml.inference.digests`), and a parameter `worker` for the process (`pyml.inference.worker_info`).
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
    """Build a request that carries rows as one tensor for each column.

    Args:
        name: name of the model.
        version: version of the model; empty for the default.
        rows: rows to predict, with the columns of the model's inputs.
        request_id: id that the response repeats.
        is_raw: whether the tensors are raw; else they are typed.

    Raises:
        InputError: a tensor cannot carry a column without loss.
    """
    return _add_tensors(_request(name, version, request_id, COLUMNS), columns_from_batch(rows), is_raw=is_raw)


def tensor_request(
    name: str, version: str, tensors: Mapping[str, Array], request_id: str = "", *, is_raw: bool = True
) -> ModelInferRequest:
    """Build a request that carries named arrays, for a tensor model.

    Args:
        name: name of the model.
        version: version of the model; empty for the default.
        tensors: arrays of shape (rows, …) by name, of dtypes that the protocol has.
        request_id: id that the response repeats.
        is_raw: whether the tensors are raw; else they are typed.

    Raises:
        InputError: the protocol has no datatype for the dtype of an array.
    """
    return _add_tensors(_request(name, version, request_id, ""), tensors, is_raw=is_raw)


def read_arrow_response(response: ModelInferResponse) -> pa.RecordBatch:
    """The predictions in a response to `arrow_request`.

    Raises:
        InputError: the response is not an Arrow stream.
    """
    is_raw = bool(response.raw_output_contents)
    return batch_from_stream(_stream_of(response.outputs, response.raw_output_contents, is_raw))


def read_tensor_response(response: ModelInferResponse) -> dict[str, Array]:
    """The arrays in a response to `tensor_request` or `column_request`, by name; views are read-only.

    Raises:
        InputError: the response is invalid.
    """
    if not response.raw_output_contents:
        return {tensor.name: read_typed(tensor) for tensor in response.outputs}
    pairs = zip(response.outputs, response.raw_output_contents, strict=True)
    return {tensor.name: read_raw(tensor, raw) for tensor, raw in pairs}


def read_column_response(response: ModelInferResponse, schema: Schema) -> pa.RecordBatch:
    """The predictions in a response to `column_request`, in the declared types.

    Raises:
        InputError: the response is invalid, or does not fit the schema.
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
    # Reading a missing key of a protobuf map adds it.
    return parameters["content_type"].string_param if "content_type" in parameters else ""


def _with_length(stream: bytes) -> bytes:
    return len(stream).to_bytes(_LENGTH_BYTES, "little") + stream
