"""What a sandbox remembers, and that one command at a time changes it."""

from __future__ import annotations

import errno
import json
import threading
from dataclasses import asdict
from pathlib import Path

import pytest

from pyml.errors import SandboxError
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import UNKNOWN_PORTS, Ports
from pyml_sandbox.workspace.state import (
    DataStamp,
    SandboxState,
    holder_of,
    load_state,
    locked,
    locked_if_writable,
    ports_of_others,
    require_state,
    save_state,
)


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    return SandboxHome(tmp_path)


STATE = SandboxState("process", Ports(), DataStamp(1, "2.3.10", "10.16.1.1"), "0.1.0", "4.3.0")


def test_a_state_is_read_as_it_was_written(home: SandboxHome) -> None:
    save_state(home, STATE)
    assert load_state(home) == STATE


def test_before_the_first_up_there_is_no_state(home: SandboxHome) -> None:
    assert load_state(home) is None
    with pytest.raises(SandboxError, match="no sandbox 'default' yet") as caught:
        require_state(home)
    assert caught.value.hint == "pyml dev up"


DAMAGED = [
    b"",
    b"{",
    b"{}",
    b"[]",
    b"null",
    b"\x00\xff\xfe binary",
    b"[" * 100_000,
    b'{"driver": "process"}',
    b'{"stamp": 1}',
    json.dumps({**asdict(STATE), "driver": "podman"}).encode(),
    json.dumps({**asdict(STATE), "ports": {"gateway": "8470"}}).encode(),
    json.dumps({**asdict(STATE), "ports": {"gateway": 1, "rest": 2, "metastore": 3, "spark": 4, "more": 5}}).encode(),
    json.dumps(asdict(STATE)).encode()[:100],
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_state_is_read_from_its_copy(home: SandboxHome, content: bytes) -> None:
    save_state(home, STATE)
    home.state_file.write_bytes(content)
    assert load_state(home) == STATE


@pytest.mark.parametrize("content", DAMAGED)
@pytest.mark.parametrize(
    ("trace", "driver"),
    [("conf/services", "process"), ("data/metastore", "process"), ("conf/compose.yaml", "container"), ("logs", None)],
)
def test_without_a_copy_the_driver_is_known_by_what_it_left(
    home: SandboxHome, trace: str, driver: str | None, content: bytes
) -> None:
    (home.folder / trace).mkdir(parents=True)
    home.state_file.write_bytes(content)
    state = load_state(home)
    assert (state and state.driver) == driver
    assert state is None or state.ports == UNKNOWN_PORTS  # those of another sandbox may answer at any port


def test_a_state_that_is_gone_or_a_folder_is_read_from_its_copy(home: SandboxHome) -> None:
    save_state(home, STATE)
    home.state_file.unlink()
    assert load_state(home) == STATE
    home.state_file.mkdir()
    assert load_state(home) == STATE


def test_a_full_disk_does_not_keep_a_command_from_holding_the_sandbox(
    home: SandboxHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pyml_sandbox.workspace.state.write_atomically", refuse)
    with locked(home, "down"):
        pass


def test_on_a_read_only_disk_nobody_holds_the_sandbox_and_down_goes_on(
    home: SandboxHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    save_state(home, STATE)
    home.lock_file.touch()
    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    assert holder_of(home) is None
    with locked_if_writable(home, "down"):
        pass


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), SandboxError("it does not stop")])
def test_an_error_while_the_sandbox_is_held_is_raised(home: SandboxHome, error: Exception) -> None:
    with pytest.raises(type(error)), locked_if_writable(home, "down"):
        raise error


def test_ports_of_other_sandboxes_are_known_and_broken_files_do_not_hurt(home: SandboxHome) -> None:
    save_state(home, STATE)
    other, broken = SandboxHome(home.root, "other"), SandboxHome(home.root, "broken")
    save_state(other, SandboxState("process", Ports().moved(1), None, "0.1.0", "4.3.0"))
    broken.folder.mkdir(parents=True)
    broken.state_file.write_text("{")
    assert ports_of_others(home) == set(Ports().moved(1).by_service.values())


def test_a_second_command_waits_for_the_first(home: SandboxHome) -> None:
    entered, order = threading.Event(), list[str]()

    def second() -> None:
        entered.wait()
        with locked(home, "second"):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with locked(home, "first"):
        entered.set()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_command_that_waits_too_long_says_who_holds_the_sandbox(home: SandboxHome) -> None:
    down = locked(home, "pyml dev down", timeout_s=0)
    with locked(home, "pyml dev up"), pytest.raises(SandboxError, match="`pyml dev up`, pid ") as caught, down:
        raise AssertionError("both hold it")
    assert caught.value.exit_code == 3


def test_the_holder_is_known_while_there_is_one(home: SandboxHome) -> None:
    assert holder_of(home) is None
    with locked(home, "pyml dev up"):
        assert str(holder_of(home)).startswith("`pyml dev up`, pid ")
    assert holder_of(home) is None
