"""What pip reads in the build of a model image."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyml.package.model_package import ModelPackage
from pyml_sandbox.drivers.container.images.builds.build_requirements import write_requirements
from support.packages import write_package

HASHED = "tinyone==1.0 \\\n    --hash=sha256:12 \\\n    --hash=sha256:34\n    # via fare\ntinytwo==2 --hash=sha256:56\n"


def written(tmp_path: Path, text: str, base: str = "") -> Path:
    package = write_package(tmp_path / "fare", requirements=text)
    (package / "constraints.txt").write_text("tinyone<2")
    (package / "base.txt").write_text(base)
    write_requirements(tmp_path / "there", ModelPackage(package), ["grpcio>=1"], "numpy==2.0\n")
    return tmp_path / "there"


def test_files_that_are_named_lie_beside_and_ours_apart(tmp_path: Path) -> None:
    folder = written(tmp_path, "-c constraints.txt\ntinyone")
    assert (folder / "constraints.txt").read_text() == "tinyone<2"
    assert (folder / ".pyml/constraints.txt").read_text() == "numpy==2.0\n"
    assert (folder / ".pyml/runtime.txt").read_text() == "grpcio>=1\n"
    assert not (folder / "base.txt").exists()
    assert not (folder / ".pyml/hashed").exists()


@pytest.mark.parametrize(
    ("text", "base", "file"), [(HASHED, "", "requirements.txt"), ("-r base.txt", HASHED, "base.txt")]
)
def test_hashes_are_held_to_by_themselves(tmp_path: Path, text: str, base: str, file: str) -> None:
    folder = written(tmp_path, text, base)
    assert (folder / ".pyml/hashed" / file).read_text() == HASHED
    assert (folder / file).read_text() == "tinyone==1.0\n    # via fare\ntinytwo==2\n"
