"""The process driver's decisions: what supervisord is told, and what is made of what it and its journal say."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import psutil
import pytest

from pyml.errors import SandboxError
from pyml.probes import NotListeningError
from pyml_sandbox.drivers.process import service_runner as process
from pyml_sandbox.drivers.process.service_runner import (
    ProcessRunner,
    inherited,
    service_conf,
    service_script,
    supervisord_conf,
)
from pyml_sandbox.services.runner_contract import Exit, ServiceState
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.process_tags import FOLDER, SERVICE

RUNNING, STOPPED, BACKOFF, STARTING, STOPPING, EXITED, FATAL = 20, 0, 30, 10, 40, 100, 200


def not_asked(timeout_s: float) -> None:
    raise NotListeningError("nowhere")


def spec(name: str = "fare", *command: str) -> ServiceSpec:
    return ServiceSpec(Endpoint(name, "nowhere", not_asked), command or ("run",), Path("/tmp"))


@dataclass
class FakeSupervisor:
    """A supervisord that knows some services, and takes down what it is told."""

    known: dict[str, dict[str, object]] = field(default_factory=dict)
    told: list[tuple[str, ...]] = field(default_factory=list)
    is_listening: bool = True

    def is_up(self) -> bool:
        return self.is_listening

    def services(self) -> Sequence[Mapping[str, object]]:
        return [{"name": name, **facts} for name, facts in self.known.items()]

    def replace(self, name: str) -> None:
        self.told.append(("replace", name))

    def start(self, name: str) -> None:
        self.told.append(("start", name))

    def stop(self, name: str) -> bool:
        self.told.append(("stop", name))
        found = self.known.get(name)
        if found is None or not found["pid"]:
            return False
        found.update(state=STOPPED, pid=0)
        return True


def info(state: int, pid: int = 0, started: float = 100, now: float = 160, error: str = "") -> dict[str, object]:
    return {"state": state, "pid": pid, "start": started, "now": now, "spawnerr": error}


@dataclass
class Scene:
    """A sandbox, its supervisord and its journal."""

    home: SandboxHome
    supervisor: FakeSupervisor = field(default_factory=FakeSupervisor)

    @property
    def runner(self) -> ProcessRunner:
        return ProcessRunner(self.home, {})

    def journal(self, text: str) -> None:
        self.home.logs.mkdir(parents=True, exist_ok=True)
        (self.home.logs / "supervisord.log").write_text(text)

    def record(self, name: str, digest: str, journal_from: int = 0) -> None:
        folder = self.home.conf / "services"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps({"digest": digest, "journal_from": journal_from}))

    def record_of(self, name: str) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.home.conf / "services" / f"{name}.json").read_text())
        return found


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    made = Scene(SandboxHome(tmp_path))
    made.journal("")
    monkeypatch.setattr(process, "Supervisor", lambda path, timeout_s: made.supervisor)
    monkeypatch.setattr(psutil, "process_iter", lambda: iter(()))
    return made


# ---- what is there


@pytest.mark.parametrize(
    ("state", "pid", "expected"),
    [
        (STOPPED, 0, ServiceState.STOPPED),
        (STARTING, 7, ServiceState.RUNNING),
        (RUNNING, 7, ServiceState.RUNNING),
        (BACKOFF, 0, ServiceState.FAILED),
        (STOPPING, 7, ServiceState.STOPPING),
        (EXITED, 0, ServiceState.FAILED),
        (FATAL, 0, ServiceState.FAILED),
    ],
)
def test_the_state_of_a_service_follows_from_supervisords(
    state: int, pid: int, expected: ServiceState, context: Scene
) -> None:
    context.supervisor.known["fare"] = info(state, pid)
    context.record("fare", "d1")
    (found,) = context.runner.live()
    assert (found.state, found.pid, found.digest) == (expected, pid or None, "d1")
    assert found.uptime_s == (60 if pid else 0)


def test_a_clock_that_was_set_back_gives_no_negative_time(context: Scene) -> None:
    context.supervisor.known["fare"] = info(RUNNING, 7, started=200, now=100)
    assert context.runner.live()[0].uptime_s == 0


def test_where_nobody_watches_nothing_is_known(context: Scene) -> None:
    context.supervisor.known["fare"] = info(RUNNING, 7)
    context.supervisor.is_listening = False
    assert context.runner.live() == ()


JOURNAL = """\
2026-11-25 10:00:00,000 INFO spawned: 'fare' with pid 11
2026-11-25 10:00:01,000 WARN exited: fare (exit status 1; not expected)
2026-11-25 10:00:02,000 WARN exited: fare-2 (exit status 9; not expected)
2026-11-25 10:00:03,000 WARN exited: fare (terminated by SIGKILL (core dumped); not expected)
2026-11-25 10:00:04,000 INFO success: fare entered RUNNING state
"""


@pytest.mark.parametrize(
    ("name", "after", "exits", "last"),
    [
        ("fare", "", 2, Exit(None, "terminated by SIGKILL")),
        ("fare-2", "", 1, Exit(9, "exit code 9")),
        ("other", "", 0, None),
        ("fare", "not expected)\n", 1, Exit(None, "terminated by SIGKILL")),
        ("fare", "RUNNING state\n", 0, None),
    ],
)
def test_how_often_and_how_a_service_ended_is_in_the_journal_since_it_was_started(
    name: str, after: str, exits: int, last: Exit | None, context: Scene
) -> None:
    context.journal(JOURNAL)
    context.supervisor.known[name] = info(RUNNING, 7)
    context.record(name, "d1", journal_from=JOURNAL.index(after) + len(after))
    (found,) = context.runner.live()
    assert (found.exits, found.last_exit) == (exits, last)


def test_a_program_that_could_not_be_started_is_an_end_in_supervisords_words(context: Scene) -> None:
    context.supervisor.known["fare"] = info(FATAL, error="can't find command 'x'")
    assert context.runner.live()[0].last_exit == Exit(None, "can't find command 'x'")


# ---- what changes


def test_a_service_is_written_down_before_supervisord_is_told_to_start_it(context: Scene) -> None:
    context.journal(JOURNAL)
    wanted = spec("fare", "serve", "--name", "it's")
    context.runner.start(wanted)
    assert context.supervisor.told == [("stop", "fare"), ("replace", "fare"), ("start", "fare")]
    assert context.record_of("fare") == {"digest": wanted.digest, "journal_from": len(JOURNAL)}
    assert (context.home.conf / "services" / "fare.conf").read_text() == service_conf(wanted)


def test_what_runs_from_the_same_spec_is_left_alone(context: Scene) -> None:
    context.supervisor.known["fare"] = info(RUNNING, 7)
    context.record("fare", spec().digest)
    context.runner.start(spec())
    assert not context.supervisor.told


def test_what_runs_from_another_spec_is_refused(context: Scene) -> None:
    context.supervisor.known["fare"] = info(RUNNING, 7)
    context.record("fare", "another")
    with pytest.raises(SandboxError, match="runs from a different specification"):
        context.runner.start(spec())


def test_the_log_of_the_run_before_is_kept_beside_the_new_one(context: Scene) -> None:
    (context.home.logs / "fare.log").write_text("last words\n")
    context.runner.start(spec())
    assert (context.home.logs / "fare.log.1").read_text() == "last words\n"
    assert list(context.runner.logs("fare", 5)) == []


def test_what_waits_for_its_next_try_is_told_to_stop_before_it_is_started_anew(context: Scene) -> None:
    context.supervisor.known["fare"] = info(BACKOFF)
    context.runner.start(spec())
    assert context.supervisor.told[0] == ("stop", "fare")


def test_stopping_where_nobody_watches_is_fine(context: Scene) -> None:
    context.supervisor.is_listening = False
    context.runner.stop("fare")
    assert not context.supervisor.told


def test_what_does_not_stop_in_time_is_an_error_that_names_it(context: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    context.supervisor.known["fare"] = info(STOPPING, 7)
    monkeypatch.setattr(FakeSupervisor, "stop", lambda self, name: True)
    with pytest.raises(SandboxError, match="fare did not stop within 0 s"):
        context.runner.stop("fare", timeout_s=0)


@pytest.mark.parametrize(("is_watched", "ended"), [(True, 0), (False, 2)])
def test_only_what_nobody_watches_was_left_behind(
    is_watched: bool, ended: int, context: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    context.supervisor.is_listening = is_watched
    processes = [
        Left(context.home, "fare"),
        Left(context.home, "gateway"),
        Left(SandboxHome(context.home.root, "other"), "fare"),
    ]
    monkeypatch.setattr(psutil, "process_iter", lambda: iter(processes))
    monkeypatch.setattr(psutil.Process, "terminate", Left.end)
    assert context.runner.remove_orphans() == ended
    assert [each.is_ended for each in processes] == [ended > 0, ended > 0, False]


def test_what_makes_archives_is_killed_before_all_else_is_asked_to_end(
    context: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Java writes its archive when it is asked to end, which takes longer than `down` may."""
    context.supervisor.is_listening = False
    service, maker = Left(context.home, "fare"), Left(context.home, process.ARCHIVE_MAKER)
    ended: list[tuple[str, str]] = []

    def end(self: Left, how: str) -> None:
        self.end()
        ended.append((self.tags[SERVICE], how))

    monkeypatch.setattr(psutil, "process_iter", lambda: iter([service, maker]))
    monkeypatch.setattr(psutil.Process, "terminate", lambda self: end(self, "terminated"))
    monkeypatch.setattr(psutil.Process, "kill", lambda self: end(self, "killed"))
    context.runner.shut_down()
    assert ended == [(process.ARCHIVE_MAKER, "killed"), ("fare", "terminated")]


