"""One tensor of the protocol and its numpy array.

A tensor is either *raw*, little-endian bytes beside the tensor, or *typed*, a list inside it.
Source of both layouts: the protocol's `ModelInferRequest` and `InferTensorContents`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from pyml.error_code import ErrorCode
from pyml.errors import InputError, Problem
from pyml.oip.messages import InferInputTensor, InferOutputTensor, InferRequestedOutputTensor, InferTensorContents

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.generic]

# Name in the protocol -> (numpy dtype, field of InferTensorContents). 16-bit floats have no such field.
_KINDS: dict[str, tuple[str, str]] = {
    "BOOL": ("?", "bool_contents"),
    "INT8": ("<i1", "int_contents"),
    "INT16": ("<i2", "int_contents"),
    "INT32": ("<i4", "int_contents"),
    "INT64": ("<i8", "int64_contents"),
    "UINT8": ("<u1", "uint_contents"),
    "UINT16": ("<u2", "uint_contents"),
    "UINT32": ("<u4", "uint_contents"),
    "UINT64": ("<u8", "uint64_contents"),
    "FP16": ("<f2", ""),
    "FP32": ("<f4", "fp32_contents"),
    "FP64": ("<f8", "fp64_contents"),
    "BYTES": ("O", "bytes_contents"),
}
_DTYPES = {datatype: np.dtype(dtype) for datatype, (dtype, _) in _KINDS.items()}
_DATATYPES = {dtype: datatype for datatype, dtype in _DTYPES.items()}
_LENGTH = struct.Struct("<I")


def dtype_of(datatype: str) -> np.dtype[np.generic]:
    """The numpy dtype of a datatype of the protocol; `object` for BYTES, whose elements are Python bytes.

    Raises:
        KeyError: there is no such datatype.
    """
    return _DTYPES[datatype]


def datatype_of(array: Array) -> str:
    """Name in the protocol of an array's elements.

    Raises:
        InputError: the protocol has no datatype for this dtype.
    """
    found = array.dtype
    datatype = _DATATYPES.get(found)
    if datatype is None:
        datatype = "BYTES" if found.kind in "SU" else _DATATYPES.get(found.newbyteorder("<"))
    if datatype is None:
        raise refusal(
            f"the protocol has no datatype for the numpy dtype {array.dtype}",
            f"convert it to one of {_names()}",
        )
    return datatype


def read_raw(tensor: InferInputTensor | InferOutputTensor, raw: bytes) -> Array:
    """The array of a raw tensor: a read-only view of the bytes, except for BYTES and BOOL.

    Raises:
        InputError: datatype, shape and number of bytes do not agree.
    """
    shape, dtype = _shape(tensor), _dtype(tensor)
    if tensor.datatype == "BYTES":
        return _objects(list(_split(tensor.name, raw)), tensor.name, shape)
    if len(raw) != prod(shape) * dtype.itemsize:
        raise _miscount(tensor.name, shape, prod(shape) * dtype.itemsize, f"{len(raw)} bytes")
    array = _shaped(np.frombuffer(raw, dtype=dtype), tensor.name, shape)
    if tensor.datatype == "BOOL" and array.size and array.view(np.uint8).max() > 1:
        raise refusal(
            f"tensor `{tensor.name}` is BOOL and holds a byte that is neither 0 nor 1",
            "send one byte per value, 0 or 1",
        )
    return array


def read_typed(tensor: InferInputTensor | InferOutputTensor) -> Array:
    """The array of a typed tensor.

    Raises:
        InputError: datatype, shape and contents do not agree, or a number is out of the datatype's range.
    """
    shape, dtype = _shape(tensor), _dtype(tensor)
    field = _KINDS[tensor.datatype][1]
    if not field:
        raise refusal(
            f"tensor `{tensor.name}` is {tensor.datatype}, which has no typed contents", "send it in raw_input_contents"
        )
    elements = getattr(tensor.contents, field)
    if len(elements) != prod(shape):
        raise _miscount(tensor.name, shape, prod(shape), f"{len(elements)} elements in {field}")
    if tensor.datatype == "BYTES":
        return _objects(list(elements), tensor.name, shape)
    return _shaped(_in_range(tensor, np.array(elements, dtype=_wide(dtype)), dtype), tensor.name, shape)


def write_raw(array: Array) -> bytes:
    """The bytes of an array for `raw_input_contents`."""
    if array.dtype.kind in "OSU":
        return b"".join(part for element in _bytes_of(array) for part in (_LENGTH.pack(len(element)), element))
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def write_typed(array: Array) -> InferTensorContents:
    """An array as typed contents.

    Raises:
        InputError: the datatype has no typed contents.
    """
    datatype = datatype_of(array)
    field = _KINDS[datatype][1]
    if not field:
        raise refusal(f"{datatype} has no typed contents", "send raw_input_contents")
    contents = InferTensorContents()
    getattr(contents, field).extend(_bytes_of(array) if datatype == "BYTES" else array.ravel().tolist())
    return contents


def refuse_shared_memory(tensor: InferInputTensor | InferRequestedOutputTensor, kind: str) -> None:
    """Refuse a tensor whose elements are, or are wanted, in a region of shared memory.

    Args:
        tensor: an input, or an output that is asked for.
        kind: "tensor" or "output", for the message.

    Raises:
        InputError: it names a region.
    """
    if "shared_memory_region" in tensor.parameters:
        message = f"{kind} `{tensor.name}` in shared memory is not supported"
        raise refusal(message, "send and take the contents in the messages")


def refusal(message: str, hint: str, code: ErrorCode | None = None) -> InputError:
    """The error for an invalid request.

    Args:
        message: what was expected and what was found.
        hint: how to fix it.
        code: what is wrong, for programs; by default the code of the error's class."""
    return InputError("the request cannot be read", [Problem(message, hint, code)])


