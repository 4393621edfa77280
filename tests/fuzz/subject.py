"""What is fuzzed: a gateway with model servers of each kind, good requests to them, and what they take of this machine."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import psutil
import pyarrow as pa
import requests

from benchmarks.reliability_page import fill_in
from integration.serving import Caller, Serving, serving
from pyml.oip import codec
from support.packages import write_package

FRAME = """
from pyml import DataFrameModel, Schema

class Model(DataFrameModel):
    inputs = Schema("a DOUBLE, b BIGINT, c STRING, d BOOLEAN, e DECIMAL(10,2), f TIMESTAMP, g ARRAY<STRUCT<x: INT>>")
    outputs = Schema("a DOUBLE, c STRING, d BOOLEAN")
    def __init__(self, parameters): pass
    def predict(self, frame): return frame[["a", "c", "d"]]
"""
TENSOR = """
from pyml import Schema, TensorModel

class Model(TensorModel):
    inputs = Schema([("t", "float32", (-1, 2)), ("u", "int64", (-1,))])
    outputs = Schema([("t", "float32", (-1, 2))])
    def __init__(self, parameters): pass
    def predict(self, tensors): return {"t": tensors["t"]}
"""
GROWTH_BYTES = 96 * 2**20
"""How much larger gateway and servers together may be after a run than after its first requests."""
MODELS = ("frame", "tensor", "down", "no such model")


@dataclass
class Subject:
    """A running gateway, and what it answers to good requests.

    Attributes:
        place: the processes.
        grpc: a client of the gateway.
        rest: address of the REST side.
        processes: gateway and servers.
        outcomes: how many made-up requests were answered, and how many refused for each reason.
    """

    place: Serving
    grpc: Caller
    rest: str
    processes: tuple[psutil.Process, ...]
    outcomes: Counter[str] = field(default_factory=Counter)
    http: requests.Session = field(default_factory=requests.Session)
    good: Mapping[str, bytes] = field(default_factory=dict)

    def check_good(self) -> None:
        """Good requests get the same bytes as at first."""
        found = {name: self.grpc.infer(request).SerializeToString() for name, request in GOOD.items()}
        found["REST"] = self.http.post(f"{self.rest}/v2/models/tensor/infer", GOOD_JSON, timeout=30).content
        self.good = self.good or found
        assert found == self.good
        assert all(process.is_running() for process in self.processes)

    def note(self, outcome: str) -> None:
        """Note what became of a made-up request; look at the servers after each hundred."""
        self.outcomes[outcome] += 1
        if self.outcomes.total() % 100 == 0:
            self.check_good()

    def memory_bytes(self) -> int:
        """Resident memory of gateway and servers."""
        return sum(int(process.memory_info().rss) for process in self.processes)


ROWS = pa.RecordBatch.from_pydict(
    {
        "a": [1.5, None],
        "b": [1, 2**53 + 1],
        "c": ["é", ""],
        "d": [True, None],
        "e": pa.array([1, None], pa.decimal128(10, 2)),
        "f": pa.array([0, 1], pa.timestamp("us", "UTC")),
        "g": pa.array([[{"x": 1}], None], pa.list_(pa.struct([("x", pa.int32())]))),
    }
)
TENSORS = {"t": np.array([[1.5, -0.0]], np.float32), "u": np.array([7])}
GOOD = {
    "arrow": codec.arrow_request("frame", "", ROWS, "id"),
    "raw": codec.tensor_request("tensor", "", TENSORS),
    "typed": codec.tensor_request("tensor", "", TENSORS, is_raw=False),
}
GOOD_JSON = json.dumps(
    {
        "inputs": [
            {"name": "t", "datatype": "FP32", "shape": [1, 2], "data": [[1.5, 2]]},
            {"name": "u", "datatype": "INT64", "shape": [1], "data": [7]},
        ]
    }
).encode()


@contextmanager
def fuzzed() -> Iterator[Subject]:
    """A subject; in the end its memory is within the bound, its log without an error of ours, and it still answers."""
    with serving() as place:
        place.deploy(frame=["1"], tensor=["1"], down=["1"])
        servers = [
            place.server(write_package(place.folder / name, model=model), name=name)
            for name, model in (("frame", FRAME), ("tensor", TENSOR))
        ]
        gateway, caller, rest = place.gateway()
        subject = Subject(place, caller, rest, tuple(psutil.Process(each.pid) for each in (gateway, *servers)))
        for _ in range(20):
            subject.check_good()
        before = subject.memory_bytes()
        yield subject
        subject.check_good()
        growth = subject.memory_bytes() - before
        logs = "".join(place.log(name) for name in ("gateway", "model-frame-1", "model-tensor-1"))
        noted = ", ".join(f"{count:,} {outcome}" for outcome, count in subject.outcomes.most_common())
        figures = f"{subject.outcomes.total():,} made-up requests ({noted}); memory of gateway and two servers "
        figures += f"{before / 2**20:.0f} MiB at first, {growth / 2**20:+.1f} MiB after the run (bound: +{GROWTH_BYTES / 2**20:.0f})."
        print(f"\n{figures}")
        if os.environ.get("PYML_FUZZ_WRITE"):
            fill_in("fuzz", figures)
        assert growth < GROWTH_BYTES
        assert "Traceback" not in logs, logs[-3000:]
        caller.channel.close()
        subject.http.close()


ALLOWED = ("input", "unknown", "size", "down")
"""Reasons for which a made-up request may be refused."""
