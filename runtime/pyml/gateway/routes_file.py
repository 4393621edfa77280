"""Which model versions are deployed, and on which sockets: a file that is read again when it changes.

::

    {"version": 2, "models": {"fare": {"default": "3f2a", "versions": {"3f2a": {
        "replicas": [{"socket": "/run/…", "service": "…"}], "on_request": false,
        "together": true, "batching": "P3 earned, …"}}}}}
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

from pyml.command_line import command
from pyml.gateway.replica import ROUTES_FORMAT, Replica
from pyml.oip.rpc_status import Reason, RpcFailure, RpcFailureError

log = logging.getLogger("pyml.gateway")

_UNFINISHED_S = 0.5


@dataclass(frozen=True)
class Route:
    """Where the servers of one model version listen.

    Attributes:
        model: name of the model.
        version: version of the model.
        replicas: its servers, at least one; each can take any request.
        on_request: its servers may be stopped, and are started when a request arrives.
        together: requests that wait may be predicted together.
        batching: why they may or may not, in words.
    """

    model: str
    version: str
    replicas: tuple[Replica, ...]
    on_request: bool = False
    together: bool = False
    batching: str = ""

    @property
    def name(self) -> str:
        """The name of the model version in messages."""
        return f"{self.model}@{self.version}"

    @property
    def batching_words(self) -> str:
        """How requests that wait are predicted, and why."""
        return f"{'together' if self.together else 'one by one'}{f': {self.batching}' if self.batching else ''}"


@dataclass(frozen=True)
class Routes:
    """All deployed model versions.

    Attributes:
        models: model name -> version -> route.
        defaults: model name -> version that serves requests without a version.
    """

    models: Mapping[str, Mapping[str, Route]] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Routes:
        """Parse the content of the file.

        Raises:
            ValueError: it is not JSON, has an unknown format version, or lists a model version without a server.
            KeyError, TypeError, AttributeError: it does not have the structure above.
        """
        document = json.loads(text)
        if document["version"] != ROUTES_FORMAT:
            raise ValueError(f"the file has format {document['version']}, this gateway reads format {ROUTES_FORMAT}")
        models = document["models"]
        return cls(
            {
                name: {version: _route(name, version, entry) for version, entry in model["versions"].items()}
                for name, model in models.items()
            },
            {name: model["default"] for name, model in models.items()},
        )

    def find(self, model: str, version: str = "") -> Route:
        """The route of a model version; an empty version means the default.

        Raises:
            RpcFailureError: it is not deployed (NOT_FOUND); the message lists what is.
        """
        versions = self.models.get(model)
        if versions is None:
            raise RpcFailureError(_unknown_model(model, version, sorted(self.models)))
        route = versions.get(version or self.defaults[model])
        if route is None:
            raise RpcFailureError(_unknown_version(model, version, list(versions)))
        return route

    def sockets(self) -> set[str]:
        """The sockets of all replicas."""
        routes = (route for versions in self.models.values() for route in versions.values())
        return {replica.socket for route in routes for replica in route.replicas}


class RoutesFile:
    """The routes file, read again when it changes.

    Each request costs one `stat` (2 µs), so that a deployment takes effect at once without polling.

    Args:
        path: the file; while it does not exist, nothing is deployed.
        clock: monotonic time in seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._clock = clock
        self._stamp: tuple[int, ...] = ()
        self._routes = Routes()
        self._doubtful_since: float | None = None

    def current(self) -> Routes:
        """The current routes; the same object until the file changes. An unreadable file changes nothing."""
        stamp = _stamp(self.path)
        if stamp != self._stamp:
            self._read(stamp)
        return self._routes

    def _read(self, stamp: tuple[int, ...]) -> None:
        """Read the file; if it is missing or unreadable, try again at the next request before giving up on it."""
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
            log.error("%s cannot be read, the routes stay unchanged: %s", self.path, problem)
        else:
            self._routes = routes

    def _may_be_unfinished(self) -> bool:
        """Whether the file has been missing or unreadable only for a moment: Docker copies a file by recreating it."""
        now = self._clock()
        if self._doubtful_since is None:
            self._doubtful_since = now
        return now - self._doubtful_since < _UNFINISHED_S


def _route(model: str, version: str, entry: Mapping[str, Any]) -> Route:
    replicas = tuple(Replica(each["socket"], each["service"]) for each in entry["replicas"])
    if not replicas:
        raise ValueError(f"model {model}@{version} has no replica")
    on_request, together = entry["on_request"], entry.get("together", False)
    for name, value in (("on_request", on_request), ("together", together)):
        if not isinstance(value, bool):
            raise TypeError(f"{name} is {value!r}, not true or false")
    return Route(model, version, replicas, on_request, together, str(entry.get("batching", "")))


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _unknown_model(model: str, version: str, deployed: list[str]) -> RpcFailure:
    close = difflib.get_close_matches(model, deployed, n=1)
    listed = f"deployed: {', '.join(deployed)}" if deployed else "nothing is deployed"
    deploy = command("pyml deploy", f"{model}@{version}" if version else model)
    fix = f"did you mean {close[0]}? If not:   {deploy}" if close else deploy
    return RpcFailure(grpc.StatusCode.NOT_FOUND, f"model {model!r} is not deployed; {listed}", Reason.UNKNOWN, fix)


def _unknown_version(model: str, version: str, deployed: list[str]) -> RpcFailure:
    listed = ", ".join(deployed) or "none"
    return RpcFailure(
        grpc.StatusCode.NOT_FOUND,
        f"version {version!r} of model {model} is not deployed; deployed: {listed}",
        Reason.UNKNOWN,
        f"{command('pyml deploy', f'{model}@{version}')}   or name one of these versions, or none for the default",
    )