def unknown_datatype(name: str, datatype: str) -> InputError:
    """The error for a tensor with a datatype that the protocol does not have.

    Args:
        name: of the tensor.
        datatype: that it has.
    """
    return refusal(f"tensor `{name}` has the unknown datatype {datatype!r}", f"use one of {_names()}")


def _names() -> str:
    return ", ".join(_KINDS)


def _dtype(tensor: InferInputTensor | InferOutputTensor) -> np.dtype[np.generic]:
    if tensor.datatype not in _KINDS:
        raise unknown_datatype(tensor.name, tensor.datatype)
    return dtype_of(tensor.datatype)


def _shape(tensor: InferInputTensor | InferOutputTensor) -> tuple[int, ...]:
    shape = tuple(tensor.shape[:])
    if shape and min(shape) < 0:
        raise refusal(f"tensor `{tensor.name}` has the shape {list(shape)}", "send the actual length of each dimension")
    return shape


def _miscount(name: str, shape: tuple[int, ...], expected: int, found: str) -> InputError:
    return refusal(
        f"tensor `{name}` of shape {list(shape)} needs {expected}, but has {found}", "make shape and contents agree"
    )


def _split(name: str, raw: bytes) -> Iterator[bytes]:
    """Elements of a raw BYTES tensor: each is a length in four bytes, then that many bytes."""
    start = 0
    while start < len(raw):
        begin = start + _LENGTH.size
        end = begin + _LENGTH.unpack_from(raw, start)[0] if begin <= len(raw) else begin
        if end > len(raw):
            raise refusal(
                f"tensor `{name}` of BYTES ends inside an element",
                "write the length of each element before it in four bytes",
            )
        yield raw[begin:end]
        start = end


def _objects(elements: list[bytes], name: str, shape: tuple[int, ...]) -> Array:
    if len(elements) != prod(shape):
        raise _miscount(name, shape, prod(shape), f"{len(elements)} elements")
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return _shaped(array, name, shape)


def _shaped(array: Array, name: str, shape: tuple[int, ...]) -> Array:
    """The elements in their shape. Numpy limits the number of dimensions, and the size also of an empty array."""
    try:
        return array.reshape(shape)
    except ValueError as error:
        message = f"tensor `{name}` has the shape {list(shape)}, which has no array: {error}"
        raise refusal(message, "send fewer or shorter dimensions") from error


def _wide(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    """Dtype of the contents field, which is wider than that of the tensor for small integers."""
    return np.dtype(np.int64) if dtype.kind in "iu" and dtype.itemsize < 8 else dtype


def _in_range(tensor: InferInputTensor | InferOutputTensor, wide: Array, dtype: np.dtype[np.generic]) -> Array:
    narrow = wide.astype(dtype, copy=False)
    if wide.dtype != dtype and not np.array_equal(narrow, wide):
        at = int(np.flatnonzero(narrow != wide)[0])
        raise refusal(
            f"tensor `{tensor.name}` holds {wide[at]}, which is out of the range of {tensor.datatype}",
            "use a wider datatype",
        )
    return narrow


def _bytes_of(array: Array) -> Iterator[bytes]:
    for element in array.ravel().tolist():
        yield element.encode() if isinstance(element, str) else bytes(element)
