"""What is true of the process driver alone."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from contract.benches import Kind, ProcessScene
from pyml.errors import SandboxError
from pyml_sandbox.drivers.process.service_runner import ProcessRunner
from support.waiting import wait_for


@pytest.fixture
def context(tmp_path: Path) -> Iterator[ProcessScene]:
    context = ProcessScene(tmp_path / "it's 100% odd; #1")
    yield context
    context.runner().shut_down()


def said(context: ProcessScene, name: str, line: str) -> None:
    wait_for(lambda: line in context.runner().logs(name, 50), f"{name} said {line}")


def test_a_watcher_that_hangs_is_ended_by_force(context: ProcessScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyml_sandbox.drivers.process.service_runner.RPC_TIMEOUT_S", 0.2)
    context.runner().start(context.spec(Kind("sleeper")))
    os.kill(int((context.home("one").logs / "supervisord.pid").read_text()), signal.SIGSTOP)
    with pytest.raises(SandboxError, match="does not answer"):
        context.runner().live(timeout_s=0.2)
    context.runner().shut_down()
    assert context.processes() == 0
    assert context.runner().live() == ()


def test_arguments_and_variables_arrive_as_they_are(context: ProcessScene) -> None:
    odd = ("a b", "it's", "$HOME", "100%", "x; y #z", '"', "\\n", "")
    show = "import os, sys, time; print(sys.argv[1:], os.environ['ODD'], flush=True); time.sleep(600)"
    spec = context.spec(Kind("odd"))
    spec = replace(spec, command=(*spec.command[:2], show, *odd), environment={"ODD": odd[4]})
    context.runner().start(spec)
    said(context, "odd", f"{list(odd)} {odd[4]}")


def test_services_inherit_no_more_than_they_need(context: ProcessScene) -> None:
    show = "import os, time; print(os.environ.get('SECRET'), os.environ['PATH'], flush=True); time.sleep(600)"
    spec = context.spec(Kind("plain"))
    runner = ProcessRunner(context.home("one"), {"SECRET": "x", "PATH": "/usr/bin:/bin", "HTTPS_PROXY": "p"})
    runner.start(replace(spec, command=(*spec.command[:2], show)))
    said(context, "plain", "None /usr/bin:/bin")


def test_a_program_that_is_not_there_is_an_exit_that_says_so(context: ProcessScene) -> None:
    context.runner().start(replace(context.spec(Kind("absent")), command=("/nowhere/program",)))
    wait_for(lambda: context.runner().live()[0].exits > 0, "its end is noticed")
    assert "/nowhere/program" in context.runner().logs("absent", 1)[0]


def test_the_script_of_a_service_can_be_run_by_hand(context: ProcessScene) -> None:
    context.runner().start(context.spec(Kind("broken", lines=("by hand",), exit_code=5)))
    script = context.home("one").conf / "services" / "broken.sh"
    done = subprocess.run(["/bin/sh", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (5, "by hand\n")


def test_nobody_else_can_reach_the_watcher(context: ProcessScene) -> None:
    context.runner().start(context.spec(Kind("sleeper")))
    home = context.home("one")
    assert (home.runtime_dir / "supervisor.sock").stat().st_mode & 0o077 == 0
    assert home.runtime_dir.stat().st_mode & 0o077 == 0
