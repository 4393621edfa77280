"""The options of the model server's command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ServerOptions:
    """The options of the model server's command line.

    Attributes:
        package: folder of the model package.
        name: name of the model in requests.
        version: version of the model in requests.
        socket_folder: folder of the sockets.
        service: name of the link in that folder to which clients connect.
        grace_s: seconds that requests may take to finish after the server received a signal to stop.
    """

    package: Path
    name: str
    version: str
    socket_folder: Path
    service: str
    grace_s: float = 10

    @classmethod
    def parse(cls, arguments: Sequence[str] | None) -> ServerOptions:
        """Parse the command line; ends the process with a message if it is invalid."""
        parser = argparse.ArgumentParser(prog="python -m pyml.server", description="Serve one model on a Unix socket.")
        parser.add_argument("--package", type=_folder, required=True, metavar="DIR", help="folder of the model package")
        parser.add_argument("--name", required=True, help="name of the model in requests")
        parser.add_argument("--version", required=True, help="version of the model in requests")
        parser.add_argument(
            "--socket-dir",
            dest="socket_folder",
            type=_folder,
            required=True,
            metavar="DIR",
            help="folder of the sockets",
        )
        parser.add_argument("--service", required=True, help="name of the link to which clients connect")
        parser.add_argument(
            "--grace",
            dest="grace_s",
            type=float,
            default=cls.grace_s,
            metavar="SECONDS",
            help="time to finish requests",
        )
        return cls(**vars(parser.parse_args(arguments)))


def _folder(text: str) -> Path:
    return Path(text).resolve()
