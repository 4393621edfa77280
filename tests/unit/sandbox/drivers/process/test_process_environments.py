"""The process driver's environment builder: what it makes of a package, in which order, and what it refuses."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from pyml.errors import PackageError, UsageError
from pyml.package.model_package import ModelPackage
from pyml_sandbox.drivers.process import environments
from pyml_sandbox.drivers.process.environments import VirtualenvBuilder
from pyml_sandbox.drivers.process.model_load import load_on_trial
from pyml_sandbox.drivers.process.virtualenvs import VirtualEnvironment
from pyml_sandbox.models.environment import Environment
from pyml_sandbox.workspace.events import Event, OnEvent, ignore
from pyml_sandbox.workspace.home import SandboxHome
from support.packages import write_package
from support.waiting import wait_for

DECLARED = {"kind": "frame", "inputs": "a DOUBLE", "outputs": "a DOUBLE"}
LOCK = "numpy==2.0\n"


@dataclass
class Scene:
    """An environment builder that makes no environments, and records its calls."""

    home: SandboxHome
    package: ModelPackage
    asked: list[str] = field(default_factory=list)
    warning: str | None = None

    @property
    def folder(self) -> Path:
        """Where the version will lie."""
        return self.home.models / "echo" / "1"

    @property
    def launcher(self) -> Path:
        return self.folder / "python"


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene(SandboxHome(tmp_path), ModelPackage(write_package(tmp_path / "beside" / "package")))
    made.folder.mkdir(parents=True)
    environment = VirtualEnvironment(tmp_path / "env", "7c1e2b99", reused=True)

    def resolve(home: SandboxHome, package: ModelPackage, on_event: OnEvent) -> str:
        made.asked.append("resolve")
        return LOCK

    def ensure(home: SandboxHome, lock: str, package: ModelPackage, on_event: OnEvent) -> VirtualEnvironment:
        made.asked.append(f"ensure {lock.strip()}")
        return environment

    def load_on_trial(launcher: Path, package: Path) -> Mapping[str, object]:
        made.asked.append("try")
        assert str(package) in launcher.read_text()  # loaded where it lies now
        return DECLARED

    for name, function in (("resolve", resolve), ("ensure", ensure), ("load_on_trial", load_on_trial)):
        monkeypatch.setattr(environments, name, function)
    monkeypatch.setattr(environments, "debian_warning", lambda names: made.warning)
    return made


def test_a_package_is_resolved_installed_and_loaded_once(scene: Scene) -> None:
    made = VirtualenvBuilder(scene.home).make(scene.package, scene.folder, ignore)
    assert scene.asked == ["resolve", "ensure numpy==2.0", "try"]
    assert (made.lock, made.declared) == (LOCK, DECLARED)
    assert made.environment == Environment(
        "7c1e2b99", str(scene.launcher), str(scene.folder / "package"), "env 7c1e2b (reused)"
    )


def test_what_starts_a_versions_python_names_where_it_will_lie_and_not_where_it_was_tried(
    scene: Scene,
) -> None:
    VirtualenvBuilder(scene.home).make(scene.package, scene.folder, ignore)
    script = scene.package.folder.parent / "python"
    assert str(scene.folder / "package") in script.read_text()
    assert str(scene.package.folder) not in script.read_text()
    assert stat.S_IMODE(script.stat().st_mode) == 0o755


def test_packages_of_debian_that_are_missing_are_a_note_and_no_error(scene: Scene) -> None:
    scene.warning = "libgomp1 is not installed here"
    events: list[Event] = []
    VirtualenvBuilder(scene.home).make(scene.package, scene.folder, events.append)
    assert [event.detail for event in events if event.subject == "packages.txt"] == [scene.warning]


def test_a_version_that_was_made_before_is_not_loaded_again(scene: Scene) -> None:
    found = VirtualenvBuilder(scene.home).ensure(scene.package, scene.folder, LOCK, None, ignore)
    assert scene.asked == ["ensure numpy==2.0"]
    assert found.python == str(scene.launcher)
    assert scene.launcher.exists()


def test_what_starts_a_versions_python_is_written_again_only_where_it_differs(scene: Scene) -> None:
    builder = VirtualenvBuilder(scene.home)
    builder.ensure(scene.package, scene.folder, LOCK, None, ignore)
    first = scene.launcher.stat().st_ino
    builder.ensure(scene.package, scene.folder, LOCK, None, ignore)
    assert scene.launcher.stat().st_ino == first
    scene.launcher.write_text("old")
    builder.ensure(scene.package, scene.folder, LOCK, None, ignore)
    assert scene.launcher.read_text() != "old"


@pytest.mark.parametrize("inputs", [(Path("wheels"), None), (None, Path("ca.pem"))])
def test_what_only_images_take_is_refused_with_the_settings_that_hold_here(
    inputs: tuple[Path | None, Path | None], scene: Scene
) -> None:
    with pytest.raises(UsageError, match="are for images") as caught:
        VirtualenvBuilder(scene.home).with_inputs(*inputs)
    assert "PIP_FIND_LINKS" in caught.value.hint


def test_nothing_given_is_fine(scene: Scene) -> None:
    builder = VirtualenvBuilder(scene.home)
    assert builder.with_inputs(None, None) is builder


def test_an_image_cannot_be_taken_as_a_version(scene: Scene) -> None:
    with pytest.raises(UsageError, match="runs no images"):
        VirtualenvBuilder(scene.home).import_image("sha256:12", scene.folder, ignore)


def test_what_is_talked_to_gets_no_more_of_the_shell_than_a_server_does(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "x")
    environment = Environment("key", sys.executable, "package")
    program = "import os; print('\\x1e' + str(os.environ.get('SECRET')), 'PATH' in os.environ)"
    open_session = VirtualenvBuilder(scene.home).open_session(environment, ["-c", program])
    assert open_session.receive(60) == "None True\n"
    open_session.close()


# ---- the first time that a model is loaded


def launcher(folder: Path, script: str) -> Path:
    """What starts a model's Python: here a script of its own."""
    file = folder / "python"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


