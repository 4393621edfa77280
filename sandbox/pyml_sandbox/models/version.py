"""One uploaded version of a model, as it is recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
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
        version: first digits of its content's digest.
        folder: where it is kept.
        uploaded_at: seconds since 1970.
        declared: its kind, inputs and outputs, see `contract`.
        pinned: id of the image that it was adopted from; None for one that was uploaded.
    """

    name: str
    version: str
    folder: Path
    uploaded_at: float
    declared: Mapping[str, object]
    pinned: str | None = None

    @property
    def model_id(self) -> str:
        """How it is asked for: "name@version"."""
        return f"{self.name}@{self.version}"

    @property
    def package(self) -> Path:
        """The folder of its package."""
        return self.folder / "package"

    @property
    def lock(self) -> str:
        """Everything that is installed for it, one name and version a line."""
        return (self.folder / "requirements.lock").read_text(encoding="utf-8")

    @property
    def signature(self) -> Signature:
        """Its declared inputs and outputs."""
        from pyml.inference.describe import Signature

        return Signature.from_json(dict(self.declared))

    @property
    def json(self) -> dict[str, JSON]:
        """The version as a JSON object."""
        declared: JSON = json.loads(json.dumps(self.declared))
        return {"model_id": self.model_id, "uploaded_at": self.uploaded_at, "contract": declared}
