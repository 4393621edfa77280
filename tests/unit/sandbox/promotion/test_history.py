"""What became of a model's versions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pyml_sandbox.promotion.gate import Admission
from pyml_sandbox.promotion.history import history, record_promotion
from pyml_sandbox.promotion.oci.image_reference import Reference
from pyml_sandbox.promotion.promote import Promotion
from pyml_sandbox.proof.check_statement import Subject
from pyml_sandbox.proof.envelope import Envelope
from pyml_sandbox.proof.proof_store import ProofStore, StoredProof
from pyml_sandbox.workspace.home import SandboxHome
from support.proofs import FAILED, PASSED, REPORT, key_in

REFERENCE = Reference("registry.example", "models/fare", "prod", "sha256:" + "d" * 64)
PROMOTED = Promotion(REFERENCE, "fare-0123456789ab", Admission(PASSED, "signing.key"))


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    return SandboxHome(tmp_path)


def kept(home: SandboxHome, minutes: int, name: str = "fare@0123456789ab") -> StoredProof:
    told = PASSED if minutes % 2 else FAILED
    statement = replace(
        told, image=Subject(name, told.image.digest), checked_at=told.checked_at + timedelta(minutes=minutes)
    )
    return ProofStore(home.proofs).keep(Envelope.seal(statement, None), REPORT)


def test_checks_and_promotions_are_told_in_their_order(home: SandboxHome) -> None:
    for minutes in (3, 0):
        kept(home, minutes)
    record_promotion(home, "fare@0123456789ab", PROMOTED, PASSED.checked_at + timedelta(minutes=4))
    found = history(home, "fare")
    assert [(entry.what, entry.detail) for entry in found] == [
        ("checked", "FAIL"),
        ("checked", "PASS P5"),
        ("promoted", str(REFERENCE)),
    ]
    assert "@" in found[-1].by


def test_who_signed_is_told(home: SandboxHome, tmp_path: Path) -> None:
    key = key_in(tmp_path / "key")
    ProofStore(home.proofs).keep(Envelope.seal(PASSED, key), REPORT)
    assert [entry.by for entry in history(home, "fare")] == [f"key {key.public.keyid[:12]}"]


def test_a_different_model_is_left_out(home: SandboxHome) -> None:
    kept(home, 1, "fare_two@0123456789ab")
    record_promotion(home, "fare_two@0123456789ab", PROMOTED, PASSED.checked_at)
    assert history(home, "fare") == []


def test_what_is_damaged_is_told_and_costs_that_alone(home: SandboxHome) -> None:
    kept(home, 1)
    kept(home, 3).file.write_text("{")
    record_promotion(home, "fare@0123456789ab", PROMOTED, PASSED.checked_at)
    (home.promotions / "0.json").write_text("[]")
    found = history(home, "fare")
    assert len(found) == 4
    assert sum(entry.detail.startswith("damaged: ") for entry in found) == 2
