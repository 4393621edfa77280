"""Requests and responses as JSON, and the binary tensors after it.

JSON has fewer values than a tensor can hold. A value that JSON cannot represent (NaN, infinities, bytes that are not
UTF-8) or that a datatype cannot hold is refused, with the tensor's name. JSON has null and a tensor has none: it goes
beside the tensor (`pyml.oip.null_elements`). With the protocol's *binary tensor data* extension the tensors' bytes
follow the JSON, without loss: the header `Inference-Header-Content-Length` says where they begin.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np
import orjson

from pyml.error_code import ErrorCode
from pyml.errors import InputError, Problem
from pyml.oip.binary_tensors import BINARY_SIZE, BinaryTensors, OutputEncoding
from pyml.oip.messages import (
    InferInputTensor,
    InferOutputTensor,
    InferParameter,
    InferRequestedOutputTensor,
    ModelInferRequest,
    ModelInferResponse,
    RepositoryIndexRequest,
)
from pyml.oip.null_elements import NULLS, mark_nulls, positions_of_nulls
from pyml.oip.tensor import dtype_of, read_raw, refusal, refuse_shared_memory, unknown_datatype, write_raw
from pyml.types.conversion.exact_numbers import numbers_as_written

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.generic]

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"


@dataclass(frozen=True)
class HttpResponse:
    """The response to an HTTP request.

    Attributes:
        body: JSON, then the binary tensors if there are any.
        json_size: number of bytes of JSON in the body if binary tensors follow; else None.
    """

    body: bytes
    json_size: int | None = None


def read_request(
    body: bytes, model: str, version: str, json_size: int | None = None
) -> tuple[ModelInferRequest, OutputEncoding]:
    """Parse the body of a request.

    Args:
        body: JSON, then the binary tensors.
        model: name of the model, from the URL.
        version: version of the model; empty for the default.
        json_size: number of bytes of JSON in the body; None if all of it is JSON.

    Raises:
        InputError: the body does not follow the protocol, or a tensor cannot hold a value; says where.
    """
    document = _document(body[:json_size])
    request = ModelInferRequest(
        model_name=model, model_version=version, id=_text(_optional(document.get("id"), ""), "id")
    )
    _fill_parameters(request.parameters, document.get("parameters"), "parameters")
    request.parameters[NULLS].bool_param = True
    blobs = BinaryTensors(body[json_size:] if json_size is not None else b"")

    @cache
    def exact_inputs() -> list[tuple[str, Mapping[str, Json]]]:
        return list(_objects(_exact_document(body[:json_size]), "inputs"))

    for at, (place, tensor) in enumerate(_objects(document, "inputs")):
        _add_input(request, tensor, place, blobs, partial(_data_of, exact_inputs, at))
    blobs.check_finished()
    for place, output in _objects(document, "outputs"):
        asked = InferRequestedOutputTensor(name=_text(output.get("name"), place, ".name"))
        _fill_parameters(asked.parameters, output.get("parameters"), f"{place}.parameters")
        request.outputs.append(asked)
    return request, OutputEncoding.of(request)


def read_index_request(body: bytes) -> RepositoryIndexRequest:
    """Parse the body of a request for what is deployed; it may be empty.

    Raises:
        InputError: the body does not follow the protocol.
    """
    ready = _optional(_document(body).get("ready"), False) if body.strip() else False
    if not isinstance(ready, bool):
        raise refusal(f"ready is a {_kind(ready)}", "send true or false")
    return RepositoryIndexRequest(ready=ready)


def write_response(response: ModelInferResponse, is_binary: OutputEncoding) -> HttpResponse:
    """Write a response as JSON, followed by the outputs that the caller wants as binary data.

    Raises:
        InputError: an output that is not binary holds a value that JSON cannot represent; names the output.
    """
    outputs, blobs = [], []
    for tensor, raw in zip(response.outputs, response.raw_output_contents, strict=True):
        entry: dict[str, object] = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
        parameters = dict(_plain_parameters(tensor.parameters))
        nulls = positions_of_nulls(tensor)
        if is_binary(tensor.name):
            _refuse_nulls_as_bytes(tensor.name, nulls)
            parameters[BINARY_SIZE] = len(raw)
            blobs.append(raw)
        else:
            parameters.pop(NULLS, None)
            entry["data"] = _json_data(tensor, raw, nulls)
        outputs.append({**entry, **({"parameters": parameters} if parameters else {})})
    document = {
        "model_name": response.model_name,
        "model_version": response.model_version,
        "id": response.id,
        "parameters": dict(_plain_parameters(response.parameters)),
        "outputs": outputs,
    }
    shown = {key: value for key, value in document.items() if value or key == "outputs"}
    text = orjson.dumps(shown, option=orjson.OPT_SERIALIZE_NUMPY)
    return HttpResponse(b"".join((text, *blobs)), len(text)) if blobs else HttpResponse(text)


def write_request(request: ModelInferRequest) -> bytes:
    """Write the tensors of a request as the body of one over REST.

    Args:
        request: with raw tensors.

    Raises:
        InputError: a tensor holds a value that JSON cannot represent; names it.
    """
    pairs = zip(request.inputs, request.raw_input_contents, strict=True)
    document = {"inputs": [_json_tensor(tensor, raw) for tensor, raw in pairs]}
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def _refuse_nulls_as_bytes(name: str, nulls: Sequence[int]) -> None:
    if nulls:
        message = f"output `{name}` holds null (row {nulls[0]}), which binary data cannot represent"
        raise refusal(message, "ask for it as JSON, or over gRPC", ErrorCode.CANNOT_CARRY)


def _document(text: bytes) -> Mapping[str, Json]:
    if not text.strip():
        raise refusal("the body is empty", 'send a JSON object with "inputs"')
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InputError("the body is not JSON", [Problem(str(error), _hint_of(text))]) from error
    if not isinstance(document, dict):
        raise refusal(f"the body is a {_kind(document)}", 'send an object with "inputs"')
    return document


def _exact_document(text: bytes) -> Mapping[str, Json]:
    """The document with every whole number exact; slower than orjson, for which those beyond 64 bits are floats."""
    try:
        document: Mapping[str, Json] = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise refusal(f"the body holds a number that cannot be read exactly: {error}", "send fewer digits") from error
    return document


def _data_of(inputs: Callable[[], Sequence[tuple[str, Mapping[str, Json]]]], at: int) -> Json:
    return inputs()[at][1]["data"]


def _hint_of(text: bytes) -> str:
    """Advice for a body that is not JSON, by what often makes it so."""
    if text.startswith(codecs.BOM_UTF8):
        return "leave the byte order mark out"
    if any(word in text for word in (b"NaN", b"Infinity")):
        return "NaN and infinities are not JSON; send them as binary data, or over gRPC"
    if text.lstrip().startswith((b"{'", b"{u'")):
        return "JSON has double quotes; write it with a JSON library"
    return 'send a JSON object with "inputs"'


def _objects(document: Mapping[str, Json], key: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
    entries = _optional(document.get(key), [])
    if not isinstance(entries, list):
        raise refusal(f"{key} is a {_kind(entries)}", "send a list of objects")
    for at, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise refusal(f"{key}[{at}] is a {_kind(entry)}", "send an object")
        yield f"{key}[{at}]", entry


def _optional(value: Json, default: Json) -> Json:
    """A field that may be left out, or be null: clients write the fields that they do not use in both ways."""
    return default if value is None else value


def _text(value: Json, place: str, field: str = "") -> str:
    if not isinstance(value, str):
        raise refusal(f"{place}{field} is a {_kind(value)}", "send a string")
    return value


def _add_input(
    request: ModelInferRequest,
    entry: Mapping[str, Json],
    place: str,
    blobs: BinaryTensors,
    exact_data: Callable[[], Json],
) -> None:
    name, datatype = _text(entry.get("name"), place, ".name"), _text(entry.get("datatype"), place, ".datatype")
    shape = _shape(entry.get("shape"), place)
    tensor = request.inputs.add()  # filled here: a tensor that is appended is copied
    tensor.name, tensor.datatype = name, datatype
    tensor.shape.extend(shape)
    if entry.get("parameters") is not None:
        _fill_parameters(tensor.parameters, entry["parameters"], f"{place}.parameters")
        refuse_shared_memory(tensor, "tensor")
        is_binary = BINARY_SIZE in tensor.parameters
    else:
        is_binary = False
    if is_binary:
        raw = blobs.take(_binary_size(entry, tensor.parameters[BINARY_SIZE], place), place)
        del tensor.parameters[BINARY_SIZE]
    elif "data" in entry:
        elements = _elements(entry["data"], shape, place)
        types = set(map(type, elements))  # once: each look at all elements costs as much as parsing their digits
        if _NULL in types:
            mark_nulls(tensor, [at for at, element in enumerate(elements) if element is None])
        doubles = _small_doubles(cast("list[float]", elements)) if datatype == _DOUBLE and types == _FLOATS else None
        if doubles is not None:
            raw = doubles.tobytes()  # the same as below, for what is sent most
        else:
            array = _array(name, datatype, elements, types)
            if _may_be_rounded(array):
                exact = _elements(exact_data(), shape, place)
                array = _array(name, datatype, exact, set(map(type, exact)))
            raw = write_raw(array)
    else:
        raise refusal(f"{place} has no data", f'send "data", or the parameter {BINARY_SIZE}')
    request.raw_input_contents.append(raw)


def _binary_size(entry: Mapping[str, Json], parameter: InferParameter, place: str) -> int:
    if "data" in entry:
        raise refusal(f"{place} has both data and {BINARY_SIZE}", "send only one of them")
    if parameter.WhichOneof("parameter_choice") != "int64_param":
        raise refusal(f"{place}.parameters.{BINARY_SIZE} is not a whole number", "send the number of its bytes")
    return parameter.int64_param


def _shape(value: Json, place: str) -> list[int]:
    if isinstance(value, list) and all([type(size) is int and 0 <= size < 2**63 for size in value]):  # noqa: C419 - faster
        return value
    raise refusal(f"{place}.shape is not a list of lengths", "send one length for each dimension, such as [2, 4]")


def _elements(data: Json, shape: Sequence[int], place: str) -> list[Json]:
    """Elements of a list, row by row. The list is either flat or nested according to the shape."""
    if not isinstance(data, list):
        raise refusal(f"{place}.data is a {_kind(data)}", "send a list, nested or flat")
    return _flat(data, shape, place) if _is_nested(data) else data


def _is_nested(data: list[Json]) -> bool:
    """Whether a list holds lists: all of its elements or, which `_flat` or `_array` refuses, some."""
    return len(data) > 0 and (isinstance(data[0], list) or isinstance(data[-1], list))


def _flat(data: Sequence[Json], shape: Sequence[int], place: str) -> list[Json]:
    """The elements of a list that is nested according to the shape."""
    level: list[Json] = [data]
    for size in shape:
        if not all(isinstance(part, list) and len(part) == size for part in level):
            raise refusal(
                f"{place}.data is not nested according to its shape", "make data and shape agree, or send a flat list"
            )
        level = list(chain.from_iterable(cast("list[list[Json]]", level)))
    return level


# Kind of dtype -> types of the JSON values that it accepts, and their name in messages.
_WANTED: Mapping[str, tuple[frozenset[type], str]] = {
    "b": (frozenset({bool}), "true or false"),
    "i": (frozenset({int, float}), "whole numbers"),
    "u": (frozenset({int, float}), "whole numbers"),
    "f": (frozenset({int, float}), "numbers"),
    "O": (frozenset({str}), "texts"),
}


def _array(name: str, datatype: str, elements: list[Json], types: Set[type]) -> Array:
    """The elements, which are of these types, as an array of the datatype: every value unchanged, anything for null."""
    try:
        dtype = dtype_of(datatype)
    except KeyError:
        raise unknown_datatype(name, datatype) from None
    wanted, accepted = _WANTED[dtype.kind]
    if not (wanted | {_NULL}).issuperset(types):
        at = next(at for at, element in enumerate(elements) if type(element) not in wanted | {_NULL})
        found = f"{_excerpt(elements[at])} at position {at}"
        raise refusal(f"tensor `{name}` is {datatype} and holds {found}", f"it accepts only {accepted}")
    if _NULL in types:
        filler = 0.0 if float in types else _IN_PLACE_OF_NULL.get(dtype.kind, 0)
        elements = [filler if element is None else element for element in elements]
        types = {type(filler), *types} - {_NULL}
    if dtype.kind != "O":
        return _numbers(name, datatype, cast("list[float]", elements), dtype, types)
    texts = np.empty(len(elements), dtype=object)
    texts[:] = elements
    return texts


_NULL = type(None)
_IN_PLACE_OF_NULL: Mapping[str, str | bool] = {"O": "", "b": False}


def _may_be_rounded(array: Array) -> bool:
    """Whether floats may come from whole numbers that orjson does not keep."""
    return array.dtype.kind == "f" and array.itemsize > _HALF_BYTES and bool((np.abs(array) >= _BEYOND_INT64).any())


def _small_doubles(elements: list[float]) -> Array | None:
    """The floats; None if one is infinite, or may come from a whole number that orjson does not keep."""
    array = np.array(elements, _DOUBLES)
    if len(elements) < _FEW:  # numpy takes longer to begin
        low, high = min(elements), max(elements)
    else:
        low, high = array.min(), array.max()
    return array if low > -_BEYOND_INT64 and high < _BEYOND_INT64 else None


_DOUBLE, _FLOATS = "FP64", {float}
_DOUBLES = dtype_of(_DOUBLE)
_FEW = 100
_HALF_BYTES = 2
_BEYOND_INT64 = 2.0**63


def _numbers(
    name: str, datatype: str, elements: list[float], dtype: np.dtype[np.generic], types: Collection[type]
) -> Array:
    array, lost = numbers_as_written(elements, dtype, types)
    if lost.any():
        at = int(lost.argmax())
        found = f"{_excerpt(elements[at])} at position {at}"
        raise refusal(f"tensor `{name}` is {datatype}, which cannot hold {found}", "use a wider datatype")
    return array


def _json_tensor(tensor: InferInputTensor, raw: bytes) -> dict[str, object]:
    data = _json_data(tensor, raw, positions_of_nulls(tensor))
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape), "data": data}


def _json_data(tensor: InferInputTensor | InferOutputTensor, raw: bytes, nulls: Sequence[int]) -> Array | list[object]:
    """The elements of a tensor, as something that orjson writes."""
    array = read_raw(tensor, raw).ravel()
    elements: list[object]
    if tensor.datatype == "BYTES":
        elements = [_decoded(tensor, element) for element in array.tolist()]
    else:
        _refuse_not_finite(tensor, array)
        if not nulls and array.dtype in _WRITTEN_AS_THEY_ARE:
            return np.ascontiguousarray(array)
        elements = array.tolist()
    for position in nulls:
        elements[position] = None
    return elements


_WRITTEN_AS_THEY_ARE = frozenset(map(np.dtype, (np.float64, np.int64, np.int32, np.uint64, np.uint32, np.bool_)))
"""Dtypes whose numbers orjson writes as Python's; of a narrower float it would write fewer digits."""


