"""Made-up messages of the protocol: any message that its descriptor allows, and real ones with a few bytes changed."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from fuzz.subject import GOOD, MODELS, ROWS
from pyml.oip import codec
from pyml.oip import messages as oip
from pyml.oip.arrow import stream_from_batch

DATATYPES = ["BOOL", "INT8", "INT64", "UINT64", "FP16", "FP32", "FP64", "BYTES", "", "FP65"]
NAMES = ["a", "b", "c", "t", "u", "frame", ""]
SIZES = st.one_of(st.integers(0, 4), st.sampled_from([-1, 2**31, 2**62, 2**63 - 1, -(2**63)]))
INTERESTING: dict[str, st.SearchStrategy[object]] = {
    "model_name": st.sampled_from(MODELS),
    "model_version": st.sampled_from(["", "1", "2"]),
    "name": st.sampled_from(NAMES),
    "datatype": st.sampled_from(DATATYPES),
    "shape": SIZES,
    "string_param": st.sampled_from(["arrow", "pd", "np", "", "0,1", "9" * 30]),
}
KEYS = st.sampled_from(
    ["content_type", "nulls", "record", "binary_data", "shared_memory_region", "classification", "x"]
)
PLAIN: dict[int, st.SearchStrategy[object]] = {
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: st.integers(0, 2**64 - 1),
    FieldDescriptor.TYPE_FLOAT: st.floats(width=32),
    FieldDescriptor.TYPE_DOUBLE: st.floats(),
    FieldDescriptor.TYPE_STRING: st.text(max_size=20),
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=64),
}


@st.composite
def messages(draw: st.DrawFn, descriptor: Descriptor) -> Message:
    """Any message with this descriptor."""
    message: Message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if field.containing_oneof is None and not draw(st.booleans()):
            continue
        _fill(draw, message, field)
    return message


def _fill(draw: st.DrawFn, message: Message, field: FieldDescriptor) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        for key in draw(st.lists(KEYS, max_size=2)):
            getattr(message, field.name)[key].CopyFrom(
                draw(messages(field.message_type.fields_by_name["value"].message_type))
            )
    elif field.message_type is not None and field.is_repeated:
        getattr(message, field.name).extend(draw(st.lists(messages(field.message_type), max_size=3)))
    elif field.message_type is not None:
        getattr(message, field.name).CopyFrom(draw(messages(field.message_type)))
    elif field.is_repeated:
        getattr(message, field.name).extend(draw(st.lists(_values(field), max_size=4)))
    else:
        setattr(message, field.name, draw(_values(field)))


def _values(field: FieldDescriptor) -> st.SearchStrategy[object]:
    plain = PLAIN[field.type]
    return st.one_of(INTERESTING[field.name], plain) if field.name in INTERESTING else plain


@st.composite
def changed(draw: st.DrawFn, data: bytes) -> bytes:
    """Bytes with some of them changed, cut out, doubled, or cut off."""
    for _ in range(draw(st.integers(1, 3))):
        at, end = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
        change = draw(st.sampled_from(["set", "cut", "double", "end"]))
        if change == "set":
            data = data[:at] + draw(st.binary(min_size=1, max_size=8)) + data[at + 1 :]
        else:
            data = {"cut": data[:at] + data[end:], "double": data[:end] + data[at:], "end": data[:at]}[change]
    return data


SHAPES = st.one_of(
    st.lists(SIZES, max_size=4),
    st.integers(1, 80).map(lambda dimensions: [1] * dimensions),
    st.tuples(st.just(0), st.sampled_from([2**31, 2**62, 2**63 - 1])).flatmap(lambda sizes: st.permutations(sizes)),
)


@st.composite
def nearly_right(draw: st.DrawFn) -> bytes:
    """A good request with one to three of its parts exchanged."""
    request = oip.ModelInferRequest.FromString(GOOD[draw(st.sampled_from(sorted(GOOD)))].SerializeToString())
    for _ in range(draw(st.integers(1, 3))):
        draw(st.sampled_from(EDITS))(draw, request)
    return request.SerializeToString()


def _edit_shape(draw: st.DrawFn, request: oip.ModelInferRequest) -> None:
    for tensor in request.inputs[:1]:
        tensor.shape[:] = draw(SHAPES)


def _edit_no_rows(draw: st.DrawFn, request: oip.ModelInferRequest) -> None:
    """A shape without elements fits contents without bytes."""
    _edit_shape(draw, request)
    if request.raw_input_contents:
        request.raw_input_contents[0] = b""


def _edit_datatype(draw: st.DrawFn, request: oip.ModelInferRequest) -> None:
    for tensor in request.inputs[:1]:
        tensor.datatype = draw(st.sampled_from(DATATYPES))


def _edit_contents(draw: st.DrawFn, request: oip.ModelInferRequest) -> None:
    for at, raw in enumerate(request.raw_input_contents[:1]):
        request.raw_input_contents[at] = draw(st.one_of(changed(raw), st.binary(max_size=64)))


def _edit_inputs(draw: st.DrawFn, request: oip.ModelInferRequest) -> None:
    if request.inputs:
        is_doubled: bool = draw(st.booleans())
        if is_doubled:
            request.inputs.append(request.inputs[0])
        del request.inputs[draw(st.integers(0, len(request.inputs) - 1))]


def _edit_parameters(draw: st.DrawFn, request: oip.ModelInferRequest) -> None:
    is_of_input: bool = draw(st.booleans())
    parameters = request.inputs[0].parameters if request.inputs and is_of_input else request.parameters
    value = draw(messages(oip.InferParameter.DESCRIPTOR))  # type: ignore[attr-defined]
    parameters[draw(KEYS)].MergeFromString(value.SerializeToString())  # type: ignore[attr-defined]


def _edit_outputs(draw: st.DrawFn, request: oip.ModelInferRequest) -> None:
    output = draw(messages(oip.InferRequestedOutputTensor.DESCRIPTOR))  # type: ignore[attr-defined]
    request.outputs.append(oip.InferRequestedOutputTensor.FromString(output.SerializeToString()))


EDITS = (_edit_shape, _edit_no_rows, _edit_datatype, _edit_contents, _edit_inputs, _edit_parameters, _edit_outputs)


def stream(compression: str | None) -> bytes:
    """The rows of a good request as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, ROWS.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write(ROWS)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def of_stream(data: bytes) -> bytes:
    """A request that is right, but for its Arrow stream."""
    request = codec.arrow_request("frame", "", ROWS)
    request.raw_input_contents[0] = len(data).to_bytes(4, "little") + data
    return request.SerializeToString()


WHOLE: Callable[[Message], bytes] = lambda message: message.SerializeToString()  # noqa: E731
INFER = st.one_of(
    nearly_right(),
    messages(oip.ModelInferRequest.DESCRIPTOR).map(WHOLE),  # type: ignore[attr-defined]
    st.sampled_from(sorted(GOOD)).flatmap(lambda name: changed(GOOD[name].SerializeToString())),
    st.sampled_from([None, "zstd", "lz4"]).flatmap(lambda codec: changed(stream(codec)).map(of_stream)),
    changed(stream_from_batch(ROWS)).map(of_stream),
    st.binary(max_size=200),
)
