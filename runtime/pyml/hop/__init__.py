"""The hop from the gateway to a model server: requests and answers as frames on a Unix socket of its own."""

from __future__ import annotations

import os


def hop_link(link: str | os.PathLike[str]) -> str:
    """Path of the hop's socket, from the path at which the same server listens for gRPC."""
    return f"{os.fspath(link)}.hop"