def _refuse_not_finite(tensor: InferInputTensor | InferOutputTensor, array: Array) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise refusal(
            f"{_role(tensor)} `{tensor.name}` holds NaN or infinity, which JSON cannot represent",
            "ask for it as binary data, or over gRPC",
            ErrorCode.CANNOT_CARRY,
        )


def _decoded(tensor: InferInputTensor | InferOutputTensor, element: object) -> str:
    try:
        return bytes(element).decode() if isinstance(element, bytes) else str(element)
    except UnicodeDecodeError:
        raise refusal(
            f"{_role(tensor)} `{tensor.name}` holds bytes that are not UTF-8, which JSON cannot represent",
            "ask for it as binary data, or over gRPC",
            ErrorCode.CANNOT_CARRY,
        ) from None


def _role(tensor: InferInputTensor | InferOutputTensor) -> str:
    return "output" if isinstance(tensor, InferOutputTensor) else "input"


def _fill_parameters(target: Mapping[str, InferParameter], parameters: Json, place: str) -> None:
    given = _optional(parameters, {})
    if not isinstance(given, dict):
        raise refusal(f"{place} is a {_kind(given)}", "send an object")
    for key, value in given.items():
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
        raise refusal(f"{place} is a {_kind(value)}", "send a string, a number, true or false")


def _plain_parameters(parameters: Mapping[str, InferParameter]) -> Iterator[tuple[str, object]]:
    for key in parameters:  # not items(), which is Python code of the standard library and takes ten times as long
        parameter = parameters[key]
        chosen = parameter.WhichOneof("parameter_choice")
        if chosen:
            yield key, getattr(parameter, chosen)


def _kind(value: Json) -> str:
    if value is None:
        return "null"
    names = {dict: "object", list: "list", str: "string", bool: "boolean", int: "number", float: "number"}
    return names.get(type(value), type(value).__name__)


def _excerpt(value: Json) -> str:
    text = str(value) if type(value) is int else orjson.dumps(value).decode()  # orjson writes none beyond 64 bits
    return text if len(text) <= 40 else text[:40] + "…"
