"""Model versions in a real sandbox: uploaded once, served, replaced without a gap, and back when killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyml.errors import PackageError, SandboxError, ServiceFailedError, SetupError, UsageError
from pyml.package.model_package import ModelPackage
from pyml.probes import NotReadyError
from pyml.probes.gateway_probe import ModelProbe
from pyml_sandbox.drivers.choice import builder_for, driver_for
from pyml_sandbox.lifecycle.deployment import deploy, undeploy
from pyml_sandbox.models import registry
from pyml_sandbox.models.registry import find_version, upload
from pyml_sandbox.models.routes import load_routes
from pyml_sandbox.services.model_server import service_name
from pyml_sandbox.services.runner_contract import ServiceRunner, ServiceState
from pyml_sandbox.workspace.events import Event
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import HOST
from pyml_sandbox.workspace.state import require_state
from support.packages import ECHO, write_package
from support.waiting import wait_for

pytestmark = [pytest.mark.sandbox, pytest.mark.each_driver]


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """uv may open no connection, and finds nothing in its own cache."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_CACHE", "1")


@pytest.fixture
def runner(sandbox: SandboxHome) -> ServiceRunner:
    return driver_for(sandbox, require_state(sandbox)).runner


@pytest.fixture
def served(sandbox: SandboxHome, echo: str) -> Iterator[str]:
    deploy(sandbox, echo)
    yield echo
    undeploy(sandbox, "echo")


