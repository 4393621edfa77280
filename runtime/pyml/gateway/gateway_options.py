"""The options of the gateway's command line."""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pyml.gateway.fixed_route import FixedRoute


@dataclass(frozen=True)
class Address:
    """A host and a port to listen on."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `HOST:PORT`.

        Raises:
            argparse.ArgumentTypeError: the string is not HOST:PORT.
        """
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65535:
            raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:8470")
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only programs of the same machine can reach it."""
        host = self.host.removeprefix("[").removesuffix("]")
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


@dataclass(frozen=True)
class GatewayOptions:
    """The options of the gateway's command line.

    Attributes:
        routes: the routes file; None if there is one route that never changes.
        grpc: where the gRPC side listens.
        rest: where the REST side listens; None if it is not served.
        max_request_mb: size of the largest accepted request, in MiB. Each model has its own, lower limit.
        grace_s: seconds that requests may take to finish after the gateway received a signal to stop.
        engine: URL of the Docker engine that runs the model servers; None if servers are not started on request.
        sandbox: the label that marks the sandbox's containers.
        journal: log of the supervisord that watches the model servers; None if an engine does, or nobody.
        start_wait_s: maximum number of seconds that a request waits while its model server starts.
        route: the only route, where no sandbox writes a routes file; None if there is such a file.
        metrics: whether requests are counted, and `/metrics` shows it.
        access_log: whether each request gets a line in the log, and not only those that failed.
        local_only: whether REST requests that do not name this machine are refused, whatever the address is; for a port
            that is published on 127.0.0.1 alone.
    """

    routes: Path | None
    grpc: Address
    rest: Address | None = None
    max_request_mb: int = 512
    grace_s: float = 8
    engine: str | None = None
    sandbox: str | None = None
    journal: Path | None = None
    start_wait_s: float = 30
    route: FixedRoute | None = None
    metrics: bool = True
    access_log: bool = False
    local_only: bool = False

    @property
    def is_local_only(self) -> bool:
        """Whether REST requests that do not name this machine are refused."""
        return self.local_only or (self.rest is not None and self.rest.is_loopback)

    @classmethod
    def parse(cls, arguments: Sequence[str] | None) -> GatewayOptions:
        """Parse the command line; ends the process with a message if it is invalid."""
        parser = argparse.ArgumentParser(
            prog="python -m pyml.gateway",
            description="The Open Inference Protocol on TCP in front of model servers on Unix sockets.",
        )
        where = parser.add_mutually_exclusive_group(required=True)
        where.add_argument("--routes", type=Path, metavar="FILE", help="routes file (JSON), read again when it changes")
        where.add_argument(
            "--route",
            type=FixedRoute.parse,
            metavar="NAME@VERSION=SOCKET",
            help="the only model version, and the Unix socket of its server; without a sandbox",
        )
        parser.add_argument(
            "--grpc", type=Address.parse, required=True, metavar="HOST:PORT", help="where to serve gRPC"
        )
        parser.add_argument("--rest", type=Address.parse, metavar="HOST:PORT", help="where to serve REST")
        parser.add_argument(
            "--max-request-mb",
            type=int,
            default=cls.max_request_mb,
            metavar="MIB",
            help="largest request (%(default)s)",
        )
        parser.add_argument(
            "--grace",
            dest="grace_s",
            type=float,
            default=cls.grace_s,
            metavar="SECONDS",
            help="time to finish requests",
        )
        parser.add_argument(
            "--journal", type=Path, metavar="FILE", help="log of supervisord, which tells how a model server ended"
        )
        _add_requests(parser)
        _add_engine(parser)
        given = cls(**vars(parser.parse_args(arguments)))
        if (given.engine is None) != (given.sandbox is None):
            parser.error("--engine and --sandbox go together: give both, or neither")
        return given


def _add_requests(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("requests")
    group.add_argument(
        "--access-log", action="store_true", help="log a line for each request, not only for those that failed"
    )
    group.add_argument(
        "--no-metrics", dest="metrics", action="store_false", help="count no requests, and serve no /metrics"
    )
    group.add_argument(
        "--local-only",
        action="store_true",
        help="refuse REST requests whose Host or Origin is not this machine; always so if --rest is a loopback address",
    )


def _add_engine(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("starting model servers on request")
    group.add_argument("--engine", metavar="URL", help="Docker engine, such as unix:///var/run/docker.sock")
    group.add_argument("--sandbox", metavar="PROJECT", help="label of the sandbox's containers")
    group.add_argument(
        "--start-wait",
        dest="start_wait_s",
        type=float,
        default=GatewayOptions.start_wait_s,
        metavar="SECONDS",
        help="how long a request waits for its server (%(default)s)",
    )
