"""Which model versions are deployed, and on which sockets: a file that is read again when it changes.

::

    {"version": 2, "models": {"fare": {"default": "3f2a", "versions": {"3f2a": {
        "replicas": [{"socket": "/run/…", "service": "…"}], "on_request": false}}}}}
"""

from __future__ import annotations

import difflib
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from pyml.gateway.replica import ROUTES_FORMAT, Replica
from pyml.oip.rpc_status import Reason, RpcFailure, RpcFailureError

log = logging.getLogger("pyml.gateway")

_UNFINISHED_S = 0.5


@dataclass(frozen=True)
class Route:
    """Where one model version is served.

    Attributes:
        model: its name.
        version: its version.
        replicas: its servers, at least one; any of them may answer.
        on_request: its servers may be stopped, and are started when a request comes.
    """

    model: str
    version: str
    replicas: tuple[Replica, ...]
    on_request: bool = False

    @property
    def name(self) -> str:
        """The model version as it is named to people."""
        return f"{self.model}@{self.version}"


@dataclass(frozen=True)
class Routes:
    """All that is deployed.

    Attributes:
        models: model name -> version -> route.
        defaults: model name -> the version that is asked where a request names none.
    """

    models: Mapping[str, Mapping[str, Route]] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Routes:
        """Read the file's text.

        Raises:
            ValueError: it is no JSON, of another format, or has a version without a server.
            KeyError, TypeError, AttributeError: it is not of the form above.
        """
        document = json.loads(text)
        if document["version"] != ROUTES_FORMAT:
            raise ValueError(f"it has format {document['version']}, this gateway reads {ROUTES_FORMAT}")
        models = document["models"]
        return cls(
            {
                name: {version: _route(name, version, place) for version, place in model["versions"].items()}
                for name, model in models.items()
            },
            {name: model["default"] for name, model in models.items()},
        )

    def find(self, model: str, version: str = "") -> Route:
        """The route of a model version; of the default one where none is named.

        Raises:
            FailureError: NOT_FOUND, with what is deployed instead.
        """
        versions = self.models.get(model)
        if versions is None:
            raise RpcFailureError(_unknown_model(model, sorted(self.models)))
        route = versions.get(version or self.defaults[model])
        if route is None:
            raise RpcFailureError(_unknown_version(model, version, list(versions)))
        return route

    def sockets(self) -> set[str]:
        """Every socket that may be dialled."""
        routes = (route for versions in self.models.values() for route in versions.values())
        return {replica.socket for route in routes for replica in route.replicas}


class RoutesFile:
    """The routes file, read again when it changes.

    Looking costs one `stat` for each request (2 µs), so that a deployment takes effect at once and nothing polls.

    Args:
        path: the file; while there is none, nothing is deployed.
        clock: seconds that pass.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._clock = clock
        self._stamp: tuple[int, ...] = ()
        self._routes = Routes()
        self._doubtful_since: float | None = None

    def current(self) -> Routes:
        """What is deployed now; the same object until the file changes. A file that cannot be read changes nothing."""
        stamp = _stamp(self.path)
        if stamp != self._stamp:
            self._read(stamp)
        return self._routes

    def _read(self, stamp: tuple[int, ...]) -> None:
        """Read the file; leave one that is gone or cannot be read for the next look, unless that lasts."""
        routes, problem = Routes(), ""
        if stamp:
            try:
                routes = Routes.parse(self.path.read_text(encoding="utf-8"))
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                problem = repr(error)
        if (problem or not stamp) and self._may_be_unfinished():
            return
        self._stamp, self._doubtful_since = stamp, None
        if problem:
            log.error("%s cannot be read, the routes stay as they were: %s", self.path, problem)
        else:
            self._routes = routes

    def _may_be_unfinished(self) -> bool:
        """Whether the file has been gone or unreadable for a moment only: Docker copies a file by making it anew."""
        now = self._clock()
        if self._doubtful_since is None:
            self._doubtful_since = now
        return now - self._doubtful_since < _UNFINISHED_S


def _route(model: str, version: str, place: Mapping[str, Any]) -> Route:
    replicas = tuple(Replica(each["socket"], each["service"]) for each in place["replicas"])
    if not replicas:
        raise ValueError(f"model {model}@{version} has no replicas")
    on_request = place["on_request"]
    if not isinstance(on_request, bool):
        raise TypeError(f"on_request is {on_request!r}, not true or false")
    return Route(model, version, replicas, on_request)


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _unknown_model(model: str, deployed: list[str]) -> RpcFailure:
    close = difflib.get_close_matches(model, deployed, n=1)
    listed = f"deployed: {', '.join(deployed)}" if deployed else "nothing is deployed"
    fix = f"did you mean {close[0]}?" if close else "pyml deploy MODEL_DIR"
    return RpcFailure(grpc.StatusCode.NOT_FOUND, f"there is no model {model!r} here; {listed}", Reason.UNKNOWN, fix)


def _unknown_version(model: str, version: str, deployed: list[str]) -> RpcFailure:
    listed = ", ".join(deployed) or "none"
    return RpcFailure(
        grpc.StatusCode.NOT_FOUND,
        f"model {model} has no version {version!r} here; deployed: {listed}",
        Reason.UNKNOWN,
        "ask for one of these, or for none, to get the default",
    )
