"""The compiled messages are those of the committed .proto, and a failure survives the hop."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from pyml.error_code import ErrorCode
from pyml.hop import hop_messages
from pyml.hop.failure_codec import FailedRequest, failure_from, failure_message
from pyml.oip.rpc_status import Reason, RpcFailure

FOLDER = Path(hop_messages.__file__).parent


def test_the_committed_descriptor_is_what_the_proto_compiles_to(tmp_path: Path) -> None:
    compiled = tmp_path / "compiled"
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(FOLDER), f"--descriptor_set_out={compiled}"]
    subprocess.run([*command, "hop.proto"], check=True)
    committed = FileDescriptorSet.FromString((FOLDER / "hop.binpb").read_bytes())
    assert FileDescriptorSet.FromString(compiled.read_bytes()) == committed


@pytest.mark.parametrize("name", ["Greeting", "Request", "Answer", "Failure"])
def test_the_stub_lists_the_fields_of_each_message(name: str) -> None:
    stub = ast.parse((FOLDER / "hop_messages.pyi").read_text())
    classes = {node.name: node for node in stub.body if isinstance(node, ast.ClassDef)}
    fields = {ast.unparse(item.target) for item in classes[name].body if isinstance(item, ast.AnnAssign)}
    assert fields == set(getattr(hop_messages, name).DESCRIPTOR.fields_by_name)


def test_a_failure_arrives_as_it_was_sent() -> None:
    codes = (ErrorCode.QUEUE_FULL, ErrorCode.INPUT)
    failure = RpcFailure(grpc.StatusCode.RESOURCE_EXHAUSTED, "full", Reason.QUEUE, "send less", codes)
    failed = FailedRequest(failure, "r-1")
    message = failure_message(failed)
    assert failure_from(type(message).FromString(message.SerializeToString())) == failed
    assert message.id == "r-1"


def test_a_failure_of_a_newer_pyml_is_one_of_grpc() -> None:
    failure = failure_from(hop_messages.Failure(status="NEW", text="what", reason="new", codes=["new"])).failure
    assert (failure.status, failure.reason) == (grpc.StatusCode.UNKNOWN, Reason.GRPC)
