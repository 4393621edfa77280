"""Whose fault it is when a model's image cannot be built."""

from __future__ import annotations

import pytest

from pyml.errors import PackageError, SetupError
from pyml_sandbox.drivers.container.images.builds.build_refusal import refusal
from pyml_sandbox.drivers.container.images.builds.image_build import BuildError

CONFLICT = """\
installing requirements.txt
Requirement already satisfied: numpy>=1.26 in /opt
Collecting pandas<1
  Downloading pandas-0.25.3.tar.gz (12.6 MB)
ERROR: Cannot install pandas<1 and pandas>=2.2 because these package versions have conflicting dependencies.

The conflict is caused by:
    The user requested pandas<1
    The user requested pandas>=2.2"""
OFFLINE = """\
installing requirements.txt
WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError': /simple/joblib/
ERROR: Could not find a version that satisfies the requirement joblib (from versions: none)"""


def test_requirements_that_cannot_be_met_are_the_package_s_in_pip_s_own_words() -> None:
    error = refusal(BuildError("model image", CONFLICT), with_lock=False)
    assert isinstance(error, PackageError)
    (problem,) = error.problems
    assert problem.message.startswith("ERROR: Cannot install pandas<1 and pandas>=2.2")
    assert "The user requested pandas<1" in problem.message
    assert "Collecting" not in problem.message
    assert problem.hint == "change requirements.txt"


def test_a_version_whose_lock_no_longer_fits_is_to_be_changed_into_a_new_one() -> None:
    error = refusal(BuildError("model image", CONFLICT), with_lock=True)
    assert isinstance(error, PackageError)
    assert error.problems[0].hint == "change requirements.txt, which makes a new version"


def test_an_index_out_of_reach_is_this_machine_s() -> None:
    error = refusal(BuildError("model image", OFFLINE), with_lock=False)
    assert isinstance(error, SetupError)
    assert "requirements.txt could not be installed, since an index or mirror cannot be reached" in error.message
    assert "--wheels DIR" in error.hint


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("installing packages.txt\nE: Unable to locate package libnone", PackageError),
        ("installing packages.txt\nW: Failed to fetch\nE: Temporary failure resolving 'deb.debian.org'", SetupError),
        ("failed to solve: no such image", BuildError),
    ],
)
def test_debian_and_the_builder_are_told_apart(words: str, kind: type[Exception]) -> None:
    assert type(refusal(BuildError("model image", words), with_lock=False)) is kind


def test_a_package_that_has_to_be_compiled_is_told_the_ways_out() -> None:
    words = "installing requirements.txt\nerror: subprocess-exited-with-error\nerror: command 'gcc' failed"
    error = refusal(BuildError("model image", words), with_lock=False)
    assert isinstance(error, PackageError)
    assert "name a compiler in packages.txt" in error.problems[0].hint
