"""The proofs of a sandbox's images, each beside the report that it speaks of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pyml.command_line import quoted_word
from pyml.errors import ProofError
from pyml_sandbox.proof.envelope import Envelope
from pyml_sandbox.workspace.files import write_atomically

PROOF, REPORT = ".proof.json", ".report.json"


@dataclass(frozen=True)
class StoredProof:
    """One proof in its file.

    Attributes:
        file: the envelope as JSON.
    """

    file: Path

    @property
    def report_file(self) -> Path:
        """The report that it speaks of."""
        return self.file.with_name(self.file.name.removesuffix(PROOF) + REPORT)

    def envelope(self) -> Envelope:
        """The envelope; its signature is not verified.

        Raises:
            ProofError: the file is damaged, cannot be read, or the report beside it was changed or is missing.
        """
        try:
            envelope = Envelope.from_json(self.file.read_bytes())
            report = self.report_file.read_bytes()
            told = envelope.statement().report_digest
        except OSError as error:
            raise ProofError(f"{error.filename} cannot be read: {error.strerror}", self._again) from error
        except ProofError as error:
            raise ProofError(f"{self.file}: {error.message}", self._again) from error
        if digest_of(report) != told:
            raise ProofError(f"{self.report_file} is not the report that the proof speaks of", self._again)
        return envelope

    @property
    def _again(self) -> str:
        return f"rm {quoted_word(str(self.file))}, then pyml parity-check --no-cache"


@dataclass(frozen=True)
class ProofStore:
    """The proofs of the images of one sandbox.

    Attributes:
        folder: of the proofs; made when the first one is kept.
    """

    folder: Path

    def keep(self, envelope: Envelope, report: str) -> StoredProof:
        """Write a proof and its report; earlier ones stay.

        Args:
            envelope: the proof.
            report: the report whose digest the statement has, as it is to be written.
        """
        statement = envelope.statement()
        written = envelope.to_json()
        stem = f"{statement.checked_at:%Y%m%dT%H%M%S.%fZ}-{digest_of(written.encode()).removeprefix('sha256:')[:8]}"
        proof = StoredProof(self._of(statement.image.digest) / f"{stem}{PROOF}")
        write_atomically(proof.report_file, report)
        write_atomically(proof.file, written)
        return proof

    def of_image(self, digest: str) -> list[StoredProof]:
        """The proofs of the image with this configuration digest, `sha256:…`, the newest first."""
        return self._in(self._of(digest))

    def all(self) -> list[StoredProof]:
        """The proofs of all images, those of one image the newest first."""
        return [proof for folder in sorted(self.folder.glob("*")) for proof in self._in(folder)]

    def _in(self, folder: Path) -> list[StoredProof]:
        return [StoredProof(file) for file in sorted(folder.glob(f"*{PROOF}"), reverse=True)]

    def _of(self, digest: str) -> Path:
        return self.folder / digest.replace(":", "-")


def digest_of(content: bytes) -> str:
    """`sha256:…` of some bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
