"""Statements and keys for tests of proofs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pyml_sandbox.proof.check_statement import Statement, Subject
from pyml_sandbox.proof.proof_store import digest_of
from pyml_sandbox.proof.signing_key import SigningKey, create_key_pair, find_signing_key

REPORT = '{"verdict": "PASS"}\n'
IMAGE = "sha256:" + "1" * 64
PASSED = Statement(
    image=Subject("fare@0123456789ab", IMAGE),
    verdict="PASS",
    level="P5",
    asked="P3",
    rows=3000,
    rows_digest="sha256:" + "2" * 64,
    settings_digest="sha256:" + "3" * 64,
    report_digest=digest_of(REPORT.encode()),
    checker="0.1.0",
    checker_digest="sha256:" + "4" * 64,
    driver="container",
    platform="linux/x86_64",
    checked_at=datetime(2026, 11, 30, 4, 5, 6, 789, tzinfo=UTC),
    passed=("paths", "repeat"),
)
FAILED = replace(PASSED, verdict="FAIL", level=None, passed=(), failed=("paths",))


def key_in(home: Path) -> SigningKey:
    """A new key, as `pyml keys init` makes it."""
    create_key_pair(home)
    key = find_signing_key(home, {})
    assert key is not None
    return key
