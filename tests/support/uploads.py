"""Uploaded versions for tests that need no environment."""

from __future__ import annotations

import json
from pathlib import Path

from pyml_sandbox.workspace.home import SandboxHome


def keep(home: SandboxHome, model_id: str, uploaded_at: float = 0) -> Path:
    """What an upload leaves behind."""
    name, _, version = model_id.partition("@")
    folder = home.models / name / version
    (folder / "package").mkdir(parents=True)
    (folder / "requirements.lock").write_text("")
    record = {"name": name, "version": version, "uploaded_at": uploaded_at, "contract": {}, "pinned": None}
    (folder / "record.json").write_text(json.dumps(record))
    return folder