class Left(psutil.Process):
    """A process that carries a sandbox's marks."""

    def __init__(self, home: SandboxHome, service: str) -> None:
        self.tags = {FOLDER: str(home.folder), SERVICE: service}
        self.is_ended = False

    pid = 2**22 + 1  # above every process of this machine

    def environ(self) -> dict[str, str]:
        return self.tags

    def status(self) -> Literal["running"]:
        return "running"

    def is_running(self) -> bool:
        return not self.is_ended

    def end(self) -> None:
        self.is_ended = True


# ---- what is written


def test_every_service_is_watched_by_group_and_given_its_own_time_to_stop() -> None:
    written = service_conf(replace(spec(), stop_timeout_s=0.2))
    assert "[program:fare]\ncommand=/bin/sh conf/services/fare.sh\n" in written
    assert "stopwaitsecs=1\n" in written
    assert {"autorestart=true", "stopasgroup=true", "killasgroup=true", "autostart=false"} <= set(written.splitlines())
    assert "stopwaitsecs=15\n" in service_conf(replace(spec(), stop_timeout_s=15))


def test_a_percent_sign_in_the_path_of_a_socket_is_no_variable_of_supervisord() -> None:
    assert "file=/run/100%%/supervisor.sock\n" in supervisord_conf(Path("/run/100%"))


