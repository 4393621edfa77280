"""Rows and tensors over the wire: exact, or refused by the column's name and the reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pyml.errors import InputError
from pyml.inference.digests import digests_of_batch, record
from pyml.oip import codec
from pyml.oip.arrow import batch_from_stream, stream_from_batch
from pyml.oip.columns import batch_from_columns, columns_from_batch, nulls_of
from pyml.oip.messages import (
    DecodeError,
    InferInputTensor,
    InferParameter,
    InferRequestedOutputTensor,
    InferTensorContents,
    ModelInferRequest,
    ModelInferResponse,
)
from pyml.oip.null_elements import mark_nulls, nulls_by_name
from pyml.oip.tensor import datatype_of, read_raw, read_typed, write_raw, write_typed
from pyml.types.field import TENSOR_KINDS
from pyml.types.schema import Schema
from pyml.types.tensors import Tensors
from support.type_matrix import CASES, KINDS, TypeCase


@dataclass
class Echo:
    """A predictor that gives back what it was given, and keeps it."""

    inputs: Schema
    seen: list[object] = field(default_factory=list)

    @property
    def is_tensor(self) -> bool:
        return self.inputs.is_tensor

    def predict_arrow(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        self.seen.append(batch)
        return batch

    def predict_tensors(self, tensors: Tensors) -> Tensors:
        self.seen.append(tensors)
        return tensors

    def predict_recorded(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, list[pa.Array]]:
        return self.predict_arrow(batch), record(digests_of_batch(batch, self.inputs), [], batch.num_rows)


def over_the_wire(request: ModelInferRequest, echo: Echo) -> ModelInferResponse:
    response = codec.answer(ModelInferRequest.FromString(request.SerializeToString()), echo)
    return ModelInferResponse.FromString(response.SerializeToString())


def typed(request: ModelInferRequest) -> ModelInferRequest:
    """The same request with typed contents instead of raw ones."""
    arrays = codec.read_tensors(request, codec.form_of(request))
    for tensor in request.inputs:
        tensor.contents.MergeFrom(write_typed(arrays[tensor.name]))  # type: ignore[attr-defined]
    del request.raw_input_contents[:]
    return request


def same(left: pa.RecordBatch, right: pa.RecordBatch) -> bool:
    return bool(left.schema.equals(right.schema)) and repr(left.to_pylist()) == repr(right.to_pylist())


MATRIX = [pytest.param(case, kind, id=f"{case.ddl_type}, {kind}") for case in CASES for kind in KINDS]


@pytest.mark.parametrize("is_raw", [True, False], ids=["raw", "typed"])
@pytest.mark.parametrize(("case", "kind"), MATRIX)
def test_arrow_carries_every_type_exactly_and_answers_as_it_was_asked(case: TypeCase, kind: str, is_raw: bool) -> None:
    request = codec.arrow_request("m", "1", case.batch(kind), request_id="r-1")
    echo = Echo(case.schema())
    response = over_the_wire(request if is_raw else typed(request), echo)
    assert same(codec.read_arrow_response(response), case.batch(kind))
    assert bool(response.raw_output_contents) == is_raw
    assert response.parameters["content_type"].string_param == "arrow"
    assert response.id == "r-1"


def test_arrow_is_read_at_an_even_address() -> None:
    echo = Echo(Schema("c DOUBLE"))
    over_the_wire(codec.arrow_request("m", "", CASES[5].batch("plain")), echo)
    batch = echo.seen[0]
    assert isinstance(batch, pa.RecordBatch)
    assert batch.column(0).to_numpy().flags.aligned


def test_a_table_of_many_chunks_arrives_as_one_batch() -> None:
    table = pa.table({"a": pa.chunked_array([[1, 2], [3], []], pa.int64())})
    echo = Echo(Schema("a BIGINT"))
    response = over_the_wire(codec.arrow_request("m", "", table), echo)
    assert codec.read_arrow_response(response).to_pydict() == {"a": [1, 2, 3]}


def test_a_table_without_chunks_arrives_as_an_empty_batch() -> None:
    table = pa.table({"a": pa.chunked_array([], pa.int64())})
    response = over_the_wire(codec.arrow_request("m", "", table), Echo(Schema("a BIGINT")))
    assert codec.read_arrow_response(response).num_rows == 0


CARRIED = ("TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "BOOLEAN", "STRING", "BINARY")


@pytest.mark.parametrize("is_raw", [True, False], ids=["raw", "typed"])
@pytest.mark.parametrize("kind", ["plain", "extremes", "empty"])
@pytest.mark.parametrize("case", [case for case in CASES if case.ddl_type in CARRIED], ids=lambda case: case.ddl_type)
def test_columns_carry_plain_types_exactly(case: TypeCase, kind: str, is_raw: bool) -> None:
    request = codec.column_request("m", "1", case.batch(kind))
    response = over_the_wire(request if is_raw else typed(request), Echo(case.schema()))
    assert same(codec.read_column_response(response, case.schema()), case.batch(kind))
    assert bool(response.raw_output_contents) == is_raw


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.ddl_type not in CARRIED], ids=lambda case: case.ddl_type
)
def test_what_columns_cannot_carry_is_refused_both_ways_by_name_and_reason(case: TypeCase) -> None:
    with pytest.raises(InputError, match=r"column `c` is .*no tensor carries without loss(.|\n)*arrow"):
        codec.column_request("m", "", case.batch("plain"))
    request = codec.tensor_request("m", "", {"c": np.array([1.0])})
    with pytest.raises(InputError, match=r"column `c` is declared .*no tensor carries without loss(.|\n)*arrow"):
        codec.answer(request, Echo(case.schema()))


@pytest.mark.parametrize("case", [case for case in CASES if case.ddl_type in CARRIED], ids=lambda case: case.ddl_type)
@pytest.mark.parametrize("kind", ["nulls", "only nulls", "extremes beside null"])
def test_nulls_of_a_column_go_beside_it_and_come_back_so(case: TypeCase, kind: str) -> None:
    batch = case.batch(kind)
    request = codec.tensor_request("m", "1", columns_from_batch(batch, are_nulls_marked=True))
    request.parameters["nulls"].bool_param = True
    mark_nulls(request.inputs[0], nulls_of(batch)["c"])
    response = over_the_wire(request, Echo(case.schema()))
    arrays = codec.read_tensor_response(response)
    assert same(batch_from_columns(arrays, case.schema(), nulls_by_name(response.outputs)), batch)


def test_a_null_for_a_column_that_takes_none_is_refused_with_row_and_column() -> None:
    request = codec.tensor_request("m", "1", {"c": np.array([1.0, 0.0])})
    mark_nulls(request.inputs[0], [1])
    with pytest.raises(InputError, match="column `c` is declared NOT NULL and holds 1 nulls, the first in row 1"):
        codec.answer(request, Echo(Schema("c DOUBLE NOT NULL")))


def test_a_tensor_model_takes_no_null() -> None:
    request = codec.tensor_request("m", "1", {"c": np.zeros((2, 2))})
    mark_nulls(request.inputs[0], [3])
    with pytest.raises(InputError, match="tensor `c` holds null at position 3"):
        codec.answer(request, Echo(Schema([("c", "float64", (-1, 2))])))


def test_a_null_in_an_answer_is_refused_by_name_and_row() -> None:
    class Nulls(Echo):
        def predict_arrow(self, batch: pa.RecordBatch) -> pa.RecordBatch:
            return pa.RecordBatch.from_pydict({"p": pa.array([1.0, None])})

    request = codec.tensor_request("m", "", {"c": np.array([1.0, 2.0])})
    with pytest.raises(InputError, match=r"column `p` holds null \(row 1\)"):
        codec.answer(request, Nulls(Schema("c DOUBLE")))


def numbers(values: Sequence[object], dtype: str) -> np.ndarray:
    return np.array(values, dtype=dtype)


WIDTHS = [
    # declared, sent, what arrives or the reason why not
    ("TINYINT", numbers([1, -128], "int64"), [1, -128]),
    ("TINYINT", numbers([1, 128], "int64"), r"declared TINYINT, which cannot hold 128 \(row 1\)"),
    ("TINYINT", numbers([255], "uint8"), r"cannot hold 255"),
    ("INT", numbers([2**31], "uint32"), r"cannot hold 2147483648"),
    ("BIGINT", numbers([2**63], "uint64"), r"cannot hold 9223372036854775808"),
    ("BIGINT", numbers([2**63 - 1], "uint64"), [2**63 - 1]),
    ("BIGINT", numbers([-5], "int8"), [-5]),
    ("DOUBLE", numbers([0.5, 0.1], "float32"), [0.5, float(np.float32(0.1))]),
    ("DOUBLE", numbers([0.5], "float16"), [0.5]),
    ("DOUBLE", numbers([math.nan, -math.inf], "float32"), [math.nan, -math.inf]),
    ("FLOAT", numbers([0.5, math.inf], "float64"), [0.5, math.inf]),
    ("FLOAT", numbers([0.1], "float64"), r"declared FLOAT, which cannot hold 0\.1 \(row 0\)"),
    ("FLOAT", numbers([1e300], "float64"), r"cannot hold 1e\+300"),
    ("FLOAT", numbers([5e-324], "float64"), r"cannot hold 5e-324"),
    ("DOUBLE", numbers([1, -(2**53)], "int64"), [1.0, -(2.0**53)]),
    ("DOUBLE", numbers([2**53 + 1], "int64"), r"declared DOUBLE, which cannot hold 9007199254740993 \(row 0\)"),
    ("BIGINT", numbers([1.0], "float64"), [1]),
    ("BIGINT", numbers([1.0, -0.0], "float64"), r"declared BIGINT, which cannot hold -0\.0 \(row 1\)"),
    ("BOOLEAN", numbers([1], "int8"), r"column `c` is INT8, declared BOOLEAN(.|\n)*send it as BOOL"),
    ("INT", numbers([True], "bool"), r"is BOOL, declared INT"),
    ("STRING", numbers([1], "int32"), r"is INT32, declared STRING"),
    ("DOUBLE", numbers([b"1"], "object"), r"is BYTES, declared DOUBLE"),
    ("STRING", numbers([b"\xff"], "object"), r"declared STRING and holds bytes that are not UTF-8"),
    ("BINARY", numbers([b"\xff\x00"], "object"), [b"\xff\x00"]),
    ("STRING", numbers(["é"], "object"), ["é"]),
    ("DOUBLE", numbers([[1.0], [2.0]], "float64"), [1.0, 2.0]),
    ("DOUBLE", numbers([[1.0, 2.0]], "float64"), r"column `c` has the shape \[1, 2\]"),
    ("DOUBLE", numbers(1.0, "float64"), r"column `c` has the shape \[\]"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("declared", "sent", "expected"), WIDTHS)
def test_a_column_may_come_in_another_width_if_no_value_changes(
    declared: str, sent: np.ndarray, expected: list[object] | str
) -> None:
    echo = Echo(Schema(f"c {declared}"))
    request = codec.tensor_request("m", "", {"c": sent})
    if isinstance(expected, str):
        with pytest.raises(InputError, match=expected):
            codec.answer(request, echo)
        return
    codec.answer(request, echo)
    batch = echo.seen[0]
    assert isinstance(batch, pa.RecordBatch)
    assert batch.schema == echo.inputs.arrow
    assert repr(batch.column(0).to_pylist()) == repr(expected)


def test_every_wrong_column_is_listed() -> None:
    request = codec.tensor_request("m", "", {"a": np.array([1, 2]), "x": np.array([1.0])})
    with pytest.raises(InputError) as caught:
        codec.answer(request, Echo(Schema("a BIGINT, b DOUBLE")))
    problems = [problem.message for problem in caught.value.problems]
    assert any("`b` is missing" in problem for problem in problems)
    assert any("`x` is not declared" in problem for problem in problems)
    assert any("rows, other columns have a different number" in problem for problem in problems)


def test_columns_may_come_in_any_order_and_answer_in_the_shape_they_came_in() -> None:
    request = codec.tensor_request("m", "", {"b": np.array([[2.0]]), "a": np.array([[1]])})
    response = over_the_wire(request, Echo(Schema("a BIGINT, b DOUBLE")))
    assert [(tensor.name, list(tensor.shape)) for tensor in response.outputs] == [("a", [1, 1]), ("b", [1, 1])]


def test_only_the_outputs_asked_for_are_given() -> None:
    request = codec.tensor_request("m", "", {"a": np.array([1]), "b": np.array([2.0])})
    request.outputs.append(InferRequestedOutputTensor(name="b"))
    response = over_the_wire(request, Echo(Schema("a BIGINT, b DOUBLE")))
    assert list(codec.read_tensor_response(response)) == ["b"]
    request.outputs.append(InferRequestedOutputTensor(name="c"))
    with pytest.raises(InputError, match=r"no output `c`(.|\n)*a, b"):
        over_the_wire(request, Echo(Schema("a BIGINT, b DOUBLE")))


TENSORS = Schema([(kind.dtype, kind.dtype, (-1, -1)) for kind in TENSOR_KINDS])


def tensor_arrays(rows: int) -> st.SearchStrategy[Tensors]:
    def one(dtype: str) -> st.SearchStrategy[np.ndarray]:
        if dtype == "bytes":
            return hnp.arrays(object, (rows, 2), elements=st.binary(max_size=5), fill=st.nothing())
        return hnp.arrays(dtype, (rows, 2))

    return st.fixed_dictionaries({kind.dtype: one(kind.dtype) for kind in TENSOR_KINDS})


@given(st.integers(0, 3).flatmap(tensor_arrays))
def test_tensors_of_every_datatype_come_back_bit_by_bit(tensors: Tensors) -> None:
    echo = Echo(TENSORS)
    answered = codec.read_tensor_response(over_the_wire(codec.tensor_request("m", "", tensors), echo))
    for name, array in tensors.items():
        assert answered[name].dtype == array.dtype
        assert answered[name].shape == array.shape
        assert (
            answered[name].tolist() == array.tolist()
            if name == "bytes"
            else answered[name].tobytes() == array.tobytes()
        )


@given(st.integers(0, 3).flatmap(tensor_arrays))
def test_typed_contents_hold_what_raw_contents_hold(tensors: Tensors) -> None:
    for array in tensors.values():
        if array.dtype == np.float16:
            with pytest.raises(InputError, match="FP16 has no typed contents"):
                write_typed(array)
            continue
        plain = InferInputTensor(name="t", datatype=datatype_of(array), shape=array.shape)
        full = InferInputTensor(name="t", datatype=datatype_of(array), shape=array.shape, contents=write_typed(array))
        np.testing.assert_array_equal(read_typed(full), read_raw(plain, write_raw(array)))


def test_a_model_may_write_into_its_tensors() -> None:
    echo = Echo(Schema([("t", "float32", (-1,))]))
    codec.answer(codec.tensor_request("m", "", {"t": np.zeros(3, np.float32)}), echo)
    tensors = echo.seen[0]
    assert isinstance(tensors, dict)
    assert tensors["t"].flags.writeable


def test_big_endian_and_strided_arrays_are_sent_as_the_protocol_wants_them() -> None:
    array = np.arange(6, dtype=">i4").reshape(2, 3).T
    response = over_the_wire(codec.tensor_request("m", "", {"t": array}), Echo(Schema([("t", "int32", (-1, -1))])))
    np.testing.assert_array_equal(codec.read_tensor_response(response)["t"], array)


def test_texts_may_be_sent_as_bytes_tensors() -> None:
    sent = {"fixed": np.array([b"a", b"bc"]), "text": np.array(["é", "x"])}
    schema = Schema([("fixed", "bytes", (-1,)), ("text", "bytes", (-1,))])
    response = over_the_wire(codec.tensor_request("m", "", sent), Echo(schema))
    assert codec.read_tensor_response(response)["text"].tolist() == ["é".encode(), b"x"]


def test_a_dtype_without_a_name_in_the_protocol_is_refused() -> None:
    with pytest.raises(InputError, match="complex128"):
        codec.tensor_request("m", "", {"t": np.zeros(1, complex)})


def text(value: str) -> InferParameter:
    return InferParameter(string_param=value)


def tensor(datatype: str = "FP64", shape: Sequence[int] = (1,), **more: object) -> InferInputTensor:
    return InferInputTensor(name="c", datatype=datatype, shape=shape, **more)  # type: ignore[arg-type]


ONE = np.array([1.0]).tobytes()
STREAM = stream_from_batch(pa.RecordBatch.from_pydict({"c": [1.0]}))
STREAM_SCHEMA = pa.schema({"c": pa.float64()})
Made = Callable[[], ModelInferRequest]


def stream_of(schema: pa.Schema, *batches: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def as_arrow(stream: bytes, **more: object) -> ModelInferRequest:
    """A request for which the stream is rows, whatever it is."""
    raw = len(stream).to_bytes(4, "little") + stream
    parameters = {"content_type": text("arrow")}
    return ModelInferRequest(parameters=parameters, inputs=[tensor("BYTES", **more)], raw_input_contents=[raw])  # type: ignore[arg-type]


BAD: list[tuple[str, Made]] = [
    (r"content_type 'json' is unknown", lambda: ModelInferRequest(parameters={"content_type": text("json")})),
    (r"1 inputs but 2 raw contents", lambda: ModelInferRequest(inputs=[tensor()], raw_input_contents=[ONE, ONE])),
    (r"has both raw and typed", lambda: ModelInferRequest(
        inputs=[tensor(contents=InferTensorContents(fp64_contents=[1.0]))], raw_input_contents=[ONE])),
    (r"appears twice", lambda: ModelInferRequest(inputs=[tensor(), tensor()], raw_input_contents=[ONE, ONE])),
    (r"shared memory", lambda: ModelInferRequest(
        inputs=[tensor(parameters={"shared_memory_region": text("r")})], raw_input_contents=[ONE])),
    (r"content_type 'base64'", lambda: ModelInferRequest(
        inputs=[tensor(parameters={"content_type": text("base64")})], raw_input_contents=[ONE])),
    (r"unknown datatype 'FP65'", lambda: ModelInferRequest(inputs=[tensor("FP65")], raw_input_contents=[ONE])),
    (r"shape \[-1\]", lambda: ModelInferRequest(inputs=[tensor(shape=[-1])], raw_input_contents=[ONE])),
    (r"needs 16, but has 8 bytes", lambda: ModelInferRequest(inputs=[tensor(shape=[2])], raw_input_contents=[ONE])),
    (r"needs \d{20,}, but has 8 bytes", lambda: ModelInferRequest(
        inputs=[tensor(shape=[2**62, 2**62])], raw_input_contents=[ONE])),
    (r"neither 0 nor 1", lambda: ModelInferRequest(inputs=[tensor("BOOL")], raw_input_contents=[b"\x02"])),
    (r"ends inside an element", lambda: ModelInferRequest(inputs=[tensor("BYTES")], raw_input_contents=[b"\x09\0\0\0a"])),
    (r"ends inside an element", lambda: ModelInferRequest(inputs=[tensor("BYTES")], raw_input_contents=[b"\x09\0"])),
    (r"needs 2, but has 1 elements", lambda: ModelInferRequest(
        inputs=[tensor("BYTES", [2])], raw_input_contents=[b"\x01\0\0\0a"])),
    (r"needs 1, but has 0 elements in fp64_contents", lambda: ModelInferRequest(
        inputs=[tensor(contents=InferTensorContents(fp32_contents=[1.0]))])),
    (r"300, which is out of the range of INT8", lambda: ModelInferRequest(
        inputs=[tensor("INT8", contents=InferTensorContents(int_contents=[300]))])),
    (r"FP16, which has no typed contents", lambda: ModelInferRequest(
        inputs=[tensor("FP16", contents=InferTensorContents(fp32_contents=[1.0]))])),
    (r"content_type is 'arrow', but there are 0 tensors", lambda: ModelInferRequest(parameters={"content_type": text("arrow")})),
    (r"has 3 bytes, but its length prefix is 9", lambda: ModelInferRequest(
        parameters={"content_type": text("arrow")}, inputs=[tensor("BYTES")], raw_input_contents=[b"\x09\0\0\0abc"])),
    (r"not a valid Arrow IPC stream", lambda: ModelInferRequest(
        parameters={"content_type": text("arrow")}, inputs=[tensor("BYTES")], raw_input_contents=[b"\x03\0\0\0abc"])),
    (r"not a valid Arrow IPC stream", lambda: ModelInferRequest(
        parameters={"content_type": text("arrow")},
        inputs=[tensor("BYTES", contents=InferTensorContents(bytes_contents=[STREAM[:200]]))])),
    (r"has both raw and typed", lambda: as_arrow(STREAM, contents=InferTensorContents(bytes_contents=[STREAM]))),
    (r"has the shape \[7\]", lambda: as_arrow(STREAM, shape=[7])),
    (r"ends before its end marker", lambda: as_arrow(STREAM[:-8])),
    (r"ends before its end marker", lambda: as_arrow(stream_of(STREAM_SCHEMA)[:-8])),
    (r"ends before its end marker", lambda: as_arrow(stream_of(STREAM_SCHEMA, pa.RecordBatch.from_pydict({"c": [0.5] * 50}))[:-8])),
    (r"8 bytes follow the end marker", lambda: as_arrow(STREAM + bytes(8))),
    (r"bytes follow the end marker", lambda: as_arrow(STREAM + STREAM)),
    (r"the name of a column is not UTF-8", lambda: as_arrow(
        stream_of(pa.schema({"ä": pa.float64()})).replace("ä".encode(), b"\xff\xff"))),
    (r"has the shape \[1, 1, .*which has no array", lambda: ModelInferRequest(
        inputs=[tensor(shape=[1] * 65)], raw_input_contents=[ONE])),
    (r"which has no array", lambda: ModelInferRequest(inputs=[tensor(shape=[0, 2**62])], raw_input_contents=[b""])),
    (r"which has no array", lambda: ModelInferRequest(inputs=[tensor(shape=[2**31, 2**33, 0])])),
    (r"which has no array", lambda: ModelInferRequest(inputs=[tensor("BYTES", [0, 2**62])], raw_input_contents=[b""])),
    (r"output `c` in shared memory", lambda: ModelInferRequest(inputs=[tensor()], raw_input_contents=[ONE],
        outputs=[InferRequestedOutputTensor(name="c", parameters={"shared_memory_region": text("r")})])),
    (r"output `c` as classes", lambda: ModelInferRequest(inputs=[tensor()], raw_input_contents=[ONE],
        outputs=[InferRequestedOutputTensor(name="c", parameters={"classification": InferParameter(int64_param=3)})])),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "made"), BAD)
def test_a_request_that_contradicts_itself_is_refused_with_the_reason(reason: str, made: Made) -> None:
    with pytest.raises(InputError, match=reason):
        codec.answer(made(), Echo(Schema("c DOUBLE")))


@pytest.mark.parametrize("rows", [(), (0,), (0, 0, 0), (2, 0, 1), (0, 3)])
def test_an_arrow_stream_of_any_batches_is_read_as_one(rows: tuple[int, ...]) -> None:
    batches = [pa.RecordBatch.from_pydict({"c": [float(number)] * number}, STREAM_SCHEMA) for number in rows]
    read = batch_from_stream(stream_of(STREAM_SCHEMA, *batches))
    assert read.schema == STREAM_SCHEMA
    assert read["c"].to_pylist() == [float(number) for number in rows for _ in range(number)]


def test_content_type_may_stand_on_the_tensor() -> None:
    request = codec.arrow_request("m", "", CASES[0].batch("plain"))
    del request.parameters["content_type"]
    request.inputs[0].parameters["content_type"].string_param = "arrow"
    assert same(codec.read_arrow_response(over_the_wire(request, Echo(Schema("c TINYINT")))), CASES[0].batch("plain"))


@given(st.binary(max_size=300), st.integers(0, 250), st.integers(0, 255))
def test_bytes_that_are_not_a_request_are_refused_and_nothing_worse(noise: bytes, at: int, value: int) -> None:
    good = bytearray(codec.arrow_request("m", "", pa.RecordBatch.from_pydict({"c": ["a", "bc"]})).SerializeToString())
    good[at % len(good)] = value
    for data in (noise, bytes(good)):
        try:
            codec.answer(ModelInferRequest.FromString(data), Echo(Schema("c STRING")))
        except (InputError, DecodeError):
            continue


def test_a_record_of_what_predict_saw_comes_only_where_it_is_asked_for() -> None:
    batch = pa.RecordBatch.from_pylist([{"a": 1.5}, {"a": None}], schema=Schema("a DOUBLE").arrow)
    echo = Echo(Schema("a DOUBLE"))
    plain = codec.read_arrow_response(over_the_wire(codec.arrow_request("m", "", batch), echo))
    recorded = codec.read_arrow_response(over_the_wire(codec.arrow_request("m", "", batch, recorded=True), echo))
    assert plain.schema.names == ["a"]
    assert recorded.schema.names == ["a", "__seen", "__gave", "__call", "__position"]
    assert recorded["__position"].to_pylist() == [0, 1]
    assert len({tuple(seen) for seen in recorded["__seen"].to_pylist()}) == 2
