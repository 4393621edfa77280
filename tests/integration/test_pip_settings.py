"""pip's settings hold where uv makes an environment, and the passwords in them stay where they are."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from containers.tiny_wheels import write_wheel
from pyml.errors import PymlError
from pyml.package.model_package import ModelPackage
from pyml_sandbox.drivers.process import virtualenvs
from pyml_sandbox.drivers.process.virtualenvs import ensure, resolve
from pyml_sandbox.workspace.events import Event
from pyml_sandbox.workspace.home import SandboxHome
from support.packages import write_package

PASSWORD = "s3cret-of-the-index"
LOGIN = f"Basic {base64.b64encode(f'me:{PASSWORD}'.encode()).decode()}"


class Index(SimpleHTTPRequestHandler):
    """A package index that asks for a password."""

    def do_GET(self) -> None:
        if self.headers.get("Authorization") == LOGIN:
            super().do_GET()
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the requests are no output of a test."""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """The address of an index that has tinyone 1.0, with user and password in it."""
    write_wheel(tmp_path / "srv" / "simple" / "tinyone", "tinyone", "1.0")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Index, directory=str(tmp_path / "srv"))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://me:{PASSWORD}@127.0.0.1:{server.server_port}/simple"
        server.shutdown()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SandboxHome:
    """Environments that hold nothing but what a test asks for, on a machine without settings of pip."""
    monkeypatch.setattr(virtualenvs, "runtime_requirements", list)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    for name in ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT"):
        monkeypatch.delenv(name, raising=False)
    return SandboxHome(tmp_path / "home")


@pytest.fixture
def package(tmp_path: Path) -> ModelPackage:
    folder = write_package(tmp_path / "fare")
    (folder / "requirements.txt").write_text("tinyone\n")
    return ModelPackage(folder)


def stored(home: SandboxHome) -> Iterator[Path]:
    return (path for path in home.root.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes())


@pytest.mark.parametrize("name", ["PIP_NO_INDEX", "UV_NO_INDEX"])
def test_without_an_index_nothing_is_fetched_from_one(
    home: SandboxHome, package: ModelPackage, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    (package.folder / "requirements.txt").write_text("six\n")
    with pytest.raises(PymlError, match="six"):
        resolve(home, package)


@pytest.mark.parametrize("with_option", [False, True])
def test_an_index_of_pip_is_asked_and_its_password_is_stored_nowhere(
    home: SandboxHome, package: ModelPackage, index: str, monkeypatch: pytest.MonkeyPatch, with_option: bool
) -> None:
    if with_option:  # a lock then has the lines about indexes
        write_wheel(package.folder / "wheels", "tinytwo", "1.0")
        (package.folder / "requirements.txt").write_text("--find-links wheels\ntinyone\n")
    monkeypatch.setenv("PIP_INDEX_URL", index)
    events: list[Event] = []
    lock = resolve(home, package, events.append)
    made = ensure(home, lock, package, events.append)
    assert (made.folder / "requirements.lock").read_text() == lock
    assert "tinyone==1.0" in lock
    assert list(stored(home)) == []
    assert PASSWORD not in str(events)


def test_an_index_in_requirements_may_take_its_password_from_a_variable(
    home: SandboxHome, package: ModelPackage, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = index.replace(PASSWORD, "${INDEX_PASSWORD}")
    (package.folder / "requirements.txt").write_text(f"--index-url {written}\ntinyone\n")
    monkeypatch.setenv("INDEX_PASSWORD", PASSWORD)
    lock = resolve(home, package)
    ensure(home, lock, package)
    assert f"--index-url {written}" in lock
    assert list(stored(home)) == []


def test_what_is_said_when_an_index_cannot_be_asked_holds_no_password(
    home: SandboxHome, package: ModelPackage, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", index)
    (package.folder / "requirements.txt").write_text(f"tinytwo @ {index}/tinytwo-1.0-py3-none-any.whl\n")
    with pytest.raises(PymlError) as caught:
        resolve(home, package)
    assert "127.0.0.1" in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_wheels_and_constraints_that_pip_is_given_are_taken(
    home: SandboxHome, package: ModelPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("1.0", "2.0"):
        write_wheel(tmp_path / "wheels", "tinyone", version)
    (tmp_path / "constraints.txt").write_text("tinyone<2\n")
    settings = f"[global]\nno-index = 1\nfind-links = {tmp_path / 'wheels'}\n[install]\nconstraint = constraints.txt\n"
    (tmp_path / "pip.conf").write_text(settings)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.chdir(tmp_path)
    assert "tinyone==1.0" in resolve(home, package)


def test_packages_for_cuda_are_warned_of_before_anything_is_fetched_and_the_size_is_told(
    home: SandboxHome, package: ModelPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wheel(tmp_path / "wheels", "xgboost", "3.2.0", ["nvidia-nccl-cu12"])
    write_wheel(tmp_path / "wheels", "nvidia_nccl_cu12", "2.32.3")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (package.folder / "requirements.txt").write_text("xgboost\n")
    events: list[Event] = []
    lock = resolve(home, package)
    made = ensure(home, lock, package, events.append)
    warning, *others = events
    assert "packages for CUDA are among the requirements: nvidia-nccl-cu12" in warning.detail
    assert warning.lines == ("   xgboost-cpu==3.2.0",)
    assert made.size is not None
    assert (made.size.packages, made.size.size_bytes > 10_000) == (2, True)
    assert others[-1].detail == made.size.text
    assert ensure(home, lock, package).size == made.size


def test_a_setting_that_uv_lacks_is_said(
    home: SandboxHome, package: ModelPackage, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", index)
    monkeypatch.setenv("PIP_PREFER_BINARY", "1")
    events: list[Event] = []
    resolve(home, package, events.append)
    assert ["prefer-binary 1" in event.detail for event in events if event.progress == "note"] == [True]
