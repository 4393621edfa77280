"""An index that cannot be reached is named with the line of requirements.txt that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyml.errors import PymlError, SetupError
from pyml.package.model_package import ModelPackage
from pyml_sandbox.drivers.container.images.builds.build_refusal import PYTHON_STEP, refusal
from pyml_sandbox.drivers.container.images.builds.image_build import BuildError
from pyml_sandbox.drivers.process.virtualenvs import resolution_error
from pyml_sandbox.models.unreachable_index import with_index_line
from support.packages import write_package

CPU = "https://download.pytorch.org/whl/cpu"
UV = resolution_error(f"error: Failed to fetch: `{CPU}/protobuf/`")
INSTALL = SetupError(f"The model's environment could not be made:\nFailed to fetch: `{CPU}/torch.whl`", UV.hint)
PIP = refusal(
    BuildError(
        "image",
        f"{PYTHON_STEP}\nERROR: HTTPSConnectionPool(host='download.pytorch.org', port=443): Max retries exceeded with url: /whl/",
    ),
    with_lock=False,
)


def error_of(folder: Path, requirements: str, error: PymlError, **files: str) -> SetupError:
    assert isinstance(error, SetupError)
    package = write_package(folder / "m")
    (package / "requirements.txt").write_text(requirements)
    for name, text in files.items():
        (package / f"{name}.txt").write_text(text)
    return with_index_line(error, ModelPackage(package))


@pytest.mark.parametrize("of_builder", [UV, INSTALL, PIP], ids=["uv resolves", "uv installs", "pip"])
@pytest.mark.parametrize(
    ("requirements", "number"),
    [
        (f"# CPU\n--extra-index-url {CPU}\ntorch==2.13.0\n", 2),
        (f"--extra-index-url={CPU}\ntorch\n", 1),
        (f"torch\n\n  --index-url   {CPU}/   # the one of PyTorch\n", 3),
        (f"torch\n-i {CPU}\n", 2),
        (f"-f {CPU}/torch.html\ntorch\n", 1),
        ("--extra-index-url https://anna:secret@download.pytorch.org/whl/cpu\ntorch\n", 1),
    ],
)
def test_the_line_that_names_the_index_is_named(
    tmp_path: Path, requirements: str, number: int, of_builder: PymlError
) -> None:
    error = error_of(tmp_path, requirements, of_builder)
    assert error.message.startswith(of_builder.message.rstrip())
    assert f"Line {number} of requirements.txt names the index {CPU}" in error.message.replace("****@", "")
    assert error.hint.startswith(f"delete line {number} of requirements.txt if your own index has the packages")
    assert error.hint.endswith(f"else {of_builder.hint}")
    assert "secret" not in str(error)


def test_a_line_in_a_file_that_is_named_there_is_named_with_that_file(tmp_path: Path) -> None:
    error = error_of(tmp_path, "-r base.txt\n", UV, base=f"torch\n--extra-index-url {CPU}\n")
    assert "Line 2 of base.txt names the index" in error.message


@pytest.mark.parametrize(
    ("requirements", "of_builder"),
    [
        ("torch\n", UV),
        (f"# --extra-index-url {CPU}\ntorch\n", UV),
        ("--extra-index-url https://elsewhere.example/simple\ntorch\n", UV),
        (f"--extra-index-url {CPU}\n", SetupError(f"{CPU}: no space left on device", "free some")),
        ("--no-index\n--find-links wheels\n", UV),
    ],
)
def test_an_error_about_something_else_stays_as_it_is(tmp_path: Path, requirements: str, of_builder: PymlError) -> None:
    assert error_of(tmp_path, requirements, of_builder) is of_builder
