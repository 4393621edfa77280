"""The gateway's gRPC and REST servers in one process, over one set of routes and channels."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from functools import partial
from typing import Any

import grpc
from aiohttp import web

from pyml.errors import SetupError
from pyml.gateway.balancer import LoadBalancer, RoutesSource
from pyml.gateway.ends.recent_ends import RecentEnds, in_journal
from pyml.gateway.gateway_options import Address, GatewayOptions
from pyml.gateway.grpc_server import add_services
from pyml.gateway.request_counter import RequestCounter
from pyml.gateway.rest.http_connection import HttpConnection
from pyml.gateway.rest.rest_server import AUTO_DECOMPRESS, RestService
from pyml.gateway.routes_file import RoutesFile
from pyml.gateway.scaling.scaler import Scaler
from pyml.gateway.telemetry.metrics_page import MetricsPage
from pyml.gateway.telemetry.observer import Observer
from pyml.oip.grpc_polling import TOLERATE_PINGS
from pyml.package.settings import MIB

log = logging.getLogger("pyml.gateway")

_READ_FACTOR = 4
"""A message of up to this many times the limit is read and refused in our words; a larger one by gRPC, in its own."""
_MAX_MESSAGE_BYTES = 2**31 - 1
"""The largest message that gRPC and protobuf have."""


class Gateway:
    """The gateway; belongs to one event loop.

    Args:
        options: where to listen, and the routes.
    """

    def __init__(self, options: GatewayOptions) -> None:
        self.options = options
        self._max_bytes = options.max_request_mb * MIB
        usage = RequestCounter()
        self._on_request = Scaler.of(options, usage)
        launcher = self._on_request.launcher if self._on_request else None
        self._balancer = LoadBalancer(_source(options), usage, launcher, ends=self._ends(options))
        self._observer = Observer(has_metrics=options.metrics, logs_all=options.access_log)
        page = MetricsPage(self._observer, self._balancer.routes, usage) if options.metrics else None
        self._server = grpc.aio.server(
            options=[
                # Two gateways on one port would each get some of the requests.
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", min(self._max_bytes * _READ_FACTOR, _MAX_MESSAGE_BYTES)),
                ("grpc.max_send_message_length", -1),
                *TOLERATE_PINGS,
            ]
        )
        rest = RestService(self._balancer, self._max_bytes, self._observer, page, is_local_only=options.is_local_only)
        # If a caller disconnects, its request is cancelled.
        self._rest = web.AppRunner(
            rest.application(),
            handler_cancellation=True,
            shutdown_timeout=options.grace_s,
        )
        self._listener: asyncio.Server | None = None

    def _ends(self, options: GatewayOptions) -> RecentEnds | None:
        """Who knows how a server ended: the engine, or the log of supervisord; None if neither is within reach."""
        if self._on_request is not None:
            return RecentEnds(self._on_request.containers.last_end)
        return None if options.journal is None else RecentEnds(in_journal(options.journal))

    async def start(self) -> None:
        """Listen for gRPC and for REST.

        Raises:
            SetupError: a port is in use, or this process may not listen on it.
        """
        await add_services(self._server, self._balancer, self._max_bytes, self._observer)
        try:
            self._server.add_insecure_port(str(self.options.grpc))
        except RuntimeError as error:  # gRPC does not say why
            raise _cannot_listen(self.options.grpc, "--grpc", _bind_error(self.options.grpc)) from error
        await self._server.start()
        if self.options.rest:
            await self._rest.setup()
            await self._listen_rest(self.options.rest)
        if self._on_request:
            self._on_request.start()

    async def stop(self) -> None:
        """Stop listening, give requests the grace period to finish, and close every channel."""
        if self._listener:
            self._listener.close()
        await asyncio.gather(self._server.stop(self.options.grace_s), self._rest.cleanup())
        await self._balancer.close()
        if self._on_request:
            await self._on_request.close()

    async def _listen_rest(self, address: Address) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(partial(self._connection, loop), address.host, address.port)
        except OSError as error:
            raise _cannot_listen(address, "--rest", error) from error

    def _connection(self, loop: asyncio.AbstractEventLoop) -> HttpConnection:
        if self._rest.server is None:
            raise RuntimeError("the REST side is not set up")
        no_log: Any = None  # what aiohttp takes, and does not declare
        own = {"loop": loop, "access_log": no_log, "auto_decompress": AUTO_DECOMPRESS}
        return HttpConnection(self._observer, self._rest.server, **own)


def _source(options: GatewayOptions) -> RoutesSource:
    if options.routes is not None:
        return RoutesFile(options.routes)
    if options.route is not None:
        return options.route
    raise ValueError("neither a routes file nor a route is given")


def _bind_error(address: Address) -> OSError | None:
    """Why this process cannot listen on a port; None if it can now."""
    with socket.socket() as probe:
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            return error
    return None


def _cannot_listen(address: Address, option: str, error: OSError | None) -> SetupError:
    if error is None or error.errno == errno.EADDRINUSE:
        message = f"port {address.port} on {address.host} is in use"
    else:
        message = f"cannot listen on {address}: {error.strerror or error}"
    return SetupError(message, f"stop the program that uses it, or choose another with {option}")
