"""One unary gRPC call of raw bytes, for probes: needs no generated code and no pyspark."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from pyml.probes import CLOSED_MESSAGE, CallRefusedError, NotAnsweringError, NotListeningError

if TYPE_CHECKING:
    import grpc

CLOSED = ("Connection reset", "Socket closed", "Broken pipe", "recvmsg", "GOAWAY")


def call(address: str, method: str, request: bytes, timeout_s: float) -> bytes:
    """Send one request and return the reply. Blocks at most about `timeout_s`.

    Args:
        address: `host:port` of the service.
        method: full path of the gRPC method.
        request: the serialised request message.
        timeout_s: time limit in seconds.

    Raises:
        NotListeningError: nothing accepts connections at the address.
        NotAnsweringError: the call failed; the message says why.
    """
    check_listening(address, timeout_s)
    import grpc

    channel = grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)])
    try:
        return cast("bytes", channel.unary_unary(method, None, None)(request, timeout=timeout_s))
    except grpc.RpcError as error:
        raise _refused(address, error, timeout_s) from error
    finally:
        channel.close()


def _refused(address: str, error: grpc.RpcError, timeout_s: float) -> NotAnsweringError:
    """A message that stays the same while the service starts: gRPC's own changes from one attempt to the next."""
    import grpc

    if error.code() is grpc.StatusCode.UNAVAILABLE and any(each in str(error.details()) for each in CLOSED):
        return NotAnsweringError(address, CLOSED_MESSAGE)
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return NotAnsweringError(address, f"no answer within {timeout_s:g} s")
    return CallRefusedError(address, error.code().name, str(error.details() or "").partition("\n")[0])


def check_listening(address: str, timeout_s: float) -> None:
    """Check that `host:port` accepts a connection; cheaper than a gRPC call.

    Raises:
        NotListeningError: it does not, within `timeout_s` seconds.
    """
    host, _, port = address.rpartition(":")
    try:
        with contextlib.closing(socket.create_connection((host, int(port)), timeout_s)):
            return
    except OSError as error:
        raise NotListeningError(address) from error


def message(fields: Mapping[int, bytes]) -> bytes:
    """A protobuf message of length-delimited fields (strings, bytes, messages), each by its field number below 16.

    https://protobuf.dev/programming-guides/encoding/
    """
    return b"".join(bytes([number << 3 | 2]) + _length(value) + value for number, value in fields.items())


def _length(value: bytes) -> bytes:
    length = len(value)
    encoded = bytearray()
    while length >= 0x80:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([*encoded, length])
