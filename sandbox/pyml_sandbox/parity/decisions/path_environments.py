"""The environment of each path, as its workers report it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyml.inference.worker_info import Worker


def environments_of(offline: Sequence[Worker], online: Worker | None) -> dict[str, dict[str, str]]:
    """Python, packages and pinned variables, by path; without paths whose workers did not report them.

    Args:
        offline: the workers of the offline job; the first one is used.
        online: the model server that answered; None if none did.
    """
    workers = {"offline": offline[0] if offline else None, "online": online}
    return {
        path: {"Python": worker.python, **worker.packages, **worker.variables}
        for path, worker in workers.items()
        if worker is not None
    }
