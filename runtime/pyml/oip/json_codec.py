"""The JSON form of requests and answers, and the binary form of tensors behind it.

JSON knows fewer values than a tensor holds. What it cannot say (NaN, infinities, bytes that are no text) and what a
datatype cannot hold is refused, by the tensor's name. With the protocol's *binary tensor data* extension the JSON is
followed by the tensors' own bytes, and nothing is lost: the header `Inference-Header-Content-Length` says where they
begin.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np
import orjson

from pyml.error_code import ErrorCode
from pyml.errors import InputError, Problem
from pyml.oip.messages import (
    InferInputTensor,
    InferOutputTensor,
    InferParameter,
    InferRequestedOutputTensor,
    ModelInferRequest,
    ModelInferResponse,
)
from pyml.oip.tensor import dtype_of, read_raw, refusal, write_raw

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.generic]

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"

_BINARY_SIZE = "binary_data_size"


@dataclass(frozen=True)
class HttpResponse:
    """An answer as it goes over HTTP.

    Attributes:
        body: JSON, and behind it the binary tensors where there are any.
        json_size: bytes of JSON in it, where binary tensors follow; else None.
    """

    body: bytes
    json_size: int | None = None


@dataclass(frozen=True)
class OutputEncoding:
    """Which outputs the caller wants in binary form."""

    by_default: bool
    by_name: Mapping[str, bool]

    def __call__(self, name: str) -> bool:
        """Whether this output is wanted in binary form."""
        return self.by_name.get(name, self.by_default)


def read_request(
    body: bytes, model: str, version: str, json_size: int | None = None
) -> tuple[ModelInferRequest, OutputEncoding]:
    """The request that a body holds.

    Args:
        body: JSON, and behind it the binary tensors.
        model: name of the model, from the URL.
        version: its version; empty for the default.
        json_size: bytes of JSON in the body; None where it is all JSON.

    Raises:
        InputError: the body is not the protocol's form, or a tensor cannot hold what is given; says where.
    """
    document = _document(body[:json_size])
    request = ModelInferRequest(model_name=model, model_version=version, id=_text(document.get("id", ""), "id"))
    _fill_parameters(request.parameters, document.get("parameters", {}), "parameters")
    blobs = _Blobs(body[json_size:] if json_size is not None else b"")
    for place, tensor in _objects(document, "inputs"):
        _add_input(request, tensor, place, blobs)
    blobs.check_finished()
    for place, output in _objects(document, "outputs"):
        asked = InferRequestedOutputTensor(name=_text(output.get("name"), f"{place}.name"))
        _fill_parameters(asked.parameters, output.get("parameters", {}), f"{place}.parameters")
        request.outputs.append(asked)
    return request, _wish(request)


def write_response(response: ModelInferResponse, is_binary: OutputEncoding) -> HttpResponse:
    """An answer in JSON, with binary tensors behind it where they are wanted.

    Raises:
        InputError: an output that is not wanted in binary form holds what JSON cannot say; names it.
    """
    outputs, blobs = [], []
    for tensor, raw in zip(response.outputs, response.raw_output_contents, strict=True):
        entry: dict[str, object] = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
        parameters = dict(_plain_parameters(tensor.parameters))
        if is_binary(tensor.name):
            parameters[_BINARY_SIZE] = len(raw)
            blobs.append(raw)
        else:
            entry["data"] = _json_data(tensor, raw)
        outputs.append({**entry, **({"parameters": parameters} if parameters else {})})
    document = {
        "model_name": response.model_name,
        "model_version": response.model_version,
        "id": response.id,
        "parameters": dict(_plain_parameters(response.parameters)),
        "outputs": outputs,
    }
    text = orjson.dumps({key: value for key, value in document.items() if value or key == "outputs"})
    return HttpResponse(b"".join((text, *blobs)), len(text)) if blobs else HttpResponse(text)


class _Blobs:
    """The binary tensors behind the JSON, in the order of the inputs."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int, place: str) -> bytes:
        if not 0 <= size <= len(self._data) - self._at:
            left = len(self._data) - self._at
            raise refusal(
                f"{place} has {_BINARY_SIZE} {size}, and {left} bytes are left behind the JSON",
                "make the sizes and the header Inference-Header-Content-Length agree with the body",
            )
        self._at += size
        return self._data[self._at - size : self._at]

    def check_finished(self) -> None:
        left = len(self._data) - self._at
        if left:
            raise refusal(
                f"{left} bytes behind the JSON belong to no input", f"give each binary input its {_BINARY_SIZE}"
            )


