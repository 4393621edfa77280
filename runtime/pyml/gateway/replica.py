"""One server of a model version, as in the routes file. Imports nothing: the writer of that file uses it, too."""

from __future__ import annotations

from dataclasses import dataclass

ROUTES_FORMAT = 2
"""Version of the format of the routes file that the gateway reads, see `routes_file.py`."""


@dataclass(frozen=True)
class Replica:
    """One server of a model version.

    Attributes:
        socket: path to dial.
        service: name of the service, for `pyml dev logs`.
    """

    socket: str
    service: str
