"""The process driver's service runner: services are plain processes, watched by supervisord.

Each sandbox has one supervisord, which is asked by XML-RPC over a Unix socket. Each service has a file
`conf/services/NAME.conf`, which runs the script `NAME.sh` beside it; the script can also be run by hand.

Every process has the sandbox's process tags (`process_tags.py`), by which it is found and ended even outside its group.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from pyml.errors import SandboxError
from pyml.gateway.ends.reasons import ends_in_journal
from pyml_sandbox.drivers.log_files import follow_files, tail
from pyml_sandbox.drivers.process.supervisor_rpc import JOURNAL, Supervisor
from pyml_sandbox.services.runner_contract import Exit, LiveService, Resources, ServiceState, not_running
from pyml_sandbox.services.spec import ServiceSpec
from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.process_tags import process_tags

POLL_S = 0.05
RETRIES = 20
RPC_TIMEOUT_S = 10.0
ARCHIVE_MAKER = "class-data"
"""The process tag of what makes archives of Java classes in the background."""

INHERITED = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|TMPDIR|XDG_\w+|LD_LIBRARY_PATH|DYLD_\w+"
    r"|\w+_(PROXY|proxy)|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
)
"""Variables that services inherit from the shell that ran `up`. Specs set all others: two shells give one sandbox."""


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of a shell's environment variables that the programs of a sandbox inherit."""
    return {name: value for name, value in environ.items() if INHERITED.fullmatch(name) or name.startswith("LC_")}


STATES = {
    0: ServiceState.STOPPED,
    10: ServiceState.RUNNING,  # supervisor's STARTING: the process runs, for less than a second
    20: ServiceState.RUNNING,
    30: ServiceState.FAILED,  # BACKOFF
    40: ServiceState.STOPPING,
    100: ServiceState.FAILED,  # EXITED, and about to be started again
    200: ServiceState.FAILED,  # FATAL
}


