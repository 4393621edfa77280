"""From the report of a check to the proof of the image that it checked."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import version as installed
from typing import TYPE_CHECKING

from pyml_sandbox.parity.cache import checker_version
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
    images = set(report.images.values())
    if len(images) != 1 or not next(iter(images)).startswith("sha256:"):
        return None
    text = json.dumps(report.to_json(), indent=2) + "\n"
    envelope = Envelope.seal(statement_of(report, settings, next(iter(images)), digest_of(text.encode())), key)
    return ProofStore(home.proofs).keep(envelope, text)


def statement_of(report: Report, settings: ParitySettings, image: str, report_digest: str) -> Statement:
    """What a report says of an image.

    Args:
        report: the report.
        settings: of the check.
        image: digest of the image's configuration, `sha256:…`.
        report_digest: of the report as it is kept, likewise.
    """
    asked = json.dumps(asdict(settings), sort_keys=True)
    return Statement(
        image=Subject(report.model, image),
        verdict=report.verdict.value,
        level=report.decision.level,
        asked=report.declared_level,
        rows=report.rows,
        rows_digest=report.fixture_digest,
        settings_digest=digest_of(asked.encode()),
        report_digest=report_digest,
        checker=installed("pyml-sandbox"),
        checker_digest=f"sha256:{checker_version()}",
        driver=report.driver,
        platform=f"{platform.system().lower()}/{platform.machine()}",
        checked_at=datetime.fromisoformat(report.checked_at),
        passed=tuple(check.name for check in report.checks if not check.fired),
        failed=tuple(check.name for check in report.checks if check.fired),
    )
