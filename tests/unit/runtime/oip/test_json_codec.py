"""JSON over the wire: what it holds arrives exactly, what it cannot hold is refused by name and place."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pyml.errors import InputError
from pyml.oip import codec
from pyml.oip.binary_tensors import OutputEncoding
from pyml.oip.json_codec import HttpResponse, read_request, write_response
from pyml.oip.messages import InferInputTensor, InferOutputTensor, InferParameter, ModelInferRequest, ModelInferResponse
from pyml.oip.null_elements import mark_nulls, nulls_by_name, positions_of_nulls, takes_nulls
from pyml.oip.tensor import datatype_of, dtype_of, write_raw

PLAIN = OutputEncoding(by_default=False, by_name={})
BINARY = OutputEncoding(by_default=True, by_name={})


def body(datatype: str, data: object, shape: Sequence[int] | None = None, **more: object) -> bytes:
    size = len(data) if isinstance(data, list) else 1
    tensor = {"name": "t", "datatype": datatype, "shape": [size] if shape is None else shape, "data": data}
    return json.dumps({"inputs": [tensor], **more}).encode()


def arrays_of(request: ModelInferRequest) -> Mapping[str, np.ndarray]:
    return codec.read_tensors(request, codec.form_of(request))


HELD = [
    ("FP64", [1, 0.1, -2.5, 2**53, 1e308]),
    ("FP32", [0.5, 16777216]),
    ("FP16", [0.5, 2048]),
    ("INT64", [2**63 - 1, -(2**63)]),
    ("UINT64", [2**64 - 1]),
    ("INT8", [-128, 127]),
    ("UINT8", [255]),
    ("BOOL", [True, False]),
    ("BYTES", ["", "é", "007"]),
    ("FP64", []),
    ("FP64", [10**22, 2**900, -(2**70), 0.5]),
    ("FP32", [2**100, 1.5]),
    ("INT64", [1, 2.0, 2**63 - 1]),
    ("UINT64", [1.0, 2**64 - 1]),
]


@pytest.mark.parametrize(("datatype", "data"), HELD)
def test_what_json_holds_arrives_exactly(datatype: str, data: list[object]) -> None:
    request, _ = read_request(body(datatype, data), "m", "1")
    array = arrays_of(request)["t"]
    expected = [str(value).encode() for value in data] if datatype == "BYTES" else data
    assert array.tolist() == expected
    assert array.dtype == dtype_of(datatype)


def test_a_large_number_with_an_exponent_stands_for_the_nearest_float() -> None:
    request, _ = read_request(body("FP64", [1e22, 1.1e300]), "m", "1")
    assert arrays_of(request)["t"].tolist() == [1e22, 1.1e300]


def test_a_decimal_fraction_stands_for_the_nearest_float() -> None:
    request, _ = read_request(body("FP32", [0.1]), "m", "1")
    assert arrays_of(request)["t"][0] == np.float32(0.1)


def test_data_may_be_nested_or_flat() -> None:
    nested, _ = read_request(body("INT64", [[1, 2], [3, 4]], shape=[2, 2]), "m", "")
    flat, _ = read_request(body("INT64", [1, 2, 3, 4], shape=[2, 2]), "m", "")
    assert nested == flat
    assert arrays_of(nested)["t"].tolist() == [[1, 2], [3, 4]]


REFUSED = [
    (body("INT64", [1, 2.5]), r"tensor `t` is INT64, which cannot hold 2.5 at position 1"),
    (body("INT64", [-0.0]), r"INT64, which cannot hold -0.0 at position 0"),
    (body("FP32", [1, 1e-46]), r"FP32, which cannot hold 1e-46 at position 1"),
    (body("INT8", [1.5, 300]), r"INT8, which cannot hold 1.5 at position 0"),
    (body("INT64", [True]), r"holds true at position 0"),
    (body("INT64", [2**64]), r"INT64, which cannot hold 1\.8446744073709552e\+?19"),
    (body("INT64", [2**63]), r"INT64, which cannot hold 9223372036854775808 at position 0"),
    (body("INT8", [1, 128]), r"INT8, which cannot hold 128 at position 1"),
    (body("UINT8", [-1]), r"UINT8, which cannot hold -1"),
    (body("FP64", [2**53 + 1]), r"FP64, which cannot hold 9007199254740993"),
    (body("FP32", [16777217]), r"FP32, which cannot hold 16777217"),
    (body("FP64", [12345678901234567890123456]), r"FP64, which cannot hold 12345678901234567890123456 at position 0"),
    (body("FP64", [0.5, -(10**25) - 1]), r"FP64, which cannot hold -10000000000000000000000001 at position 1"),
    (body("FP32", [[1], [10**11], [10**25]], shape=[3, 1]), r"FP32, which cannot hold 100000000000 at position 1"),
    (body("FP32", [10**25]), r"FP32, which cannot hold 10000000000000000000000000 at position 0"),
    (b'{"inputs": [{"name": "t", "datatype": "FP64", "shape": [2], "data": [1e300, ' + b"9" * 300 + b"]}]}", r"FP64"),
    (
        b'{"inputs": [{"name": "t", "datatype": "FP64", "shape": [1], "data": [' + b"9" * 5000 + b"]}]}",
        r"orjson|body is not JSON|digits",
    ),
    (body("FP32", [1e39]), r"FP32, which cannot hold 1e\+?39"),
    (body("FP64", [[1], [2, 3]], shape=[3]), r"inputs\[0\].data is not nested according to its shape"),
    (body("FP64", [[1, 2, 3], [4]], shape=[2, 2]), r"inputs\[0\].data is not nested according to its shape"),
    (body("FP64", [[1, [2]]], shape=[1, 2]), r"holds \[2\] at position 1"),
    (body("FP64", 1), r"inputs\[0\].data is a number"),
    (body("FP64", ["NaN"]), r'holds "NaN" at position 0'),
    (body("BOOL", [1]), r"BOOL and holds 1"),
    (body("BYTES", [1]), r"BYTES and holds 1"),
    (body("FP65", [1]), r"unknown datatype 'FP65'"),
    (body("FP64", [1], shape=[-1]), r"inputs\[0\].shape"),
    (body("FP64", [1], shape=[True]), r"inputs\[0\].shape"),
    (b'{"inputs": [{"name": "t", "datatype": "FP64", "shape": [1]}]}', r"inputs\[0\] has no data"),
    (b'{"inputs": [{"datatype": "FP64", "shape": [1]}]}', r"inputs\[0\].name is a null"),
    (b'{"inputs": {}}', r"inputs is a object"),
    (b'{"inputs": [1]}', r"inputs\[0\] is a number"),
    (b'{"parameters": {"a": []}}', r"parameters.a is a list"),
    (b'{"id": 1}', r"id is a number"),
    (
        b'{"inputs": [{"name": "t", "datatype": "FP64", "shape": [1], "parameters": {"shared_memory_region": "r"}}]}',
        r"`t` in shared memory",
    ),
    (
        b'{"inputs": [{"name": "t", "datatype": "FP64", "shape": [1], "data": [1], "parameters": {"binary_data_size": 8}}]}',
        r"both data and binary_data_size",
    ),
    (
        b'{"inputs": [{"name": "t", "datatype": "FP64", "shape": [1], "parameters": {"binary_data_size": "8"}}]}',
        r"binary_data_size is not a whole number",
    ),
    (b'{"inputs": [{"name": "t", "datatype": "FP64", "shape": ["1"], "data": [1]}]}', r"inputs\[0\].shape"),
    (b"[]", r"the body is a list"),
    (b'{"inputs": [\n  {"name": NaN}]}', r"line 2 column 12"),
    (b"\xff", r"the body is not JSON"),
    (b"", r"the body is empty"),
    (b"  \n ", r"the body is empty"),
    (b"\xef\xbb\xbf{}", r"the body is not JSON[^$]*byte order mark"),
    (b"{'inputs': []}", r"the body is not JSON[^$]*double quotes"),
    (b'{"inputs": [{"data": [NaN]}]}', r"the body is not JSON[^$]*NaN and infinities"),
    (b"inputs=1", r"the body is not JSON[^$]*send a JSON object"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_json_cannot_hold_is_refused_by_name_and_place(text: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_request(text, "m", "1")


@pytest.mark.parametrize(
    ("datatype", "data", "contents"),
    [
        ("FP64", [None, 0.5, None], [0.0, 0.5, 0.0]),
        ("INT8", [None, 1, 2.0], [0, 1, 2]),
        ("BOOL", [True, None], [True, False]),
        ("BYTES", [None, "a"], [b"", b"a"]),
    ],
)
def test_null_goes_beside_its_tensor_and_comes_back(datatype: str, data: list[object], contents: list[object]) -> None:
    request, _ = read_request(body(datatype, data), "m", "1")
    assert takes_nulls(request)
    assert arrays_of(request)["t"].tolist() == contents
    positions = [at for at, value in enumerate(data) if value is None]
    assert nulls_by_name(request.inputs) == {"t": positions}
    answer = response(t=arrays_of(request)["t"])
    mark_nulls(answer.outputs[0], positions)
    (output,) = json.loads(write_response(answer, PLAIN).body)["outputs"]
    assert output == {"name": "t", "datatype": datatype, "shape": [len(data)], "data": data}
    with pytest.raises(InputError, match=f"output `t` holds null \\(row {positions[0]}\\), which binary data cannot"):
        write_response(answer, BINARY)


@pytest.mark.parametrize("written", ["", "1,", "-1", "2", "x", "0;1"])
def test_positions_of_nulls_that_make_no_sense_are_refused(written: str) -> None:
    tensor = InferInputTensor(name="t", datatype="FP64", shape=[2])
    tensor.parameters["nulls"].string_param = written
    with pytest.raises(InputError, match=r"the parameter `nulls` of tensor `t` is (.|\n)*positions from 0 to 1"):
        positions_of_nulls(tensor)


def test_optional_fields_may_be_null() -> None:
    fields = '"id": null, "parameters": null, "outputs": null'
    entry = '{"name": "t", "datatype": "INT64", "shape": [1], "data": [5], "parameters": null}'
    plain = read_request(b'{"inputs": [{"name": "t", "datatype": "INT64", "shape": [1], "data": [5]}]}', "m", "")
    assert read_request(f'{{{fields}, "inputs": [{entry}]}}'.encode(), "m", "") == plain
    asked, _ = read_request(b'{"inputs": [], "outputs": [{"name": "p", "parameters": null}]}', "m", "")
    assert [output.name for output in asked.outputs] == ["p"]


def test_data_may_be_nested_as_deep_as_json_goes() -> None:
    shape, data = json.dumps([1] * 900).encode(), b"[" * 900 + b"5" + b"]" * 900
    text = b'{"inputs": [{"name": "t", "datatype": "INT64", "shape": ' + shape + b', "data": ' + data + b"}]}"
    request, _ = read_request(text, "m", "")
    assert request.raw_input_contents[0] == np.array([5]).tobytes()


def test_everything_else_of_a_request_is_kept() -> None:
    parameters = {"content_type": "pd", "n": 2**63 - 1, "u": 2**64 - 1, "x": 0.5, "yes": True}
    text = body("FP64", [1], id="r", parameters=parameters, outputs=[{"name": "p", "parameters": {"a": 1}}])
    request, is_binary = read_request(text, "m", "2")
    assert (request.model_name, request.model_version, request.id) == ("m", "2", "r")
    chosen = {key: value.WhichOneof("parameter_choice") for key, value in request.parameters.items()}
    assert chosen == {"content_type": "string_param", "n": "int64_param", "u": "uint64_param", "x": "double_param", "yes": "bool_param", "nulls": "bool_param"}  # fmt: skip
    assert [output.name for output in request.outputs] == ["p"]
    assert not is_binary("p")


def response(**arrays: np.ndarray) -> ModelInferResponse:
    return ModelInferResponse(
        model_name="m",
        model_version="1",
        parameters={"content_type": InferParameter(string_param="pd")},
        outputs=[InferOutputTensor(name=n, datatype=datatype_of(a), shape=a.shape) for n, a in arrays.items()],
        raw_output_contents=[write_raw(array) for array in arrays.values()],
    )


def binary_parts(answer: HttpResponse) -> tuple[dict[str, object], bytes]:
    assert answer.json_size is not None
    document: dict[str, object] = orjson.loads(answer.body[: answer.json_size])
    return document, answer.body[answer.json_size :]


def test_an_answer_in_json() -> None:
    arrays = {"n": np.array([2**63 - 1]), "x": np.array([[0.1]]), "s": np.array([b"\xc3\xa9"], dtype=object)}
    answer = write_response(response(**arrays), PLAIN)
    assert answer.json_size is None
    document = json.loads(answer.body)
    assert document["outputs"] == [
        {"name": "n", "datatype": "INT64", "shape": [1], "data": [2**63 - 1]},
        {"name": "x", "datatype": "FP64", "shape": [1, 1], "data": [0.1]},
        {"name": "s", "datatype": "BYTES", "shape": [1], "data": ["é"]},
    ]
    assert document["parameters"] == {"content_type": "pd"}


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.array([1.0, math.nan]), "output `p` holds NaN or infinity"),
        (np.array([math.inf], np.float32), "output `p` holds NaN or infinity"),
        (np.array([b"\xff"], dtype=object), "output `p` holds bytes that are not UTF-8"),
    ],
)
def test_an_answer_that_json_cannot_say_is_refused_but_goes_as_binary_data(array: np.ndarray, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        write_response(response(p=array), PLAIN)
    document, data = binary_parts(write_response(response(p=array), BINARY))
    assert data == write_raw(array)
    assert document["outputs"] == [
        {
            "name": "p",
            "datatype": datatype_of(array),
            "shape": [len(array)],
            "parameters": {"binary_data_size": len(data)},
        }
    ]


@given(
    hnp.arrays(st.sampled_from(["float64", "float32", "int64", "uint64", "int8", "bool"]), hnp.array_shapes(max_dims=2))
)
def test_what_an_answer_says_in_json_is_what_a_request_with_it_means(array: np.ndarray) -> None:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return
    entry = json.loads(write_response(response(t=array), PLAIN).body)["outputs"][0]
    request, _ = read_request(json.dumps({"inputs": [entry]}).encode(), "m", "")
    np.testing.assert_array_equal(arrays_of(request)["t"], array)
    assert arrays_of(request)["t"].tobytes() == array.tobytes()


def binary_body(sizes: Sequence[int], data: bytes) -> tuple[bytes, int]:
    inputs = [
        {"name": f"t{at}", "datatype": "UINT8", "shape": [size], "parameters": {"binary_data_size": size}}
        for at, size in enumerate(sizes)
    ]
    text = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    return text + data, len(text)


def test_binary_tensors_follow_the_json_in_order() -> None:
    request, is_binary = read_request(*_swap(binary_body([2, 0, 1], b"abc")))
    assert [array.tobytes() for array in arrays_of(request).values()] == [b"ab", b"", b"c"]
    assert is_binary("anything")


@pytest.mark.parametrize(
    ("sizes", "data", "reason"),
    [
        ([4], b"abc", r"binary_data_size 4, but only 3 bytes are left"),
        ([1], b"abc", r"2 bytes after the JSON belong to no input"),
        ([2, -1], b"abc", r"inputs\[1\].shape"),
    ],
)
def test_sizes_that_do_not_fit_the_body_are_refused(sizes: list[int], data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_request(*_swap(binary_body(sizes, data)))


def _swap(parts: tuple[bytes, int]) -> tuple[bytes, str, str, int]:
    return parts[0], "m", "", parts[1]
