"""The same rows as a request of each server, and the predictions in its answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from pyml.oip import codec
from pyml.oip.arrow import stream_from_batch
from pyml.oip.messages import ModelInferRequest, ModelInferResponse

NAME = "logistic"
"""What the model is called wherever a server wants a name."""


@dataclass(frozen=True)
class RequestForm:
    """How rows travel.

    Attributes:
        content_type: of a request over HTTP; empty over gRPC.
        encode: rows as the body of a request.
        decode: the predictions in the body of an answer.
    """

    content_type: str
    encode: Callable[[pa.RecordBatch], bytes]
    decode: Callable[[bytes], list[float]]

    @property
    def is_http(self) -> bool:
        """False over gRPC."""
        return bool(self.content_type)


def _grpc(build: Callable[[str, str, pa.RecordBatch], ModelInferRequest]) -> Callable[[pa.RecordBatch], bytes]:
    def encode(rows: pa.RecordBatch) -> bytes:
        message: bytes = build(NAME, "", rows).SerializeToString()
        return message

    return encode


def _from_arrow_answer(body: bytes) -> list[float]:
    return _column(codec.read_arrow_response(ModelInferResponse.FromString(body)))


def _from_tensor_answer(body: bytes) -> list[float]:
    found = codec.read_tensor_response(ModelInferResponse.FromString(body))["p"]
    return [float(value) for value in found.ravel()]


def _protocol_json(rows: pa.RecordBatch) -> bytes:
    tensors = [
        {"name": name, "datatype": "FP64", "shape": [len(values)], "data": values}
        for name, values in rows.to_pydict().items()
    ]
    return json.dumps({"parameters": {"content_type": "pd"}, "inputs": tensors}).encode()


def _split_json(rows: pa.RecordBatch) -> bytes:
    columns = rows.to_pydict()
    data = [list(row) for row in zip(*columns.values(), strict=True)]
    return json.dumps({"dataframe_split": {"columns": list(columns), "data": data}}).encode()


def _column(rows: pa.RecordBatch | pa.Table) -> list[float]:
    values: list[float] = rows.column("p").to_pylist()
    return values


GRPC_ARROW = RequestForm("", _grpc(codec.arrow_request), _from_arrow_answer)
"""One Arrow stream in a message of the Open Inference Protocol."""
GRPC_COLUMNS = RequestForm("", _grpc(codec.column_request), _from_tensor_answer)
"""A raw tensor for each column in a message of the Open Inference Protocol, as MLServer's pandas codec reads it."""
PROTOCOL_JSON = RequestForm(
    "application/json", _protocol_json, lambda body: list(json.loads(body)["outputs"][0]["data"])
)
"""The Open Inference Protocol in JSON."""
SPLIT_JSON = RequestForm(
    "application/json", _split_json, lambda body: [row["p"] for row in json.loads(body)["predictions"]]
)
"""A frame in JSON as MLflow reads it."""
COLUMNS_JSON = RequestForm(
    "application/json", lambda rows: json.dumps(rows.to_pydict()).encode(), lambda body: list(json.loads(body)["p"])
)
"""A list for each column, in JSON and no more."""
ARROW_STREAM = RequestForm(
    "application/vnd.apache.arrow.stream",
    lambda rows: bytes(stream_from_batch(rows)),
    lambda body: _column(pa.ipc.open_stream(body).read_all()),
)
"""An Arrow stream and no more."""
