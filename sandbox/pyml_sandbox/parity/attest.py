"""From the report of a check to the proof of the image that it checked."""

from __future__ import annotations

import contextlib
import json
import platform
from dataclasses import asdict, replace
from datetime import datetime
from importlib.metadata import version as installed
from typing import TYPE_CHECKING

from pyml.errors import ProofError
from pyml_sandbox.parity.cache import checker_version, file_text
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.proof.check_statement import Statement, Subject
from pyml_sandbox.proof.envelope import Envelope
from pyml_sandbox.proof.proof_store import ProofStore, StoredProof, digest_of

if TYPE_CHECKING:
    from pyml.package.settings import ParitySettings
    from pyml_sandbox.proof.signing_key import SigningKey
    from pyml_sandbox.workspace.home import SandboxHome


def leave_proof(
    home: SandboxHome, report: Report, settings: ParitySettings, key: SigningKey | None = None
) -> StoredProof | None:
    """Keep a proof of what a check said of an image.

    Args:
        home: the sandbox.
        report: of the check.
        settings: of the check.
        key: signs it; None to leave it unsigned.

    Returns:
        The proof; None if the paths did not run in one image.
    """
    image, *others = set(report.images.values()) or {""}
    if others or not image.startswith("sha256:"):
        return None
    store, text = ProofStore(home.proofs), file_text(report)
    statement = statement_of(report, settings, image, digest_of(text.encode()))
    known = _known(store, statement, key) if report.is_cached else None
    return known or store.keep(Envelope.seal(statement, key), text)


def settings_digest(settings: ParitySettings, given_rows: str = "") -> str:
    """A digest of what a check is asked: its rows, key, sizes and tolerances; not the level, which says how much.

    Args:
        settings: of the check.
        given_rows: digest of rows that replace those that the settings name.
    """
    names_rows = settings.sql or settings.table or settings.rows
    asked = {**asdict(settings), "level": "", "given": "" if names_rows else given_rows}
    return digest_of(json.dumps(asked, sort_keys=True).encode())


def _known(store: ProofStore, statement: Statement, key: SigningKey | None) -> StoredProof | None:
    """The proof that an earlier check has left for the same report, if it is signed as this one would be."""
    for proof in store.of_image(statement.image.digest):
        with contextlib.suppress(ProofError):
            envelope = proof.envelope()
            same = replace(envelope.statement(), report_digest=statement.report_digest) == statement
            signed = not envelope.signatures if key is None else envelope.is_signed_by(key.public)
            if same and signed:
                return proof
    return None


def statement_of(report: Report, settings: ParitySettings, image: str, report_digest: str) -> Statement:
    """What a report says of an image.

    Args:
        report: the report.
        settings: of the check.
        image: digest of the image's configuration, `sha256:…`.
        report_digest: of the report as it is kept, likewise.
    """
    return Statement(
        image=Subject(report.model, image),
        verdict=report.verdict.value,
        level=report.decision.level,
        asked=report.declared_level,
        rows=report.rows,
        rows_digest=report.fixture_digest,
        settings_digest=settings_digest(settings, report.fixture_digest),
        report_digest=report_digest,
        checker=installed("pyml-sandbox"),
        checker_digest=f"sha256:{checker_version()}",
        driver=report.driver,
        platform=f"{platform.system().lower()}/{platform.machine()}",
        checked_at=datetime.fromisoformat(report.checked_at),
        passed=tuple(check.name for check in report.checks if not check.fired),
        failed=tuple(check.name for check in report.checks if check.fired),
    )
