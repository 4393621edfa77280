"""Where a sandbox keeps its files, and that its sockets are its own."""

from __future__ import annotations

import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyml.errors import SetupError, UsageError
from pyml_sandbox.workspace.home import SandboxHome, check_socket_path


@pytest.mark.parametrize(
    ("name", "environ", "expected"),
    [
        (None, {}, "default"),
        (None, {"PYML_SANDBOX": "mine"}, "mine"),
        ("other", {"PYML_SANDBOX": "mine"}, "other"),
    ],
)
def test_the_name_comes_from_the_argument_else_the_environment(
    name: str | None, environ: dict[str, str], expected: str
) -> None:
    home = SandboxHome.find(name, {"PYML_HOME": "/somewhere", **environ})
    assert home.folder == Path("/somewhere/sandboxes") / expected


@pytest.mark.parametrize("name", ["../up", "Upper", "a/b", "", ".hidden", "x" * 41, "a b"])
def test_a_name_that_cannot_be_a_folder_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        SandboxHome.find(name or " ", {})


def test_two_sandboxes_share_nothing_but_environments_and_cache(tmp_path: Path) -> None:
    one, two = SandboxHome(tmp_path, "one"), SandboxHome(tmp_path, "two")
    for attribute in ("folder", "conf", "logs", "data", "models", "routes_file", "state_file", "runtime_dir"):
        assert getattr(one, attribute) != getattr(two, attribute)
    assert (one.environments, one.cache) == (two.environments, two.cache)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short folder, since pytest's own are too long for sockets."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="p") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


def test_a_user_without_a_home_folder_is_told_to_set_pyml_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", refuse)
    with pytest.raises(SetupError, match="no home folder") as caught:
        SandboxHome.find(environ={})
    assert "PYML_HOME" in caught.value.hint


def test_the_folder_of_sockets_is_for_this_user_alone(tmp_path: Path, short: Path) -> None:
    home = SandboxHome(tmp_path)
    home.create()
    assert stat.S_IMODE(home.runtime_dir.stat().st_mode) == 0o700
    assert home.runtime_dir.parent == short / "pyml"


def test_another_shell_with_another_runtime_folder_finds_the_same_sockets(
    tmp_path: Path, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = SandboxHome(tmp_path)
    home.create()
    before = home.runtime_dir
    (short / "o").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short / "o"))
    home.create()
    assert home.runtime_dir == before


def test_a_folder_of_sockets_that_is_gone_is_made_anew(
    tmp_path: Path, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = SandboxHome(tmp_path)
    (short / "o").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short / "o"))
    home.create()
    shutil.rmtree(short / "o")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    home.create()
    assert home.runtime_dir.is_dir()
    assert home.runtime_dir.parent == short / "pyml"


def test_a_runtime_folder_that_is_too_long_or_not_there_gives_way_to_a_shorter_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    for useless in (str(long), "/nowhere/at/all"):
        monkeypatch.setenv("XDG_RUNTIME_DIR", useless)
        check_socket_path(SandboxHome(tmp_path).runtime_dir)


@pytest.mark.parametrize(("length", "is_fine"), [(31, True), (32, False)])
def test_the_limit_counts_the_longest_socket(length: int, is_fine: bool) -> None:
    folder = Path("/" + "x" * (length - 1))
    if is_fine:
        check_socket_path(folder)
    else:
        with pytest.raises(SetupError, match="paths of up to 101 bytes") as caught:
            check_socket_path(folder)
        assert str(folder) in caught.value.message
        assert "XDG_RUNTIME_DIR" in caught.value.hint


def test_a_folder_of_sockets_that_is_a_link_is_refused(tmp_path: Path, short: Path) -> None:
    (short / "elsewhere").mkdir()
    (short / "pyml").symlink_to(short / "elsewhere")
    with pytest.raises(SetupError, match="belongs to a different user"):
        SandboxHome(tmp_path).create()
