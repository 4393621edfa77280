"""From a report to the proof of its image."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pyml.package.settings import ParitySettings
from pyml_sandbox.parity.attest import leave_proof, settings_digest
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.proof.proof_store import ProofStore
from pyml_sandbox.workspace.home import SandboxHome
from support.proofs import IMAGE, key_in
from support.reports import REPORTS

AT = "2026-11-30T04:05:06+00:00"
SETTINGS = ParitySettings(sql="SELECT 1 AS id", key=("id",))


def of_image(name: str, **images: str) -> Report:
    return replace(REPORTS[name], images=images, checked_at=AT, fixture_digest=IMAGE)


@pytest.mark.parametrize("name", ["pass", "fail"])
def test_a_proof_says_what_the_report_says(name: str, tmp_path: Path) -> None:
    home, report = SandboxHome(tmp_path), of_image(name, offline=IMAGE, online=IMAGE)
    key = key_in(tmp_path)
    proof = leave_proof(home, report, SETTINGS, key)
    assert proof is not None
    envelope = proof.envelope()
    statement = envelope.statement()
    assert envelope.signed_by([key.public]) == key.public
    assert (statement.image.name, statement.image.digest) == (report.model, IMAGE)
    assert (statement.verdict, statement.level, statement.asked) == (
        report.verdict,
        report.decision.level,
        report.declared_level,
    )
    assert {*statement.passed} | {*statement.failed} == {check.name for check in report.checks}
    assert Report.from_json(json.loads(proof.report_file.read_text())) == report


@pytest.mark.parametrize(
    "images",
    [{}, {"offline": IMAGE, "online": "sha256:" + "f" * 64}, {"offline": "an image that the engine does not know"}],
    ids=["no image", "two images", "an unknown image"],
)
def test_without_one_image_there_is_nothing_to_prove(images: dict[str, str], tmp_path: Path) -> None:
    assert leave_proof(SandboxHome(tmp_path), of_image("pass", **images), SETTINGS) is None


def test_different_settings_have_different_digests_and_the_level_is_none_of_them() -> None:
    different = [SETTINGS, replace(SETTINGS, key=("b",)), replace(SETTINGS, sql="SELECT 2 AS id"), ParitySettings()]
    assert len({settings_digest(each) for each in different}) == len(different)
    assert settings_digest(replace(SETTINGS, level="P1")) == settings_digest(SETTINGS)


def test_rows_that_are_given_are_part_of_the_settings_and_rows_that_a_query_finds_are_not() -> None:
    given = [settings_digest(ParitySettings(), digest) for digest in ("", IMAGE, "sha256:" + "f" * 64)]
    assert len(set(given)) == 3
    assert settings_digest(SETTINGS, IMAGE) == settings_digest(SETTINGS)


def test_a_known_report_leaves_no_second_proof_unless_it_is_signed_differently(tmp_path: Path) -> None:
    home, key = SandboxHome(tmp_path), key_in(tmp_path)
    fresh = of_image("pass", offline=IMAGE, online=IMAGE)
    known = replace(fresh, is_cached=True)
    first = leave_proof(home, fresh, SETTINGS, key)
    assert leave_proof(home, known, SETTINGS, key) == first
    unsigned = leave_proof(home, known, SETTINGS)
    assert unsigned not in (None, first)
    assert leave_proof(home, known, SETTINGS) == unsigned
    assert len(ProofStore(home.proofs).of_image(IMAGE)) == 2
