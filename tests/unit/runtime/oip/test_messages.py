"""The compiled messages are those of the committed .proto, of the published protocol, and clash with nobody's."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from pyml.oip import messages

FOLDER = Path(messages.__file__).parent


def is_message(value: object) -> bool:
    return str(getattr(getattr(value, "DESCRIPTOR", None), "full_name", "")).startswith("inference.")


MESSAGES = sorted(name for name, value in vars(messages).items() if is_message(value))


def test_the_committed_descriptor_is_what_the_proto_compiles_to(tmp_path: Path) -> None:
    compiled = tmp_path / "compiled"
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(FOLDER), f"--descriptor_set_out={compiled}"]
    subprocess.run([*command, "inference.proto"], check=True)
    committed = FileDescriptorSet.FromString((FOLDER / "inference.binpb").read_bytes())
    assert FileDescriptorSet.FromString(compiled.read_bytes()) == committed


def descriptor(name: str) -> Descriptor:
    return getattr(messages, name).DESCRIPTOR


def stub_fields() -> dict[str, set[str]]:
    classes = [node for node in ast.parse((FOLDER / "messages.pyi").read_text()).body if isinstance(node, ast.ClassDef)]
    own = {
        node.name: {ast.unparse(item.target) for item in node.body if isinstance(item, ast.AnnAssign)}
        for node in classes
    }
    bases = {node.name: [ast.unparse(base) for base in node.bases] for node in classes}
    return {name: fields.union(*(own.get(base, set()) for base in bases[name])) for name, fields in own.items()}


@pytest.mark.parametrize("name", MESSAGES)
def test_the_stub_lists_the_fields_of_each_message(name: str) -> None:
    assert stub_fields()[name] == set(descriptor(name).fields_by_name)


@pytest.mark.parametrize("name", MESSAGES)
def test_the_fields_are_those_of_the_published_protocol(name: str) -> None:
    from tritonclient.grpc import service_pb2

    ours = descriptor(name)
    theirs = service_pb2.DESCRIPTOR.pool.FindMessageTypeByName(ours.full_name)
    found = {field.name: (field.number, field.type, field.is_repeated) for field in ours.fields}
    published = {field.name: (field.number, field.type, field.is_repeated) for field in theirs.fields}
    # `properties` is in the protocol, and not in Triton's copy of it.
    assert {name: facts for name, facts in found.items() if name != "properties"} == published


@pytest.mark.parametrize(
    "modules", [("tritonclient.grpc", "pyml.oip.messages"), ("pyml.oip.messages", "tritonclient.grpc")]
)
def test_a_model_may_import_another_client_of_the_protocol(modules: tuple[str, str]) -> None:
    subprocess.run([sys.executable, "-c", f"import {modules[0]}, {modules[1]}"], check=True)
