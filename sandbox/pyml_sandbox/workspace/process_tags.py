"""The variables that every process of a sandbox carries, and its descendants inherit.

So what escaped its process group, or was left behind by a watcher that was killed, can still be found.
"""

from __future__ import annotations

from collections.abc import Mapping

FOLDER = "PYML_SANDBOX_FOLDER"
SERVICE = "PYML_SERVICE"


def marks(folder: str, service: str | None = None) -> Mapping[str, str]:
    """The marks of a sandbox's processes, or of one service's."""
    return {FOLDER: folder} if service is None else {FOLDER: folder, SERVICE: service}
