"""Serves the console on 127.0.0.1 until it is interrupted."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from pyml.errors import SetupError
from pyml_cli.console.access import Access
from pyml_cli.console.console_app import console_app
from pyml_sandbox.workspace.ports import HOST

if TYPE_CHECKING:
    from pyml_sandbox.workspace.home import SandboxHome

DEFAULT_PORT = 8480
BACKLOG = 128
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(home: SandboxHome, port: int | None, on_start: Callable[[Access], None]) -> None:
    """Serve the console of a sandbox, and block until Ctrl-C, SIGTERM or SIGHUP.

    Args:
        home: the sandbox; it need not be up.
        port: to listen on; None for the usual one, or a free one if that is taken.
        on_start: called once it answers, with the address and who may use it.

    Raises:
        SetupError: the port is taken.
    """
    asyncio.run(_serve(home, port, on_start))


async def _serve(home: SandboxHome, port: int | None, on_start: Callable[[Access], None]) -> None:
    listener = _listening(port)
    access = Access(listener.getsockname()[1])
    runner = web.AppRunner(console_app(home, access), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in ENDS:
        loop.add_signal_handler(each, ended.set)
    try:
        on_start(access)
        await ended.wait()
    finally:
        await runner.cleanup()


def _listening(port: int | None) -> socket.socket:
    """A socket on the port; without one, on the usual one, or on a free one.

    Raises:
        SetupError: the port cannot be had.
    """
    why = ""
    for choice in (DEFAULT_PORT, 0) if port is None else (port,):
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((HOST, choice))
            made.listen(BACKLOG)
        except OSError as error:
            made.close()
            why = error.strerror or str(error)
        else:
            made.setblocking(False)
            return made
    raise SetupError(f"port {port} of {HOST} cannot be had: {why}", "pyml console   without --port takes a free one")
