"""An index that cannot be reached is named with the line of requirements.txt that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyml.errors import SetupError
from pyml.package.model_package import ModelPackage
from pyml_sandbox.models.unreachable_index import with_index_line
from support.packages import write_package

CPU = "https://download.pytorch.org/whl/cpu"
UV = f"requirements.txt could not be resolved, since the package index cannot be reached:\nFailed to fetch: `{CPU}/protobuf/`"
PIP = (
    "requirements.txt could not be installed, since an index or mirror cannot be reached:\n"
    "HTTPSConnectionPool(host='download.pytorch.org', port=443): Max retries exceeded with url: /whl/cpu/torch/"
)


def error_of(folder: Path, requirements: str, message: str, **files: str) -> SetupError:
    package = write_package(folder / "m")
    (package / "requirements.txt").write_text(requirements)
    for name, text in files.items():
        (package / f"{name}.txt").write_text(text)
    return with_index_line(SetupError(message, "connect once"), ModelPackage(package))


@pytest.mark.parametrize("message", [UV, PIP])
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
def test_the_line_that_names_the_index_is_named(tmp_path: Path, requirements: str, number: int, message: str) -> None:
    error = error_of(tmp_path, requirements, message)
    assert error.message.startswith(message)
    assert f"Line {number} of requirements.txt names the index {CPU}" in error.message
    assert error.hint.startswith(f"delete line {number} of requirements.txt if your own index has the packages")
    assert error.hint.endswith("else connect once")
    assert "secret" not in str(error)


def test_a_line_in_a_file_that_is_named_there_is_named_with_that_file(tmp_path: Path) -> None:
    error = error_of(tmp_path, "-r base.txt\n", UV, base=f"torch\n--extra-index-url {CPU}\n")
    assert "Line 2 of base.txt names the index" in error.message


@pytest.mark.parametrize(
    ("requirements", "message"),
    [
        ("torch\n", UV),
        (f"# --extra-index-url {CPU}\ntorch\n", UV),
        ("--extra-index-url https://elsewhere.example/simple\ntorch\n", UV),
        (f"--extra-index-url {CPU}\n", f"{CPU}: no space left on device"),
        ("--no-index\n--find-links wheels\n", UV),
    ],
)
def test_an_error_about_something_else_stays_as_it_is(tmp_path: Path, requirements: str, message: str) -> None:
    error = error_of(tmp_path, requirements, message)
    assert (error.message, error.hint) == (message, "connect once")
