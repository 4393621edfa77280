"""What became of a model's versions: uploaded, checked, promoted; when, and by whom."""

from __future__ import annotations

import getpass
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.errors import ProofError, UsageError
from pyml_sandbox.models import registry
from pyml_sandbox.promotion.oci.image_reference import Reference
from pyml_sandbox.proof.proof_store import ProofStore
from pyml_sandbox.workspace.events import JSON
from pyml_sandbox.workspace.files import write_atomically

if TYPE_CHECKING:
    from pyml_sandbox.promotion.promote import Promotion
    from pyml_sandbox.workspace.home import SandboxHome

UPLOADED, CHECKED, PROMOTED = "uploaded", "checked", "promoted"


@dataclass(frozen=True)
class HistoryEntry:
    """One thing that became of a version.

    Attributes:
        at: when, with a zone.
        what: uploaded, checked or promoted.
        model_id: `NAME@VERSION`.
        detail: the verdict with its level, or where the image went.
        by: who, as they say: `USER@HOST`, or the id of a key; empty if that is not known.
    """

    at: datetime
    what: str
    model_id: str
    detail: str = ""
    by: str = ""

    @property
    def json(self) -> dict[str, JSON]:
        """The entry as a JSON object."""
        return {
            "at": self.at.isoformat(),
            "what": self.what,
            "model": self.model_id,
            "detail": self.detail,
            "by": self.by,
        }


@dataclass(frozen=True)
class Promoted:
    """A promotion that this sandbox made.

    Attributes:
        model_id: `NAME@VERSION`.
        reference: host, repository, tag, and digest of the manifest.
        image: digest of the image's configuration; empty if an earlier release of pyml recorded the promotion.
        entry: the same for people.
    """

    model_id: str
    reference: Reference
    image: str
    entry: HistoryEntry


def record_promotion(home: SandboxHome, model_id: str, promoted: Promotion, now: datetime) -> None:
    """Keep that a version was promoted, and by whom."""
    entry = HistoryEntry(now, PROMOTED, model_id, str(promoted.reference), _this_user())
    record = {**entry.json, "image": promoted.admission.statement.image.digest}
    write_atomically(home.promotions / f"{now:%Y%m%dT%H%M%S.%fZ}.json", json.dumps(record))


def promotions(home: SandboxHome, name: str) -> list[Promoted]:
    """The promotions of a model's versions, the oldest first; damaged records are left out.

    Args:
        home: the sandbox.
        name: of the model, without a version.
    """
    read = (_read_promotion(file) for file in sorted(home.promotions.glob("*.json")))
    return [each for each in read if each is not None and each.model_id.partition("@")[0] == name]


def history(home: SandboxHome, name: str | None = None) -> list[HistoryEntry]:
    """Everything that is known of a model's versions, the oldest first.

    Args:
        home: the sandbox.
        name: of the model, without a version; None for all models.
    """
    entries = [*_uploads(home, name), *_checks(home, name), *_promotions(home, name)]
    return sorted(entries, key=lambda entry: entry.at)


def _uploads(home: SandboxHome, name: str | None) -> Iterator[HistoryEntry]:
    for version, _ in registry.stored_versions(home, name):
        yield HistoryEntry(datetime.fromtimestamp(version.uploaded_at, UTC), UPLOADED, version.model_id)


def _checks(home: SandboxHome, name: str | None) -> Iterator[HistoryEntry]:
    for proof in ProofStore(home.proofs).all():
        try:
            envelope = proof.envelope()
            statement = envelope.statement()
        except ProofError as error:
            yield HistoryEntry(_written_at(proof.file), CHECKED, "?", f"damaged: {error.message}")
            continue
        if name in (None, statement.image.name.partition("@")[0]):
            verdict = f"{statement.verdict} {statement.level or ''}".strip()
            by = f"key {envelope.keyids[0][:12]}" if envelope.keyids else ""
            yield HistoryEntry(statement.checked_at, CHECKED, statement.image.name, verdict, by)


def _promotions(home: SandboxHome, name: str | None) -> Iterator[HistoryEntry]:
    for file in sorted(home.promotions.glob("*.json")):
        promoted = _read_promotion(file)
        if promoted is None:
            yield HistoryEntry(_written_at(file), PROMOTED, "?", f"damaged: {file}")
        elif name in (None, promoted.model_id.partition("@")[0]):
            yield promoted.entry


def _read_promotion(file: Path) -> Promoted | None:
    """The promotion in a record; None if it is damaged."""
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
        at = datetime.fromisoformat(read["at"]).astimezone(UTC)
        entry = HistoryEntry(at, PROMOTED, str(read["model"]), str(read["detail"]), str(read["by"]))
        return Promoted(entry.model_id, Reference.parse(entry.detail), str(read.get("image", "")), entry)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, UsageError):
        return None


def _written_at(file: Path) -> datetime:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError:
        return datetime.fromtimestamp(0, UTC)


def _this_user() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (OSError, KeyError):  # a container's user may have no name
        return socket.gethostname()
