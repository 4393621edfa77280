"""Process tags: environment variables that every process of a sandbox has, and that its descendants inherit.

They find processes that left their process group, and orphans whose watcher was killed.
"""

from __future__ import annotations

from collections.abc import Mapping

FOLDER = "PYML_SANDBOX_FOLDER"
SERVICE = "PYML_SERVICE"


def process_tags(folder: str, service: str | None = None) -> Mapping[str, str]:
    """The tags of a sandbox's processes, or of the processes of one service."""
    return {FOLDER: folder} if service is None else {FOLDER: folder, SERVICE: service}