ODD = ["a b", "it's", "$HOME", "`x`", "$(x)", "100%", "x; y #z", '"', "\\n", "", "a\nb", "ü"]


@pytest.mark.parametrize("odd", ODD)
def test_a_script_hands_on_arguments_variables_and_folder_as_they_are(odd: str, tmp_path: Path) -> None:
    folder = tmp_path / (odd.replace("/", "") or "plain")
    folder.mkdir(exist_ok=True)
    shown = replace(spec("fare", "sh", "-c", 'printf "%s|%s|%s" "$0" "$ODD" "$PWD"', odd), working_directory=folder)
    script = service_script(replace(shown, environment={"ODD": odd}), {})
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == f"{odd}|{odd}|{folder}"


def test_the_marks_of_a_service_are_among_its_variables_and_win() -> None:
    script = service_script(replace(spec(), environment={"A": "1", SERVICE: "forged"}), {SERVICE: "fare"})
    assert f"export {SERVICE}=fare" in script.splitlines()
    assert "forged" not in script
    assert script.splitlines()[-1] == f"exec {shlex.join(spec().command)}"


@pytest.mark.parametrize(
    ("name", "is_inherited"),
    [
        ("PATH", True), ("HOME", True), ("LC_ALL", True), ("XDG_RUNTIME_DIR", True), ("https_proxy", True),
        ("NO_PROXY", True), ("SSL_CERT_FILE", True), ("SECRET", False), ("PYTHONPATH", False), ("MY_PATH", False),
        ("SPARK_HOME", False), ("LANGUAGE", False),
    ],
)  # fmt: skip
def test_services_inherit_where_things_are_and_nothing_that_changes_what_they_do(name: str, is_inherited: bool) -> None:
    assert (name in inherited({name: "x"})) is is_inherited