@pytest.fixture(scope="module")
def echo(sandbox: SandboxHome, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of an uploaded model."""
    return upload(sandbox, package(tmp_path_factory.mktemp("models"), ECHO), builder_for(sandbox)).model_id


def package(folder: Path, code: str, requirements: str = "") -> ModelPackage:
    return ModelPackage(write_package(folder / "echo", code, requirements))


def is_answering(home: SandboxHome, model_id: str) -> bool:
    name, _, version = model_id.partition("@")
    try:
        ModelProbe(name, version, HOST, require_state(home).ports.gateway)(2)
    except NotReadyError:
        return False
    return True


def server_of(runner: ServiceRunner, model_id: str) -> tuple[ServiceState, int | None]:
    name, _, version = model_id.partition("@")
    found = [service for service in runner.live() if service.name == service_name(name, version)]
    return (found[0].state, found[0].pid) if found else (ServiceState.STOPPED, None)


class TestUpload:
    def test_the_same_content_is_the_same_version_and_needs_no_network(
        self, sandbox: SandboxHome, echo: str, tmp_path: Path, offline: None
    ) -> None:
        assert upload(sandbox, package(tmp_path, ECHO), builder_for(sandbox)).model_id == echo

    def test_other_code_with_equal_requirements_needs_no_network_and_has_the_same_installed(
        self, sandbox: SandboxHome, echo: str, tmp_path: Path, offline: None
    ) -> None:
        other = upload(sandbox, package(tmp_path, ECHO + "\n# other\n"), builder_for(sandbox))
        assert other.model_id != echo
        assert other.lock == find_version(sandbox, echo).lock

    def test_what_was_uploaded_is_not_what_is_edited(self, sandbox: SandboxHome, tmp_path: Path) -> None:
        written = package(tmp_path, ECHO + "\n# before\n")
        version = upload(sandbox, written, builder_for(sandbox))
        (written.folder / "model.py").write_text("changed")
        assert (version.package / "model.py").read_text() == ECHO + "\n# before\n"

    def test_its_declared_inputs_and_outputs_are_kept(self, sandbox: SandboxHome, echo: str) -> None:
        signature = find_version(sandbox, echo).signature
        assert (signature.kind, signature.inputs.names, signature.outputs.names) == ("frame", ("a",), ("a",))

    @pytest.mark.parametrize(
        ("code", "requirements", "words"),
        [
            (ECHO, "pandas<1\n", "pandas<1"),
            (ECHO, "no-such-package-anywhere-zzz==9\n", "no-such-package-anywhere-zzz"),
            ("import lightgbm\n" + ECHO, "", "lightgbm"),
            (ECHO.replace("parameters): pass", "parameters): 1 / 0"), "", "division by zero"),
            (ECHO.replace("parameters): pass", "parameters): raise SystemExit(3)"), "", "exit"),
        ],
        ids=["cannot be met", "does not exist", "not required", "raises", "exits"],
    )
    def test_a_package_that_is_not_right_is_refused_in_its_own_words_and_not_kept(
        self, sandbox: SandboxHome, tmp_path: Path, code: str, requirements: str, words: str
    ) -> None:
        before = [version.model_id for version in registry.versions(sandbox)]
        with pytest.raises((PackageError, SetupError)) as caught:
            upload(sandbox, package(tmp_path, code, requirements), builder_for(sandbox))
        assert words in str(caught.value)
        assert [version.model_id for version in registry.versions(sandbox)] == before
        assert not list(sandbox.models.glob("echo/.*"))

    def test_debian_packages_that_are_missing_here_are_a_warning(
        self, process_sandbox: SandboxHome, tmp_path: Path
    ) -> None:
        written = package(tmp_path, ECHO)
        (written.folder / "packages.txt").write_text("no-such-debian-package\n")
        events: list[Event] = []
        upload(process_sandbox, written, builder_for(process_sandbox), events.append)
        (warning,) = (event.detail for event in events if event.subject == "packages.txt")
        assert "no-such-debian-package" in warning

    def test_names_find_versions(self, sandbox: SandboxHome, echo: str, served: str) -> None:
        assert find_version(sandbox, "echo").model_id == served
        assert find_version(sandbox, echo[: len("echo@") + 6]).model_id == echo
        with pytest.raises(UsageError, match="uploaded: echo@"):
            find_version(sandbox, "echo@nope")
        with pytest.raises(UsageError, match="no version of it"):
            find_version(sandbox, "nobody")


class TestDeploy:
    def test_a_deployed_version_answers_through_the_gateway(self, sandbox: SandboxHome, served: str) -> None:
        assert is_answering(sandbox, served)

    def test_deploying_it_again_leaves_its_server_alone(
        self, sandbox: SandboxHome, served: str, runner: ServiceRunner
    ) -> None:
        before = server_of(runner, served)
        deploy(sandbox, served)
        assert server_of(runner, served) == before

    def test_a_new_version_takes_over_and_the_one_before_is_stopped(
        self, sandbox: SandboxHome, served: str, runner: ServiceRunner, tmp_path: Path
    ) -> None:
        new = upload(sandbox, package(tmp_path, ECHO + "\n# new\n"), builder_for(sandbox))
        deploy(sandbox, new.model_id)
        assert load_routes(sandbox).models["echo"].default == new.version
        assert is_answering(sandbox, new.model_id)
        assert server_of(runner, served)[0] is ServiceState.STOPPED

    def test_a_version_that_does_not_start_leaves_the_one_before_in_place(
        self, sandbox: SandboxHome, served: str, runner: ServiceRunner, tmp_path: Path
    ) -> None:
        broken = ECHO.replace(
            "parameters): pass", "parameters): assert 'pyml.server' not in __import__('sys').orig_argv"
        )
        version = upload(sandbox, package(tmp_path, broken), builder_for(sandbox))
        with pytest.raises(ServiceFailedError, match="did not start: exit code") as caught:
            deploy(sandbox, version.model_id)
        assert f"pyml dev logs {service_name('echo', version.version)}" in caught.value.hint
        assert load_routes(sandbox).models["echo"].versions == (served.partition("@")[2],)
        assert is_answering(sandbox, served)
        assert server_of(runner, version.model_id)[0] is ServiceState.STOPPED

    def test_a_killed_server_comes_back(self, sandbox: SandboxHome, served: str, runner: ServiceRunner) -> None:
        _, pid = server_of(runner, served)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: server_of(runner, served)[1] not in (None, pid), "it was started again")
        wait_for(lambda: is_answering(sandbox, served), "it answers again")

    def test_undeploying_stops_the_server_and_twice_is_fine(
        self, sandbox: SandboxHome, served: str, runner: ServiceRunner
    ) -> None:
        undeploy(sandbox, "echo")
        undeploy(sandbox, "echo")
        assert server_of(runner, served)[0] is ServiceState.STOPPED
        assert not is_answering(sandbox, served)
        assert "echo" not in load_routes(sandbox).models


def test_nothing_is_deployed_before_the_sandbox_was_up(tmp_path: Path) -> None:
    with pytest.raises(SandboxError) as caught:
        deploy(SandboxHome(tmp_path), "echo")
    assert caught.value.hint == "pyml dev up"
