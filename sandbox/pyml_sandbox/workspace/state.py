"""The state that a sandbox records between commands: driver, ports, and the versions that wrote its data."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pyml.command_line import quoted_word
from pyml.error_code import ErrorCode
from pyml.errors import SandboxError
from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.kept_file import KeptFile
from pyml_sandbox.workspace.ports import UNKNOWN_PORTS, Ports

DRIVERS = ("process", "container")
DATA_VERSION = 1
"""Increased when pyml can no longer use data that an older version wrote."""


@dataclass(frozen=True)
class DataStamp:
    """The versions that wrote the data. Versions with equal stamps can use each other's data.

    Attributes:
        data_version: of the layout of pyml's own folders.
        hive: version of the metastore's jars.
        derby: version of the metastore's database.
    """

    data_version: int
    hive: str
    derby: str

    def __str__(self) -> str:
        return f"data version {self.data_version}, Hive {self.hive}, Derby {self.derby}"


@dataclass(frozen=True)
class ContainerChoices:
    """Choices for the container driver; the process driver ignores them.

    Attributes:
        python_image: image with the Python that the base image is built on; None for the default.
        workers: number of Spark workers for each model version that runs offline jobs.
        idle_stop_s: seconds after which an idle model server, or the idle Spark of a version, is stopped; 0 for
            never.
        docker_socket: whether the gateway may start and stop containers of models; see docs/explanation/security.md.
    """

    python_image: str | None = None
    workers: int = 1
    idle_stop_s: int = 1800
    docker_socket: bool = True

    def with_options(self, options: ContainerOptions) -> ContainerChoices:
        """These choices, with those that the user made now in their place."""
        return replace(self, **{name: value for name, value in asdict(options).items() if value is not None})


@dataclass(frozen=True)
class ContainerOptions:
    """What the user asks of the container driver, as in `ContainerChoices`; None keeps what is recorded."""

    python_image: str | None = None
    workers: int | None = None
    idle_stop_s: int | None = None
    docker_socket: bool | None = None


@dataclass(frozen=True)
class SandboxState:
    """The state of one sandbox as `sandbox.json` holds it.

    Attributes:
        driver: "process" or "container", chosen at the first `up` and used by every later command.
        ports: of its services.
        stamp: the versions that wrote the data; None while there is no data.
        pyml_version, spark_version: the versions of the last `up`.
        container: choices for the container driver.
        access_log: whether the gateway logs a line for each request, and not only for those that failed.
    """

    driver: str
    ports: Ports
    stamp: DataStamp | None
    pyml_version: str
    spark_version: str
    container: ContainerChoices = field(default_factory=ContainerChoices)
    access_log: bool = False


def load_state(home: SandboxHome) -> SandboxState | None:
    """The recorded state, or None before the first `up`.

    Where the record and its copy are damaged, a state is made up from what the driver left: `down` still ends what
    runs, and the next `up` records a state again.
    """
    try:
        return _kept(home).read(_parsed)
    except ValueError:
        return _state_by_traces(home)


def _kept(home: SandboxHome) -> KeptFile:
    return KeptFile(home.state_file, home.conf / "sandbox.json")


def _parsed(text: str) -> SandboxState:
    facts = json.loads(text)
    stamp, driver, ports = facts["stamp"], facts["driver"], Ports(**facts["ports"])
    if driver not in DRIVERS:
        raise ValueError(f"there is no driver {driver!r}")
    if not all(isinstance(port, int) for port in ports.by_service.values()):
        raise ValueError(f"{ports} are not ports")
    return SandboxState(
        driver=driver,
        ports=ports,
        stamp=None if stamp is None else DataStamp(**stamp),
        pyml_version=facts["pyml_version"],
        spark_version=facts["spark_version"],
        container=ContainerChoices(**facts.get("container", {})),
        access_log=bool(facts.get("access_log", False)),
    )


def _state_by_traces(home: SandboxHome) -> SandboxState | None:
    traces = {
        "process": (home.conf / "services", home.data / "metastore"),
        "container": (home.conf / "compose.yaml",),
    }
    found = [driver for driver, paths in traces.items() if any(path.exists() for path in paths)]
    return SandboxState(found[0], UNKNOWN_PORTS, None, "", "") if found else None


def save_state(home: SandboxHome, state: SandboxState) -> None:
    """Record the state. A reader sees the old state or the new."""
    _kept(home).write(json.dumps(asdict(state), indent=2) + "\n")


def require_state(home: SandboxHome) -> SandboxState:
    """The recorded state of a sandbox that has been up at least once.

    Raises:
        SandboxError: the sandbox has never been up.
    """
    state = load_state(home)
    if state is None:
        raise SandboxError(
            f"There is no sandbox {home.name!r} yet.", f"pyml dev up{name_option(home)}", ErrorCode.NO_SANDBOX
        )
    return state


def name_option(home: SandboxHome) -> str:
    """The option ` --sandbox NAME` for hints; empty for the default sandbox."""
    return "" if home.name == "default" else f" --sandbox {quoted_word(home.name)}"


def ports_of_others(home: SandboxHome) -> set[int]:
    """The ports that all other sandboxes of the same root have recorded."""
    folders = [file.parent for file in (home.root / "sandboxes").glob("*/sandbox.json")]
    states = [load_state(SandboxHome(home.root, folder.name)) for folder in folders if folder != home.folder]
    return {port for state in states if state is not None for port in state.ports.by_service.values()}


@contextlib.contextmanager
def locked(home: SandboxHome, command: str, timeout_s: float = 120, poll_s: float = 0.1) -> Iterator[None]:
    """Hold the sandbox while a command changes it. A second command waits.

    Args:
        home: the sandbox.
        command: the command that holds it, for messages of other commands.
        timeout_s: seconds to wait for another command.
        poll_s: seconds between two attempts.

    Raises:
        SandboxError: another command still holds the sandbox after `timeout_s`; names that command and its process.
    """
    import filelock

    home.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    holder = home.lock_file.with_suffix(".holder")
    try:
        with filelock.FileLock(home.lock_file).acquire(timeout=timeout_s, poll_interval=poll_s):
            with contextlib.suppress(OSError):  # a note for other commands, no reason to fail: the disk may be full
                write_atomically(holder, f"`{command}`, pid {os.getpid()}, since {time.strftime('%H:%M:%S')}")
            yield
            with contextlib.suppress(OSError):
                holder.unlink(missing_ok=True)
    except filelock.Timeout as error:
        raise SandboxError(
            f"Another command holds this sandbox: {_holder(holder)}.",
            "wait for it to finish, or stop it with Ctrl-C",
            ErrorCode.SANDBOX_BUSY,
        ) from error


@contextlib.contextmanager
def locked_if_writable(home: SandboxHome, command: str) -> Iterator[None]:
    """As `locked`; without a lock where none can be made, on a read-only disk: no other command can change anything."""
    try:
        stack = contextlib.ExitStack()
        stack.enter_context(locked(home, command))
    except OSError:
        stack = contextlib.ExitStack()
    with stack:
        yield


def holder_of(home: SandboxHome) -> str | None:
    """The command that holds the sandbox now, with its process; None if no command does, or none can."""
    import filelock

    if not home.lock_file.exists():
        return None
    try:
        with filelock.FileLock(home.lock_file).acquire(timeout=0):
            return None
    except filelock.Timeout:
        return _holder(home.lock_file.with_suffix(".holder"))
    except OSError:
        return None  # it cannot be locked: the disk is read-only


def _holder(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return "an unknown process"
