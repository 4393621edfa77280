"""What reaches the REST port and is not a request, or one that aiohttp refuses itself: answered in JSON all the same."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from pyml.gateway.app import Gateway
from pyml.gateway.gateway_options import Address, GatewayOptions
from support.free_ports import free_ports

INFER = b"POST /v2/models/fare/infer HTTP/1.1\r\nHost: localhost\r\n"
ODD: dict[str, tuple[bytes, int]] = {
    "no HTTP": (b"what is this\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(40)) + b"\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "header without colon": (b"GET /v2 HTTP/1.1\r\nHost: localhost\r\nwhat\r\n\r\n", 400),
    "header with a null": (b"GET /v2 HTTP/1.1\r\nHost: localhost\r\nA: \x00\r\n\r\n", 400),
    "long header": (b"GET /v2 HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 20_000 + b"\r\n\r\n", 400),
    "long path": (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "path of no URL": (b"GET http://[::1 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "length of no number": (INFER + b"Content-Length: many\r\n\r\n", 400),
    "two lengths": (INFER + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
    "chunk of no size": (INFER + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", 400),
    "length and chunks": (INFER + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", 400),
    "expectation": (INFER + b"Expect: a-miracle\r\nContent-Length: 0\r\n\r\n", 417),
    "no method": (b"BREW /v2 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "method": (b"PATCH /v2 HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    "path with nulls": (b"GET /v2/models/%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
    "path of no UTF-8": (b"GET /v2/models/%ff%fe HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
}


async def replied(folder: Path, sent: bytes) -> tuple[bytes, bytes]:
    """What comes back for these bytes, and then for a request as it should be."""
    grpc, rest = free_ports(2)
    gateway = Gateway(GatewayOptions(folder / "routes", Address("127.0.0.1", grpc), Address("127.0.0.1", rest)))
    await gateway.start()
    try:
        return await exchanged(rest, sent), await exchanged(
            rest, b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
    finally:
        await gateway.stop()


async def exchanged(port: int, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    size = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    body = await reader.readexactly(size)
    writer.close()
    return head + body


@pytest.mark.parametrize(("sent", "status"), ODD.values(), ids=ODD)
def test_whatever_is_not_a_request_is_refused_in_json_with_its_reason(tmp_path: Path, sent: bytes, status: int) -> None:
    reply, alive = asyncio.run(replied(tmp_path, sent))
    head, _, body = reply.partition(b"\r\n\r\n")
    assert (int(head.split()[1]), sorted(json.loads(body))) == (status, ["error"])
    assert b"pyml-reason: " in head
    assert re.search(rb"x-request-id: [0-9a-f]{32}\r\n", head)
    assert alive.endswith(b'{"live":true}')
