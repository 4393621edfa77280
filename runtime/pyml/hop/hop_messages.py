"""The messages of the hop, see `hop.proto` and `hop_messages.pyi`, in a descriptor pool of their own."""

from __future__ import annotations

from importlib.resources import files

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_POOL = DescriptorPool()
for _file in FileDescriptorSet.FromString(files(__package__).joinpath("hop.binpb").read_bytes()).file:
    _POOL.Add(_file)


def _message(name: str) -> type:
    return GetMessageClass(_POOL.FindMessageTypeByName(f"pyml.hop.{name}"))


Greeting = _message("Greeting")
Request = _message("Request")
Answer = _message("Answer")
Failure = _message("Failure")
