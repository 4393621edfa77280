"""Model repositories for the tests of the plugin, on the sandbox that all tests share."""

from __future__ import annotations

import pytest

from plugin.projects import Project
from pyml_sandbox.workspace.home import SandboxHome


@pytest.fixture
def bare(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty repository, and no sandbox beside it."""
    folder = pytester.mkdir("plugged")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYML_HOME", str(pytester.path / "no-sandbox"))
    monkeypatch.delenv("PYML_SANDBOX", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return Project(pytester, folder)


@pytest.fixture
def project(bare: Project, process_sandbox: SandboxHome, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty repository, and a sandbox that is up."""
    monkeypatch.setenv("PYML_HOME", str(process_sandbox.root))
    monkeypatch.setenv("PYML_SANDBOX", process_sandbox.name)
    return bare
