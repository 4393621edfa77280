"""The probe of a Hive metastore."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from pyml.probes import CLOSED_MESSAGE, NotAnsweringError, NotListeningError

VERSION_CALL = 0x80010001
VERSION_REPLY = 0x80010002


@dataclass(frozen=True)
class MetastoreProbe:
    """Asks for the list of databases, by Thrift's binary protocol.

    The call is forty bytes; the `thrift` library would add its import time to every `up`.
    https://github.com/apache/thrift/blob/master/doc/specs/thrift-binary-protocol.md
    """

    host: str
    port: int

    def __call__(self, timeout_s: float) -> None:
        """Return when it answered.

        Raises:
            NotReadyError: it did not.
        """
        address = f"{self.host}:{self.port}"
        try:
            connection = socket.create_connection((self.host, self.port), timeout_s)
        except OSError as error:
            raise NotListeningError(address) from error
        with connection:
            try:
                connection.sendall(call_without_arguments("get_all_databases"))
                check_reply(connection.recv(4096), "get_all_databases")
            except ConnectionError as error:
                raise NotAnsweringError(address, CLOSED_MESSAGE) from error
            except (OSError, ValueError) as error:
                raise NotAnsweringError(address, str(error) or type(error).__name__) from error


def call_without_arguments(method: str) -> bytes:
    """A Thrift call as bytes: version and kind, method, sequence number 1, an empty struct."""
    name = method.encode()
    return struct.pack(f">Ii{len(name)}si", VERSION_CALL, len(name), name, 1) + b"\0"


def check_reply(reply: bytes, method: str) -> None:
    """Check that `reply` begins as the successful reply to `method`.

    Raises:
        ValueError: it does not.
    """
    head = struct.pack(f">Ii{len(method)}s", VERSION_REPLY, len(method), method.encode())
    if not reply:
        raise ValueError(CLOSED_MESSAGE)
    if not reply.startswith(head):
        raise ValueError("its reply is a Thrift exception or not Thrift")
