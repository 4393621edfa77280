"""Proofs in their files: by image, the newest first, each with its report."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pyml.errors import ProofError
from pyml_sandbox.proof.check_statement import Subject
from pyml_sandbox.proof.envelope import Envelope
from pyml_sandbox.proof.proof_store import ProofStore
from support.proofs import FAILED, IMAGE, PASSED, REPORT, key_in


def test_the_proofs_of_an_image_are_found_the_newest_first(tmp_path: Path) -> None:
    store = ProofStore(tmp_path / "proofs")
    later = replace(FAILED, checked_at=PASSED.checked_at + timedelta(microseconds=1))
    elsewhere = replace(PASSED, image=Subject("fare@0123456789ab", "sha256:" + "f" * 64))
    for statement in (later, elsewhere, PASSED):
        store.keep(Envelope.seal(statement, None), REPORT)
    assert [proof.envelope().statement() for proof in store.of_image(IMAGE)] == [later, PASSED]


def test_an_image_without_proofs_has_none(tmp_path: Path) -> None:
    assert ProofStore(tmp_path / "proofs").of_image(IMAGE) == []


def test_a_second_proof_of_the_same_moment_does_not_replace_the_first(tmp_path: Path) -> None:
    store, key = ProofStore(tmp_path / "proofs"), key_in(tmp_path)
    kept = [store.keep(Envelope.seal(PASSED, each), REPORT) for each in (key, None)]
    assert {proof.file for proof in store.of_image(IMAGE)} == {proof.file for proof in kept}
    assert {bool(proof.envelope().signatures) for proof in kept} == {True, False}


def test_the_report_lies_beside_its_proof(tmp_path: Path) -> None:
    proof = ProofStore(tmp_path).keep(Envelope.seal(PASSED, key_in(tmp_path)), REPORT)
    assert proof.report_file.parent == proof.file.parent
    assert proof.report_file.read_text() == REPORT


def test_a_report_that_was_edited_is_noticed(tmp_path: Path) -> None:
    proof = ProofStore(tmp_path).keep(Envelope.seal(PASSED, None), REPORT)
    proof.report_file.write_text(REPORT.replace("PASS", "FAIL"))
    with pytest.raises(ProofError, match="is not the report that the proof speaks of"):
        proof.envelope()


@pytest.mark.parametrize("is_report", [True, False], ids=["the report", "the proof"])
def test_a_file_that_is_gone_is_named(is_report: bool, tmp_path: Path) -> None:
    proof = ProofStore(tmp_path).keep(Envelope.seal(PASSED, None), REPORT)
    gone = proof.report_file if is_report else proof.file
    gone.unlink()
    with pytest.raises(ProofError, match=f"{gone.name} cannot be read: No such file or directory"):
        proof.envelope()
