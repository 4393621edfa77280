"""The record of one uploaded version of a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pyml_sandbox.workspace.events import JSON

if TYPE_CHECKING:
    from pyml.inference.describe import Signature


@dataclass(frozen=True)
class ModelVersion:
    """One uploaded version of a model.

    Attributes:
        name: of the model.
        version: the first digits of the digest of its content.
        folder: of the version.
        uploaded_at: seconds since 1970.
        declared: its signature as it was recorded; see `signature`.
        pinned: id of the image that it was imported from; None for an upload.
        environment: the size of its environment as it was made first (`EnvironmentSize.json`); None if not known.
        digest: of its package as it was stored; empty if not known.
    """

    name: str
    version: str
    folder: Path
    uploaded_at: float
    declared: Mapping[str, object]
    pinned: str | None = None
    environment: Mapping[str, JSON] | None = None
    digest: str = ""

    @property
    def model_id(self) -> str:
        """The id that names it in commands: "name@version"."""
        return f"{self.name}@{self.version}"

    @property
    def package(self) -> Path:
        """The folder of its model package."""
        return self.folder / "package"

    @property
    def lock(self) -> str:
        """All packages of its environment, one name and version on each line."""
        return (self.folder / "requirements.lock").read_text(encoding="utf-8")

    @cached_property
    def signature(self) -> Signature:
        """Its declared kind, inputs and outputs."""
        from pyml.inference.describe import Signature

        return Signature.from_json(dict(self.declared))

    @property
    def load_s(self) -> float:
        """Seconds that its trial load took, if they were worth a note; else 0."""
        return float(str(self.declared.get("load_s", 0.0)))

    @property
    def json(self) -> dict[str, JSON]:
        """The version as a JSON object."""
        declared: JSON = json.loads(json.dumps(self.declared))
        return {"model_id": self.model_id, "uploaded_at": self.uploaded_at, "contract": declared}
