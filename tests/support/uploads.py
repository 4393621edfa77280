"""Uploaded versions for tests that need no environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.home import SandboxHome

CONTRACT = {"kind": "frame", "inputs": "x DOUBLE", "outputs": "y DOUBLE"}


def keep(
    home: SandboxHome, model_id: str, uploaded_at: float = 0, contract: Mapping[str, str] = MappingProxyType({})
) -> Path:
    """What an upload leaves behind."""
    name, _, version = model_id.partition("@")
    folder = home.models / name / version
    (folder / "package").mkdir(parents=True)
    (folder / "requirements.lock").write_text("")
    record = {"name": name, "version": version, "uploaded_at": uploaded_at, "contract": dict(contract), "pinned": None}
    write_atomically(folder / "record.json", json.dumps(record))  # the last: it is not there, or whole
    return folder