class ProcessRunner:
    """Runs the services of one sandbox as processes of this user. See `ServiceRunner`."""

    name = "process"

    def __init__(self, home: SandboxHome, environ: Mapping[str, str] | None = None) -> None:
        self._home = home
        self._environ = os.environ if environ is None else environ
        self._services = home.conf / "services"
        self._journal = home.logs / JOURNAL

    # ---- what is there

    def live(self, timeout_s: float = 10) -> Sequence[LiveService]:
        """See `ServiceRunner.live`."""
        supervisor = self._supervisor(timeout_s)
        if supervisor is None:
            return ()
        return tuple(self._live_service(info) for info in supervisor.services())

    def logs(self, name: str, lines: int) -> Sequence[str]:
        """See `ServiceRunner.logs`."""
        return tail(self._log_file(name), lines)

    def follow(self, names: Sequence[str], lines: int) -> Iterator[tuple[str, str]]:
        """See `ServiceRunner.follow`."""
        return follow_files({name: self._log_file(name) for name in names}, lines)

    def resources(self, name: str) -> Resources:
        """See `ServiceRunner.resources`."""
        found = [_resources(process) for process in self._processes(name)]
        return Resources(sum(each.memory_bytes for each in found), sum(each.threads for each in found))

    # ---- what changes

    def start(self, *specs: ServiceSpec, timeout_s: float = 30) -> None:
        """See `ServiceRunner.start`."""
        supervisor = self._supervisor(timeout_s) or self._start_supervisor(timeout_s)
        self._write_configuration()  # which somebody may have deleted, and supervisord reads again
        for spec in not_running(specs, self.live(timeout_s)):
            self.stop(spec.name, timeout_s)  # it may be waiting for its next restart
            self._write_service(spec)
            supervisor.replace(spec.name)
            supervisor.start(spec.name)

    def stop(self, name: str, timeout_s: float = 60) -> None:
        """See `ServiceRunner.stop`."""
        supervisor = self._supervisor(timeout_s)
        if supervisor is not None and supervisor.stop(name):
            self._wait_stopped({name}, timeout_s)
        _end(self._processes(name))

    def resume(self, name: str, timeout_s: float = 30) -> None:
        """See `ServiceRunner.resume`."""
        for process in self._processes(name):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def shut_down(self, timeout_s: float = 60) -> None:
        """See `ServiceRunner.shut_down`."""
        with contextlib.suppress(SandboxError):  # a supervisord that hangs is ended by force, with all it started
            supervisor = self._supervisor(min(timeout_s, RPC_TIMEOUT_S))
            if supervisor is not None:
                supervisor.stop_all()
                self._wait_stopped(None, timeout_s)
                _end_supervisor(supervisor, timeout_s)
        _kill(self._processes(ARCHIVE_MAKER))  # asked to end, Java would first write what it has
        _end(self._processes())
        left = ", ".join(str(process.pid) for process in self._processes())
        if left:
            raise SandboxError(f"These processes of the sandbox cannot be ended: {left}.", f"kill -9 {left}")

    def remove_orphans(self, timeout_s: float = 30) -> int:
        """See `ServiceRunner.remove_orphans`."""
        if self._supervisor(timeout_s) is not None:
            return 0
        orphans = self._processes()
        _end(orphans)
        return len(orphans)

    # ---- supervisord

    def _supervisor(self, timeout_s: float) -> Supervisor | None:
        supervisor = Supervisor(self._home.runtime_dir / "supervisor.sock", timeout_s)
        return supervisor if supervisor.is_up() else None

    def _start_supervisor(self, timeout_s: float) -> Supervisor:
        """Start supervisord, which makes itself a daemon once its socket accepts connections."""
        self._home.create()
        self._clear()
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._home.conf / "supervisord.conf")]
        try:
            subprocess.run(  # its own session: Ctrl-C in the terminal must not reach it
                command,
                cwd=self._home.folder,
                env={**inherited(self._environ), **process_tags(str(self._home.folder), "supervisord")},
                timeout=timeout_s,
                check=True,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, subprocess.SubprocessError) as error:
            stderr = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
            raise SandboxError(f"supervisord could not be started: {stderr or error}") from error
        return Supervisor(self._home.runtime_dir / "supervisor.sock", timeout_s)

    def _clear(self) -> None:
        self.remove_orphans()
        self._services.mkdir(parents=True, exist_ok=True)
        for file in self._services.iterdir():
            file.unlink()
        self._journal.unlink(missing_ok=True)
        self._write_configuration()

    def _write_configuration(self) -> None:
        write_atomically(self._home.conf / "supervisord.conf", supervisord_conf(self._home.runtime_dir))

    def _write_service(self, spec: ServiceSpec) -> None:
        log = self._log_file(spec.name)
        if log.exists():
            log.replace(log.with_name(f"{log.name}.1"))
        spec.working_directory.mkdir(parents=True, exist_ok=True)
        script = service_script(spec, process_tags(str(self._home.folder), spec.name))
        write_atomically(self._services / f"{spec.name}.sh", script)
        record = {"digest": spec.digest, "journal_from": self._journal_size()}
        write_atomically(self._services / f"{spec.name}.json", json.dumps(record))
        write_atomically(self._services / f"{spec.name}.conf", service_conf(spec))

    def _log_file(self, name: str) -> Path:
        return self._home.logs / f"{name}.log"

    def _journal_size(self) -> int:
        return self._journal.stat().st_size if self._journal.exists() else 0

    def _live_service(self, info: Mapping[str, object]) -> LiveService:
        name = str(info["name"])
        state = STATES[int(str(info["state"]))]
        if state is ServiceState.RUNNING and _is_paused(int(str(info["pid"]))):
            state = ServiceState.PAUSED
        record = self._record(name)
        running = state in (ServiceState.RUNNING, ServiceState.PAUSED, ServiceState.STOPPING)
        exits = self._exits(name, _whole(record.get("journal_from")), str(info["spawnerr"] or ""))
        return LiveService(
            name=name,
            state=state,
            digest=str(record.get("digest", "")),
            pid=int(str(info["pid"])) or None,
            uptime_s=max(0.0, float(str(info["now"])) - float(str(info["start"]))) if running else 0,
            exits=len(exits),
            last_exit=exits[-1] if exits else None,
        )

    def _record(self, name: str) -> dict[str, object]:
        try:
            record = json.loads((self._services / f"{name}.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):  # without a digest the service is started anew by the next `up`
            return {}
        return record if isinstance(record, dict) else {}

    def _exits(self, name: str, journal_from: int, spawn_error: str) -> list[Exit]:
        """Exits from supervisord's log: its XML-RPC forgets the exit code of a process that exited within a second."""
        try:
            with self._journal.open("rb") as file:
                file.seek(journal_from)
                text = file.read().decode(errors="replace")
        except FileNotFoundError:
            text = ""
        exits = [Exit(end.code, end.reason) for end in ends_in_journal(text, name)]
        return exits or ([Exit(None, spawn_error)] if spawn_error else [])

    def _wait_stopped(self, names: set[str] | None, timeout_s: float) -> None:
        """Wait until the named services (None: all) have no process; supervisord kills those that take too long."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if not any(s.pid for s in self.live(timeout_s) if names is None or s.name in names):
                return
            time.sleep(POLL_S)
        raise SandboxError(f"{', '.join(sorted(names or {'the sandbox'}))} did not stop within {timeout_s:.0f} s.")

    def _processes(self, service: str | None = None) -> list[psutil.Process]:
        """The processes with the tags of this sandbox (and service), without this process and its ancestors."""
        this = psutil.Process()
        spared = {this.pid, *(parent.pid for parent in this.parents())}
        wanted = process_tags(str(self._home.folder), service)
        return [process for process in psutil.process_iter() if process.pid not in spared and _carries(process, wanted)]


def supervisord_conf(runtime_dir: Path) -> str:
    """The configuration of supervisord; paths are relative to the sandbox's folder, in which it runs."""
    return f"""\
[unix_http_server]
file={_plain(str(runtime_dir / "supervisor.sock"))}
chmod=0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
logfile=logs/{JOURNAL}
logfile_maxbytes=0
pidfile=logs/supervisord.pid
childlogdir=logs

[include]
files=services/*.conf
"""


def service_conf(spec: ServiceSpec) -> str:
    """The configuration of one service in supervisord. Only the script needs quoting."""
    return f"""\
[program:{spec.name}]
command=/bin/sh conf/services/{spec.name}.sh
autostart=false
autorestart=true
startsecs=1
startretries={RETRIES}
stopsignal=TERM
stopwaitsecs={max(1, round(spec.stop_timeout_s))}
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile=logs/{spec.name}.log
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=2
"""


def service_script(spec: ServiceSpec, tags: Mapping[str, str]) -> str:
    """A shell script that becomes the service; it can also be run by hand."""
    variables = {**spec.environment, **tags}
    return "\n".join(
        [
            f"cd {shlex.quote(str(spec.working_directory))} || exit 1",
            *(f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())),
            f"exec {shlex.join(spec.command)}",
            "",
        ]
    )


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _plain(text: str) -> str:
    return text.replace("%", "%%")


def _is_paused(pid: int) -> bool:
    try:
        return str(psutil.Process(pid).status()) == psutil.STATUS_STOPPED
    except psutil.Error:
        return False


def _carries(process: psutil.Process, wanted: Mapping[str, str]) -> bool:
    try:
        environ = process.environ()
    except psutil.Error:
        return False
    return all(environ.get(name) == value for name, value in wanted.items()) and _is_alive(process)


def _end(processes: Sequence[psutil.Process], timeout_s: float = 3) -> None:
    """Terminate, wait, kill, wait. See `_is_alive`."""
    for send in (psutil.Process.terminate, psutil.Process.kill):
        processes = [process for process in processes if _is_alive(process)]
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                send(process)
        _wait_ended(processes, timeout_s)


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _wait_ended(processes: Sequence[psutil.Process], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while any(_is_alive(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(POLL_S / 5)


def _is_alive(process: psutil.Process) -> bool:
    """Whether it runs; a zombie does only if it has threads: a JVM's first may end before those that hold ports."""
    try:
        is_zombie = process.status() == psutil.STATUS_ZOMBIE
        return process.is_running() and not (is_zombie and process.num_threads() <= 1)
    except psutil.NoSuchProcess:
        return False


def _end_supervisor(supervisor: Supervisor, timeout_s: float) -> None:
    """Shut it down, and wait. It handles the request once a second, or when a client connects."""
    process = psutil.Process(supervisor.pid())
    supervisor.shut_down()
    deadline = time.monotonic() + timeout_s
    while _is_alive(process):
        if time.monotonic() > deadline:
            raise SandboxError(f"supervisord (pid {process.pid}) did not stop within {timeout_s:.0f} s.")
        supervisor.is_up()
        time.sleep(POLL_S)


def _resources(process: psutil.Process) -> Resources:
    try:
        return Resources(int(process.memory_info().rss), int(process.num_threads()))
    except psutil.Error:
        return Resources()