def _document(text: bytes) -> Mapping[str, Json]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InputError("the body is not JSON", [Problem(str(error), "NaN and infinities are not JSON")]) from error
    if not isinstance(document, dict):
        raise refusal(f"the body is a {_kind(document)}", 'send an object with "inputs"')
    return document


def _objects(document: Mapping[str, Json], key: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
    entries = document.get(key, [])
    if not isinstance(entries, list):
        raise refusal(f"{key} is a {_kind(entries)}", "send a list of objects")
    for at, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise refusal(f"{key}[{at}] is a {_kind(entry)}", "send an object")
        yield f"{key}[{at}]", entry


def _text(value: Json, place: str) -> str:
    if not isinstance(value, str):
        raise refusal(f"{place} is a {_kind(value)}", "send a text")
    return value


def _add_input(request: ModelInferRequest, entry: Mapping[str, Json], place: str, blobs: _Blobs) -> None:
    name, datatype = _text(entry.get("name"), f"{place}.name"), _text(entry.get("datatype"), f"{place}.datatype")
    shape = _shape(entry.get("shape"), place)
    tensor = InferInputTensor(name=name, datatype=datatype, shape=shape)
    _fill_parameters(tensor.parameters, entry.get("parameters", {}), f"{place}.parameters")
    if _BINARY_SIZE in tensor.parameters:
        raw = blobs.take(tensor.parameters[_BINARY_SIZE].int64_param, place)
        del tensor.parameters[_BINARY_SIZE]
    elif "data" in entry:
        raw = write_raw(_array(name, datatype, _elements(entry["data"], shape, place)))
    else:
        raise refusal(f"{place} has no data", f'send "data", or {_BINARY_SIZE} among its parameters')
    request.inputs.append(tensor)
    request.raw_input_contents.append(raw)


def _shape(value: Json, place: str) -> list[int]:
    if isinstance(value, list) and all(type(size) is int and 0 <= size < 2**63 for size in value):
        return value
    raise refusal(f"{place}.shape is not a list of lengths", "send one length for each dimension, such as [2, 4]")


def _elements(data: Json, shape: Sequence[int], place: str) -> list[Json]:
    """Elements of a list, row by row. It may be flat; where it is nested, it must be nested as its shape says."""
    if not isinstance(data, list):
        raise refusal(f"{place}.data is a {_kind(data)}", "send a list, nested or flat")
    if not any(isinstance(element, list) for element in data):
        return data
    return list(_nested(data, shape, place))


def _nested(data: Json, shape: Sequence[int], place: str) -> Iterator[Json]:
    if not shape:
        yield data
    elif isinstance(data, list) and len(data) == shape[0]:
        for element in data:
            yield from _nested(element, shape[1:], place)
    else:
        raise refusal(f"{place}.data is nested in another way than its shape says", "make them agree, or send it flat")


# Kind of dtype -> types of the JSON values that it takes, and a word for them.
_WANTED: Mapping[str, tuple[frozenset[type], str]] = {
    "b": (frozenset({bool}), "true or false"),
    "i": (frozenset({int}), "whole numbers"),
    "u": (frozenset({int}), "whole numbers"),
    "f": (frozenset({int, float}), "numbers"),
    "O": (frozenset({str}), "texts"),
}


def _array(name: str, datatype: str, elements: list[Json]) -> Array:
    """The elements as an array of the datatype, each value as it was given."""
    try:
        dtype = dtype_of(datatype)
    except KeyError:
        raise refusal(f"tensor `{name}` has the unknown datatype {datatype!r}", f"use one of {_DATATYPES}") from None
    wanted, words = _WANTED[dtype.kind]
    if not wanted.issuperset(map(type, elements)):
        at = next(at for at, element in enumerate(elements) if type(element) not in wanted)
        found = f"{_shown(elements[at])} at position {at}"
        raise refusal(f"tensor `{name}` is {datatype} and holds {found}", f"it takes {words} only")
    if dtype.kind != "O":
        return _numbers(name, datatype, cast("list[float]", elements), dtype)
    texts = np.empty(len(elements), dtype=object)
    texts[:] = elements
    return texts


_DATATYPES = "BOOL, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, FP16, FP32, FP64, BYTES"


def _numbers(name: str, datatype: str, elements: list[float], dtype: np.dtype[np.generic]) -> Array:
    at = next((at for at, is_lost in enumerate(_lost(elements, dtype)) if is_lost), None)
    if at is not None:
        shown = f"{_shown(elements[at])} at position {at}"
        raise refusal(f"tensor `{name}` is {datatype}, which cannot hold {shown}", "use a wider datatype")
    return np.array(elements, dtype=dtype)


def _lost(elements: list[float], dtype: np.dtype[np.generic]) -> Iterator[bool]:
    """For each number, whether an array of the dtype would hold another one.

    A whole number stands for itself. A decimal fraction is a text that stands for the nearest float, unless that is
    infinity.
    """
    if dtype.kind in "iu":
        limits = np.iinfo(str(dtype))
        yield from (not limits.min <= element <= limits.max for element in elements)
        return
    with np.errstate(over="ignore"):
        held = np.array(elements, dtype=dtype).tolist()
    for element, found in zip(elements, held, strict=True):
        yield found != element if isinstance(element, int) else math.isinf(found)


def _json_data(tensor: InferOutputTensor, raw: bytes) -> list[object]:
    elements: list[object] = read_raw(tensor, raw).ravel().tolist()
    if tensor.datatype == "BYTES":
        return [_decoded(tensor.name, element) for element in elements]
    if tensor.datatype.startswith("FP") and not np.isfinite(np.array(elements, dtype=np.float64)).all():
        raise refusal(
            f"output `{tensor.name}` holds NaN or infinity, which JSON cannot say",
            "ask for it as binary data, or over gRPC",
            ErrorCode.CANNOT_CARRY,
        )
    return elements


def _decoded(name: str, element: object) -> str:
    try:
        return bytes(element).decode() if isinstance(element, bytes) else str(element)
    except UnicodeDecodeError:
        raise refusal(
            f"output `{name}` holds bytes that are no text, which JSON cannot say",
            "ask for it as binary data, or over gRPC",
            ErrorCode.CANNOT_CARRY,
        ) from None


def _fill_parameters(target: Mapping[str, InferParameter], parameters: Json, place: str) -> None:
    if not isinstance(parameters, dict):
        raise refusal(f"{place} is a {_kind(parameters)}", "send an object")
    for key, value in parameters.items():
        _set_parameter(target[key], value, f"{place}.{key}")  # a protobuf map adds what is asked for


def _set_parameter(parameter: InferParameter, value: Json, place: str) -> None:
    if isinstance(value, bool):
        parameter.bool_param = value
    elif isinstance(value, int) and value < 2**63:
        parameter.int64_param = value
    elif isinstance(value, int):
        parameter.uint64_param = value
    elif isinstance(value, float):
        parameter.double_param = value
    elif isinstance(value, str):
        parameter.string_param = value
    else:
        raise refusal(f"{place} is a {_kind(value)}", "a parameter is a text, a number, true or false")


def _plain_parameters(parameters: Mapping[str, InferParameter]) -> Iterator[tuple[str, object]]:
    for key, parameter in parameters.items():
        chosen = parameter.WhichOneof("parameter_choice")
        if chosen:
            yield key, getattr(parameter, chosen)


def _wish(request: ModelInferRequest) -> OutputEncoding:
    by_default = "binary_data_output" in request.parameters and request.parameters["binary_data_output"].bool_param
    by_name = {
        output.name: output.parameters["binary_data"].bool_param
        for output in request.outputs
        if "binary_data" in output.parameters
    }
    return OutputEncoding(by_default, by_name)


def _kind(value: Json) -> str:
    if value is None:
        return "null"
    names = {dict: "object", list: "list", str: "text", bool: "truth value", int: "number", float: "number"}
    return names.get(type(value), type(value).__name__)


def _shown(value: Json) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 40 else text[:40] + "…"
