"""From a report to the proof of its image."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pyml.package.settings import ParitySettings
from pyml_sandbox.parity.attest import leave_proof
from pyml_sandbox.parity.report.document import Report
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


def test_different_settings_have_different_digests(tmp_path: Path) -> None:
    report = of_image("pass", offline=IMAGE, online=IMAGE)
    digests = set()
    for settings in (SETTINGS, replace(SETTINGS, level="P1"), replace(SETTINGS, key=("b",))):
        proof = leave_proof(SandboxHome(tmp_path), report, settings)
        assert proof is not None
        digests.add(proof.envelope().statement().settings_digest)
    assert len(digests) == 3
