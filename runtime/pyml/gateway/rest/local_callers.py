"""Who may ask a gateway that serves its own machine alone: programs and pages of this machine, no page from elsewhere.

A browser on this machine reaches 127.0.0.1 for any page that it shows. The page's own name stands in `Host` where that
name was made to point to 127.0.0.1 (DNS rebinding), and in `Origin` of what the page posts.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import grpc

from pyml.oip.rpc_status import Reason, RpcFailure

_OWN = frozenset({"localhost", "127.0.0.1", "::1"})
_READS = ("GET", "HEAD", "OPTIONS")
_MAX_NAME = 200


def why_foreign(method: str, host: str | None, origin: str | None) -> RpcFailure | None:
    """Why a request is refused by a gateway that serves its own machine alone; None if it is not.

    Args:
        method: of HTTP.
        host: the header `Host`; a browser always sends it.
        origin: the header `Origin`, which says from where a page sends it; None for programs. What only reads needs no
            check of it: a browser shows the answer to no foreign page.
    """
    if host is not None and not is_own_host(host):
        return _refused(f"the header Host names {host[:_MAX_NAME]!r}, and this gateway serves its own machine alone")
    if origin is not None and method not in _READS and not is_own_origin(origin):
        return _refused(f"the page that sent it comes from {origin[:_MAX_NAME]!r}, and not from this machine")
    return None


def is_own_host(host: str) -> bool:
    """Whether a `Host` header names this machine, with any port."""
    return _is_own(f"//{host}")


def is_own_origin(origin: str) -> bool:
    """Whether an `Origin` header names a page of this machine, of any port."""
    return origin.startswith(("http://", "https://")) and _is_own(origin)


def _is_own(address: str) -> bool:
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return False
    is_bare = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    return is_bare and (parts.hostname or "") in _OWN


def _refused(message: str) -> RpcFailure:
    hint = "ask 127.0.0.1 or localhost; docs/reference/serving.md says how a gateway serves a network"
    return RpcFailure(grpc.StatusCode.PERMISSION_DENIED, message, Reason.INPUT, hint)