ANSWER = '\x1e{"kind": "frame", "inputs": "a DOUBLE", "outputs": "a DOUBLE"}\n\x1e{"refusal": ""}'


def test_what_a_model_declares_is_what_it_answers_however_it_ends(tmp_path: Path) -> None:
    for code in (0, 3):
        assert load_on_trial(launcher(tmp_path, f"echo '{ANSWER}'; exit {code}"), tmp_path) == DECLARED


def test_it_is_asked_about_its_package_with_nothing_of_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "x")
    seen = tmp_path / "seen"
    script = launcher(tmp_path, f"echo \"$*|$SECRET|$(cat)\" > '{seen}'; echo '{ANSWER}'")
    load_on_trial(script, tmp_path / "package")
    words, *rest = seen.read_text().strip().split("|")
    assert words.rpartition(" ")[0] == f"-m pyml.inference.describe {tmp_path / 'package'}"
    assert rest == ["", ""]


def test_one_that_says_nothing_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"(?s)exit code 3.*no such file"):
        load_on_trial(launcher(tmp_path, "echo no such file >&2; exit 3"), tmp_path)


def test_one_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = launcher(tmp_path, f"sleep 600 & echo $! > '{pids}'; echo $$ >> '{pids}'; sleep 600")
    with pytest.raises(PackageError, match="took longer than 1 s"):
        load_on_trial(script, tmp_path, timeout_s=1)
    wait_for(lambda: all(is_gone(int(pid)) for pid in pids.read_text().split()), "both processes are gone")


def test_what_a_model_leaves_behind_is_ended_and_does_not_hold_the_answer_up(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    script = launcher(tmp_path, f"sleep 600 & echo $! > '{pid}'; echo '{ANSWER}'")
    assert load_on_trial(script, tmp_path) == DECLARED
    wait_for(lambda: is_gone(int(pid.read_text())), "what it started is gone")


def test_what_loads_a_model_ends_with_the_command_that_was_killed(tmp_path: Path) -> None:
    package = write_package(
        tmp_path / "package",
        model="import os, time\nopen('pids', 'w').write(f'{os.getpid()} {os.fork() or time.sleep(600)}')\ntime.sleep(600)\n",
    )
    script = launcher(tmp_path, f"cd '{tmp_path}'; exec {sys.executable} \"$@\"")
    program = (
        "import sys; from pathlib import Path; from pyml_sandbox.drivers.process.model_load import load_on_trial;"
        "load_on_trial(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    pids = tmp_path / "pids"
    with subprocess.Popen([sys.executable, "-c", program, str(script), str(package)]) as command:
        wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 2, "the model loads", 60)
        command.kill()
    wait_for(lambda: all(is_gone(int(pid)) for pid in pids.read_text().split()), "the model is gone")


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
