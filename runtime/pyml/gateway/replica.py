"""One server of a model version, as the routes file names it. Light: whoever writes that file imports it, too."""

from __future__ import annotations

from dataclasses import dataclass

ROUTES_FORMAT = 2
"""The form of the routes file that the gateway reads, see `routes_file.py`."""


@dataclass(frozen=True)
class Replica:
    """One server of a model version.

    Attributes:
        socket: path to dial.
        service: name of the service, for `pyml dev logs`.
    """

    socket: str
    service: str
