"""What `pyml promote`, `pyml verify` and `pyml log` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyml_sandbox.promotion.gate import Admission
    from pyml_sandbox.promotion.history import HistoryEntry
    from pyml_sandbox.promotion.oci.image_reference import Reference
    from pyml_sandbox.promotion.promote import Promotion
    from pyml_sandbox.promotion.verify import Verified
    from pyml_sandbox.workspace.events import JSON


def _told(admission: Admission) -> dict[str, JSON]:
    statement = admission.statement
    return {
        "level": statement.level,
        "rows": statement.rows,
        "checked_at": statement.checked_at.isoformat(),
        "checker": statement.checker,
        "signed_by": admission.signed_by,
    }


def _line(admission: Admission) -> str:
    statement = admission.statement
    when = f"{statement.checked_at:%Y-%m-%d %H:%M} UTC"
    return f" Proven: {statement.level}, {statement.rows:,} rows, on {when}; signed with {admission.signed_by}"


@dataclass(frozen=True)
class DryRunView:
    """What would be promoted."""

    model_id: str
    reference: Reference
    admission: Admission

    @property
    def json(self) -> Mapping[str, JSON]:
        """The model, where it would go, and why it is let through."""
        return {"model": self.model_id, "to": str(self.reference), "promoted": False, **_told(self.admission)}

    @property
    def text(self) -> str:
        """Two lines."""
        return f"{_line(self.admission)}\n {self.model_id} would go to {self.reference}; nothing was pushed."


@dataclass(frozen=True)
class PromotionView:
    """What was promoted."""

    model_id: str
    promoted: Promotion

    @property
    def json(self) -> Mapping[str, JSON]:
        """The model, its image in the registry, and why it was let through."""
        reference = self.promoted.reference
        tags: list[JSON] = [*sorted({self.promoted.own_tag, reference.tag})]
        return {
            "model": self.model_id,
            "image": f"{reference.name}@{reference.digest}",
            "tags": tags,
            "promoted": True,
            **_told(self.promoted.admission),
        }

    @property
    def text(self) -> str:
        """What stands where, and how to verify it."""
        reference = self.promoted.reference
        image = f"{reference.name}@{reference.digest}"
        lines = [f" Promoted {self.model_id}: {image}", f" Verify it:  pyml verify {image} --key signing.pub"]
        return "\n".join([_line(self.promoted.admission), *lines])


@dataclass(frozen=True)
class VerifiedView:
    """An image that was proven."""

    found: Verified

    @property
    def json(self) -> Mapping[str, JSON]:
        """The image, the model in it, and why it is admitted."""
        model = self.found.admission.statement.image.name
        return {
            "image": self.found.name,
            "config": self.found.config_digest,
            "model": model,
            **_told(self.found.admission),
        }

    @property
    def text(self) -> str:
        """Two lines."""
        return f"{_line(self.found.admission)}\n {self.found.name} is {self.found.admission.statement.image.name}."


@dataclass(frozen=True)
class HistoryView:
    """What became of a model's versions."""

    name: str
    entries: Sequence[HistoryEntry]

    @property
    def json(self) -> Mapping[str, JSON]:
        """The entries, the oldest first."""
        return {"model": self.name, "entries": [entry.json for entry in self.entries]}

    @property
    def text(self) -> str:
        """A line for each entry, the oldest first."""
        if not self.entries:
            return f" There is no model {self.name!r} here:  pyml upload FOLDER"
        return "\n".join(_entry_line(entry) for entry in self.entries)


def _entry_line(entry: HistoryEntry) -> str:
    by = f"  by {entry.by}" if entry.by else ""
    return f" {entry.at:%Y-%m-%d %H:%M:%S} UTC  {entry.what:<8}  {entry.model_id}  {entry.detail}{by}".rstrip()
