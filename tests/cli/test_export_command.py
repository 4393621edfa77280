"""`pyml export`: what is written, and what is wrong with a command line."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from pyml_sandbox.promotion.gate import Admission
from pyml_sandbox.promotion.history import record_promotion
from pyml_sandbox.promotion.oci.image_reference import Reference
from pyml_sandbox.promotion.promote import Promotion
from pyml_sandbox.workspace.home import SandboxHome
from support.proofs import PASSED
from support.typed_commands import Typed, typed_with
from support.uploads import keep

MODEL = "fare@0123456789ab"
TO = Reference("registry.example", "models/fare", "prod", "sha256:" + "d" * 64)
JOB = ("--sql", "SELECT 1", "--table", "ml.fare")


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Types commands where one version was promoted."""
    home = SandboxHome(tmp_path)
    keep(home, MODEL)
    promoted = Promotion(TO, "fare-0123456789ab", Admission(PASSED, "signing.key"))
    record_promotion(home, MODEL, promoted, PASSED.checked_at + timedelta(minutes=1))
    monkeypatch.setenv("PYML_HOME", str(tmp_path))
    monkeypatch.delenv("PYML_SANDBOX", raising=False)
    monkeypatch.delenv("PYML_SIGNING_KEY", raising=False)
    return typed_with(capsys)


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (["k8s"], ["kubernetes.yaml"]),
        (["kserve"], ["inference-service.yaml"]),
        (["spark", *JOB], ["spark-application.yaml", "spark-submit.sh"]),
    ],
)
def test_each_writes_its_files_and_says_what_comes_next(
    typed: Typed, tmp_path: Path, words: list[str], files: list[str]
) -> None:
    told = typed("export", *words, "fare", "--to", str(tmp_path / "to"))
    assert f"{MODEL} as registry.example/models/fare@{TO.digest}" in told
    assert f"Next:  kubectl apply -f {tmp_path / 'to' / files[0]}" in told
    assert "Without policies, since there is no key:  pyml keys init" in told
    assert sorted(file.name for file in (tmp_path / "to").iterdir()) == files

    typed("keys", "init")
    assert "Without policies" not in typed("export", *words, "fare", "--to", str(tmp_path / "to"))
    policies = ["policy-kyverno.yaml", "policy-sigstore.yaml"]
    assert sorted(file.name for file in (tmp_path / "to").iterdir()) == sorted([*files, *policies])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["k8s", "tip"], "tip was never promoted from this sandbox"),
        (["k8s", "fare", "--image", "registry.example/models/fare:prod"], "names no digest, and a tag can be moved"),
        (["k8s", "fare", "--image", f"registry.example/tip@{TO.digest}"], "is no image that fare was promoted to"),
        (["k8s", "fare", "--public-key", "gone.pub"], "the public key gone.pub cannot be read"),
        (["spark", "fare", "--sql", "SELECT 1", "--table", "a b"], "is not the name of a Hive table"),
    ],
)
def test_a_wrong_command_line_is_told_and_nothing_is_written(
    typed: Typed, tmp_path: Path, words: list[str], message: str
) -> None:
    assert message in typed("export", *words, "--to", str(tmp_path / "to"), expected=2)
    assert not (tmp_path / "to").exists()
