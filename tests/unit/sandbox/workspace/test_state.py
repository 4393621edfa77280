"""What a sandbox remembers, and that one command at a time changes it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from pyml.errors import SandboxError, SetupError
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import Ports
from pyml_sandbox.workspace.state import (
    DataStamp,
    SandboxState,
    holder_of,
    load_state,
    locked,
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


@pytest.mark.parametrize("text", ["", "{", "[]", '{"driver": "process"}', '{"stamp": 1}'])
def test_a_file_that_is_no_state_is_refused_with_the_reset_command(home: SandboxHome, text: str) -> None:
    home.folder.mkdir(parents=True)
    home.state_file.write_text(text)
    with pytest.raises(SetupError) as caught:
        load_state(home)
    assert caught.value.hint == "pyml dev reset"


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
