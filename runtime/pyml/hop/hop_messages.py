"""The messages of the hop, see `hop.proto` and `hop_messages.pyi`, in a descriptor pool of their own."""

from __future__ import annotations

from google.protobuf.message_factory import GetMessageClass

from pyml.oip.messages import own_pool

_POOL = own_pool("pyml.hop", "hop.binpb")


def _message(name: str) -> type:
    return GetMessageClass(_POOL.FindMessageTypeByName(f"pyml.hop.{name}"))


Greeting = _message("Greeting")
Request = _message("Request")
Answer = _message("Answer")
Failure = _message("Failure")
