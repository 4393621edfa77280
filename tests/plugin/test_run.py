"""What the processes of one run share: who starts a sandbox, who joins it, who stops it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pyml.errors import SetupError
from pyml_fixtures.sandbox_run import Run
from pyml_sandbox.lifecycle import up_and_down
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import Ports
from pyml_sandbox.workspace.state import SandboxState, save_state


@dataclass
class Calls:
    """What was asked of a sandbox that is down, in place of doing it."""

    seen: list[str] = field(default_factory=list)

    def up(self, home: SandboxHome, options: up_and_down.Options) -> None:
        self.seen.append(f"up {options.driver}")
        home.create()
        save_state(home, SandboxState("process", Ports(), None, "", ""))

    def down(self, home: SandboxHome) -> None:
        self.seen.append(f"down {home.name}")


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Calls:
    monkeypatch.setenv("PYML_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PYML_SANDBOX", raising=False)
    calls = Calls()
    monkeypatch.setattr(up_and_down, "up", calls.up)
    monkeypatch.setattr(up_and_down, "down", calls.down)
    return calls


def test_what_was_started_is_stopped(calls: Calls) -> None:
    run = Run(driver="process")
    assert run.client().state.driver == "process"
    run.end(keep=False)
    assert calls.seen == ["up process", "down default"]
    assert not run.shared.exists()


def test_what_was_started_stays_where_it_is_to_be_kept(calls: Calls) -> None:
    run = Run()
    run.client()
    run.end(keep=True)
    assert calls.seen == ["up None"]


def test_processes_of_one_run_start_it_once_and_the_last_stops_it(calls: Calls) -> None:
    first = Run()
    workers = [Run(first.shared) for _ in range(3)]
    homes = {worker.client().home for worker in workers}
    first.end(keep=False)
    assert len(homes) == 1
    assert calls.seen == ["up None", "down default"]


def test_a_run_that_needed_no_sandbox_leaves_nothing(calls: Calls) -> None:
    run = Run()
    run.end(keep=False)
    assert calls.seen == []
    assert "shared" not in vars(run)


def test_what_comes_up_in_part_is_stopped(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(home: SandboxHome, options: up_and_down.Options) -> None:
        raise SetupError("no Java")

    monkeypatch.setattr(up_and_down, "up", fail)
    run = Run()
    with pytest.raises(SetupError, match="no Java"):
        run.client()
    run.end(keep=False)
    assert calls.seen == ["down default"]


def test_another_driver_than_asked_for_is_refused_and_nothing_started(calls: Calls) -> None:
    home = SandboxHome.find()
    calls.up(home, up_and_down.Options())
    run = Run(driver="container")
    with pytest.raises(SetupError, match=r"'default' has the process driver, but --pyml-driver is container"):
        run.client()
    run.end(keep=False)
    assert calls.seen == ["up None"]
