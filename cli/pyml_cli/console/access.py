"""Who may use the console: whoever holds its token, in a browser that was not sent by a different site.

The console can run code. So each request must name this machine as its host (a page that rebinds its name to
127.0.0.1 names its own), what changes anything must come from a page of the console itself, and a token must have been
shown once: in the address that `pyml console` prints, as Jupyter does it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from yarl import URL

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "frame-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NAMES = ("127.0.0.1", "localhost", "[::1]")
READING = ("GET", "HEAD")
OPEN = "open the address that `pyml console` printed: it carries the token"


@dataclass
class Access:
    """The rule of one console.

    Attributes:
        port: that it listens on.
        token: what a browser must have shown once.
        pass_once: opens it once in place of the token; empty once it was used.
    """

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    pass_once: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def address(self) -> str:
        """The address to open, with the token."""
        return f"http://{NAMES[0]}:{self.port}/?token={self.token}"

    @property
    def address_once(self) -> str:
        """The address for a program that opens it now: every user of the machine sees the arguments of a program."""
        return f"http://{NAMES[0]}:{self.port}/?token={self.pass_once}"

    @property
    def cookie(self) -> str:
        """The name of the cookie; cookies do not tell ports apart, so that the name must."""
        return f"pyml-console-{self.port}"

    def refusal(self, request: web.Request) -> str:
        """Why a request is refused whoever sends it; empty if it is not."""
        hosts = {f"{name}:{self.port}" for name in NAMES}
        if request.host not in hosts:
            return f"this console is {NAMES[0]}:{self.port}; the request is for {request.host[:80]!r}"
        if request.method in READING:
            return ""
        origin = request.headers.get("Origin")
        if origin is not None and origin not in {f"http://{host}" for host in hosts}:
            return f"a page of {origin[:80]!r} may not change anything here"
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return "a page of a different site may not change anything here"
        return ""

    def knows(self, request: web.Request) -> bool:
        """Whether a request carries the token: in its cookie, or as `Authorization: token TOKEN`."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        shown = given if scheme == "token" else request.cookies.get(self.cookie, "")
        return self._is_token(shown)

    def entry(self, request: web.Request) -> web.Response | None:
        """The answer to an address with the right token: a cookie, and the same address without it. Else None."""
        shown = request.query.get("token", "")
        if request.method != "GET" or not (self._is_token(shown) or self._passes_once(shown)):
            return None
        bare: URL = request.rel_url.without_query_params("token")
        response = web.Response(status=303, headers={"Location": str(bare)})
        response.set_cookie(self.cookie, self.token, httponly=True, samesite="Strict", path="/")
        return response

    def _is_token(self, shown: str) -> bool:
        return _are_equal(shown, self.token)

    def _passes_once(self, shown: str) -> bool:
        passes = bool(self.pass_once) and _are_equal(shown, self.pass_once)
        if passes:
            self.pass_once = ""
        return passes


def _are_equal(shown: str, secret: str) -> bool:
    return secrets.compare_digest(shown.encode("utf-8", "surrogateescape"), secret.encode())


def guard(access: Access) -> Middleware:
    """The middleware that holds a console's rule, and sets the headers of each answer."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        why = access.refusal(request)
        if why:
            return _refused(why)
        entry = access.entry(request)
        if entry is not None:
            return entry
        if not access.knows(request):
            return _refused(OPEN)
        return await handler(request)

    return guarded


async def set_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers of every answer, but where a page has its own."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")


def _refused(why: str) -> web.Response:
    return web.Response(status=403, text=f"403: {why}\n")
