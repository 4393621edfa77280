"""What names a model's environment, and what is said when it cannot be made."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyml.errors import PackageError, SetupError
from pyml_sandbox.drivers.process.virtualenvs import (
    VirtualEnvironment,
    environment_key,
    resolution_error,
)
from pyml_sandbox.drivers.requirements import count_packages, runtime_requirements


def test_equal_locks_have_equal_keys_and_others_do_not() -> None:
    assert environment_key("numpy==2.0\n") == environment_key("numpy==2.0\n")
    assert environment_key("numpy==2.0\n") != environment_key("numpy==2.1\n")


def test_the_runtime_needs_its_base_dependencies_and_none_of_the_extras() -> None:
    names = " ".join(runtime_requirements())
    assert "pandas" in names
    assert "pyarrow" in names
    assert "pyspark" not in names
    assert "typer" not in names


def test_the_packages_of_a_lock_are_counted_without_options_and_comments() -> None:
    assert count_packages("# made by uv\n--index-url x\nnumpy==2.0\npandas==3.0\n    # via y\n\n") == 2


@pytest.mark.parametrize(("reused", "words"), [(True, "env 7c1e2b (reused)"), (False, "env 7c1e2b (new)")])
def test_note(reused: bool, words: str) -> None:
    assert VirtualEnvironment(Path("/e"), "7c1e2b99", reused).note == words


def test_requirements_that_cannot_be_met_are_the_packages_fault_in_the_resolvers_words() -> None:
    words = "Because you require pandas>=2.2 and pandas<1, we can conclude that your requirements are unsatisfiable."
    error = resolution_error(words)
    assert isinstance(error, PackageError)
    assert words in error.message
    assert error.exit_code == 1


@pytest.mark.parametrize("words", ["error: Couldn't parse requirement in `requirements.txt`", "error: Unexpected '-'"])
def test_requirements_that_cannot_be_read_are_told_so_in_the_resolvers_words(words: str) -> None:
    error = resolution_error(words)
    assert isinstance(error, PackageError)
    assert error.summary == "requirements.txt cannot be read"
    assert words in error.message


@pytest.mark.parametrize("words", ["error: Failed to fetch: `https://x`", "hint: ... the network was disabled."])
def test_an_index_out_of_reach_is_the_machines_fault(words: str) -> None:
    error = resolution_error(words)
    assert isinstance(error, SetupError)
    assert words in error.message
    assert error.exit_code == 3
