"""A console that is served by a thread of the test, and requests to it as they are written, byte for byte."""

from __future__ import annotations

import asyncio
import html
import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from pyml_cli.console.access import Access
from pyml_cli.console.console_app import console_app
from pyml_sandbox.workspace.home import SandboxHome

TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Answer:
    """What the console answered."""

    status: int
    text: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Console:
    """A console that answers."""

    access: Access

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.access.port}"

    def ask(
        self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """Send one request with the token; headers that are given take the place of its own."""
        ours = {"Host": f"127.0.0.1:{self.access.port}", "Authorization": f"token {self.access.token}"}
        connection = http.client.HTTPConnection("127.0.0.1", self.access.port, timeout=TIMEOUT_S)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in {**ours, "Content-Length": str(len(body)), **(headers or {})}.items():
                connection.putheader(name, value.replace("PORT", str(self.access.port)))
            connection.endheaders(body)
            found = connection.getresponse()
            return Answer(found.status, found.read().decode(), dict(found.getheaders()))
        finally:
            connection.close()

    @contextmanager
    def changes(self, path: str) -> Iterator[Iterator[dict[str, str]]]:
        """The parts of a page that differ from what it shows, as a browser is sent them while it is open."""
        connection = http.client.HTTPConnection("127.0.0.1", self.access.port, timeout=TIMEOUT_S)
        headers = {"Host": f"127.0.0.1:{self.access.port}", "Authorization": f"token {self.access.token}"}
        try:
            connection.request("GET", html.unescape(live_address(self.ask(path).text)), headers=headers)
            found = connection.getresponse()
            lines = (line.decode() for line in iter(found.readline, b""))
            yield (json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: "))
        finally:
            connection.close()

    def json(self, path: str) -> Any:
        """The facts of a page."""
        return json.loads(self.ask(f"{path}.json").text)


def live_address(page: str) -> str:
    """Where a page hears of its changes."""
    found = re.search(r'data-live="([^"]+)"', page)
    assert found, page
    return found[1]


@contextmanager
def console_of(home: SandboxHome, folder: Path) -> Iterator[Console]:
    """Serve the console of a sandbox, and end it as Ctrl-C does."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    access = Access(listener.getsockname()[1])
    loop, ready = asyncio.new_event_loop(), threading.Event()
    ended = asyncio.Event()

    async def serve() -> None:
        runner = web.AppRunner(console_app(home, access, folder), shutdown_timeout=1.0)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        ready.set()
        await ended.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), name="console-of-a-test")
    thread.start()
    try:
        assert ready.wait(TIMEOUT_S)
        yield Console(access)
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(TIMEOUT_S)
        loop.close()
