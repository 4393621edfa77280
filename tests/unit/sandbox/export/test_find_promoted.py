"""Which promotion manifests are rendered for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pyml.errors import UsageError
from pyml_sandbox.export.promoted_image import find_promoted
from pyml_sandbox.promotion.gate import Admission
from pyml_sandbox.promotion.history import record_promotion
from pyml_sandbox.promotion.oci.image_reference import Reference
from pyml_sandbox.promotion.promote import Promotion
from pyml_sandbox.workspace.home import SandboxHome
from support.proofs import IMAGE, PASSED
from support.uploads import keep

OLD, NEW = "fare@0123456789ab", "fare@ba9876543210"
TO = Reference("registry.example", "models/fare", "prod", "sha256:" + "d" * 64)


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    """Two versions were promoted, the old one to a second repository at last."""
    home = SandboxHome(tmp_path)
    made = [(OLD, TO), (NEW, replace(TO, digest="sha256:" + "e" * 64)), (OLD, replace(TO, repository="other/fare"))]
    for model_id in (OLD, NEW):
        keep(home, model_id)
    for minutes, (model_id, reference) in enumerate(made):
        promoted = Promotion(reference, model_id.replace("@", "-"), Admission(PASSED, "signing.key"))
        record_promotion(home, model_id, promoted, PASSED.checked_at + timedelta(minutes=minutes))
    return home


@pytest.mark.parametrize(
    ("model", "image", "expected"),
    [
        ("fare", None, (OLD, "registry.example/other/fare@" + TO.digest)),
        (NEW, None, (NEW, "registry.example/models/fare@sha256:" + "e" * 64)),
        ("fare", TO, (OLD, "registry.example/models/fare@" + TO.digest)),
    ],
)
def test_the_last_promotion_that_fits_is_taken(
    home: SandboxHome, model: str, image: Reference | None, expected: tuple[str, str]
) -> None:
    found = find_promoted(home, model, image)
    assert (found.version.model_id, found.image) == expected
    assert found.config_digest == IMAGE


@pytest.mark.parametrize(
    ("model", "image", "words"),
    [
        ("tip", None, "tip was never promoted from this sandbox"),
        ("fare@000000000000", None, "fare@000000000000 was never promoted"),
        ("fare", replace(TO, repository="models/tip"), "is no image that fare was promoted to"),
    ],
)
def test_what_was_not_promoted_has_no_manifests(
    home: SandboxHome, model: str, image: Reference | None, words: str
) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        find_promoted(home, model, image)
    assert "pyml promote" in raised.value.hint


def test_a_damaged_record_is_left_out(home: SandboxHome) -> None:
    (home.promotions / "99999999.json").write_text('{"model": 1')
    assert find_promoted(home, "fare").version.model_id == OLD
