"""A fresh socket for every start, and one link that clients dial."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyml.errors import SetupError
from pyml.server.sockets import MAX_PATH_BYTES, ServiceSocket


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pyml-") as path:  # pytest's own folders are too deep for a socket
        yield Path(path) / "sockets"


def test_the_link_points_at_the_latest_start(folder: Path) -> None:
    first, second = (ServiceSocket.claim(folder, "model-a", pid) for pid in (1, 2))
    first.publish()
    second.publish()
    assert os.readlink(folder / "model-a") == "model-a.2.sock"
    first.withdraw()  # the older one stops later
    assert os.readlink(folder / "model-a") == "model-a.2.sock"
    second.withdraw()
    assert not (folder / "model-a").is_symlink()


def test_the_folder_is_the_users_alone(folder: Path) -> None:
    ServiceSocket.claim(folder, "model-a", 1)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_sockets_of_dead_starts_are_removed_and_living_ones_kept(folder: Path) -> None:
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / "model-a.1.sock"))
    with socket.socket(socket.AF_UNIX) as living, socket.socket(socket.AF_UNIX) as other:
        living.bind(str(folder / "model-a.2.sock"))
        living.listen()
        other.bind(str(folder / "model-ab.3.sock"))
        ServiceSocket.claim(folder, "model-a", 4)
        assert sorted(path.name for path in folder.iterdir()) == ["model-a.2.sock", "model-ab.3.sock"]


def test_a_path_that_is_too_long_is_refused_with_its_length(folder: Path) -> None:
    deep = folder / ("x" * MAX_PATH_BYTES)
    with pytest.raises(SetupError) as caught:
        ServiceSocket.claim(deep, "model-a", 1)
    path = deep / "model-a.1.sock"
    assert f"{path} has {len(str(path))} bytes, but at most 100" in caught.value.message
    assert "XDG_RUNTIME_DIR" in caught.value.hint
