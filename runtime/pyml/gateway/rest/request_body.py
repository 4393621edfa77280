"""The body of an HTTP request without its compression."""

from __future__ import annotations

import zlib

from pyml.oip.rpc_status import too_large
from pyml.oip.tensor import refusal

_PLAIN = ("", "identity")
_GZIP = ("gzip", "x-gzip")
_DEFLATE = "deflate"
_GZIP_BITS, _ZLIB_BITS, _RAW_BITS = 31, 15, -15
_ZLIB_METHOD = 8
"""Low half of the first byte of a zlib stream; some clients send *deflate* without zlib's header."""


def unpacked(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """The body as it was before it was compressed, never more of it than is accepted.

    Args:
        body: as it was received.
        encoding: the header `Content-Encoding`; empty if there was none.
        max_bytes: size of the largest accepted body, in bytes, unpacked.

    Raises:
        InputError: the encoding is not supported, or the body is not in it or is cut off.
        RpcFailureError: it is larger than `max_bytes`.
    """
    name = encoding.strip().lower()
    if name in _PLAIN:
        return body
    if name not in (*_GZIP, _DEFLATE):
        raise refusal(
            f"the Content-Encoding {encoding!r} is not supported", "send the body plain, or as gzip or deflate"
        )
    decompressor = zlib.decompressobj(_bits(body, name))
    try:
        found = decompressor.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise refusal(f"the body is not {name}: {error}", "compress it, or leave Content-Encoding out") from error
    if len(found) > max_bytes:
        raise too_large(max_bytes)
    if not decompressor.eof or decompressor.unused_data:
        what = "bytes follow its end" if decompressor.eof else "it is cut off"
        raise refusal(f"the body is not {name}: {what}", "send the complete output of the compressor, and nothing else")
    return found


def _bits(body: bytes, name: str) -> int:
    """What zlib calls `wbits`: which header and checksum a compressed body has."""
    if name in _GZIP:
        return _GZIP_BITS
    return _ZLIB_BITS if body[:1] and body[0] & 0x0F == _ZLIB_METHOD else _RAW_BITS
