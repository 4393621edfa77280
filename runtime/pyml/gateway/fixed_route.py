"""One route that never changes: the gateway beside one model server, where no sandbox writes a routes file."""

from __future__ import annotations

import argparse
import re

from pyml.gateway.replica import Replica
from pyml.gateway.routes_file import Route, Routes

_PATTERN = re.compile(r"(?P<model>[\w-]+)@(?P<version>[\w-]+)=(?P<socket>/.+)", re.ASCII)


class FixedRoute:
    """The route of one model version, in place of a routes file.

    Args:
        model: name of the model.
        version: of the model; requests without a version get it, too.
        socket: path of the socket of its server.
    """

    def __init__(self, model: str, version: str, socket: str) -> None:
        route = Route(model, version, (Replica(socket, f"{model}@{version}"),))
        self._routes = Routes({model: {version: route}}, {model: version})

    @classmethod
    def parse(cls, text: str) -> FixedRoute:
        """Read `NAME@VERSION=SOCKET`.

        Raises:
            argparse.ArgumentTypeError: the string is no such route.
        """
        found = _PATTERN.fullmatch(text)
        if found is None:
            example = "fare@3f2a9c1b77d0=/run/pyml/model"
            raise argparse.ArgumentTypeError(f"{text!r} is not NAME@VERSION=SOCKET, such as {example}")
        return cls(**found.groupdict())

    def current(self) -> Routes:
        """The routes; always the same object."""
        return self._routes
