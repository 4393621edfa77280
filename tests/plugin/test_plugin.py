"""The pytest plugin in a model repository of its own, on the shared sandbox."""

from __future__ import annotations

import pytest

from pyml_sandbox.home import SandboxHome
from pyml_sandbox.template import create


@pytest.fixture
def repository(pytester: pytest.Pytester, sandbox: SandboxHome, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A new model repository, in whose folder pytest is about to be run."""
    monkeypatch.setenv("PYML_HOME", str(sandbox.root))
    monkeypatch.setenv("PYML_SANDBOX", sandbox.name)
    create(pytester.path / "plugged")
    monkeypatch.chdir(pytester.path / "plugged")
    return pytester


def run(repository: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return repository.runpytest_subprocess("-p", "no:cacheprovider", *arguments, ".")


def test_the_test_that_init_writes_passes(repository: pytest.Pytester) -> None:
    run(repository).assert_outcomes(passed=1)


def test_a_model_that_parts_the_paths_fails_with_the_report(repository: pytest.Pytester) -> None:
    model = repository.path / "plugged" / "model.py"
    model.write_text(
        model.read_text().replace('frame["distance"] *', '(frame["distance"] - frame["distance"].mean()) *')
    )
    result = run(repository)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*FAIL  plugged@*", "*the output of a row depends on*"])


def test_outside_a_model_repository_the_reason_is_said(
    repository: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository.path / "plugged" / "model.py").unlink()
    result = run(repository)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*there is no model.py in *"])
