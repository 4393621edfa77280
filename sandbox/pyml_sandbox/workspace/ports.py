"""The TCP ports of a sandbox, and the owner of a port that is taken. All listeners bind 127.0.0.1."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from urllib.parse import urlsplit

from pyml.error_code import ErrorCode
from pyml.errors import SetupError
from pyml_sandbox.workspace import process_tags

HOST = "127.0.0.1"
LOOPBACK = (HOST, "localhost", "::1")
BLOCK = 10
HIGHEST = 65_535


@dataclass(frozen=True)
class Ports:
    """The ports of one sandbox, recorded at its first `up`."""

    gateway: int = 8470
    rest: int = 8471
    metastore: int = 9083
    spark: int = 15002

    @property
    def by_service(self) -> dict[str, int]:
        """Port by name: gateway, rest, metastore, spark."""
        return asdict(self)

    def moved(self, blocks: int) -> Ports:
        """The same ports, moved up by a number of blocks of ten."""
        return Ports(**{name: port + BLOCK * blocks for name, port in self.by_service.items()})

    def with_choices(self, choices: PortChoices) -> Ports:
        """These ports, with the user's choices in place of the defaults."""
        return replace(self, **{name: port for name, port in asdict(choices).items() if port is not None})


UNKNOWN_PORTS = Ports(0, 0, 0, 0)
"""Those of a sandbox whose record is damaged: nothing answers there, and the next `up` chooses anew."""


@dataclass(frozen=True)
class PortChoices:
    """The ports that the user chose; None leaves the choice to `choose_ports`."""

    gateway: int | None = None
    rest: int | None = None
    metastore: int | None = None
    spark: int | None = None


@dataclass(frozen=True)
class Owner:
    """The process or container that listens on a port."""

    pid: int | None
    command: str
    container: str = ""

    def __str__(self) -> str:
        if self.container:
            return f"the container {self.container}"
        return f"pid {self.pid}: {self.command}" if self.pid is not None else "a process of a different user"


@dataclass(frozen=True)
class TakenPort:
    """A port that a service needs and somebody else has.

    Attributes:
        service: gateway, rest, metastore or spark.
        port: number of the port.
        owner: the process or container that listens on it.
    """

    service: str
    port: int
    owner: Owner

    def __str__(self) -> str:
        return f"Port {self.port}, which the sandbox needs for {self.service}, is taken by {self.owner}."


class PortTakenError(SetupError):
    """Ports that services need are taken by processes of somebody else's.

    Attributes:
        taken: all of these ports, at least one.
        option: " --sandbox NAME" for the hint.
    """

    general_code = ErrorCode.PORT_TAKEN

    def __init__(self, taken: Sequence[TakenPort], option: str = "") -> None:
        self.taken = tuple(taken)
        self.option = option
        choices = " ".join(f"--{each.service}-port {suggest(each.port)}" for each in self.taken)
        stop = "stop that process" if len(self.taken) == 1 else "stop those processes"
        super().__init__(
            "\n".join(map(str, self.taken)),
            f"pyml dev up{option} {choices}        (recorded for later), or {stop}",
        )

    def __reduce__(self) -> tuple[type[PortTakenError], tuple[tuple[TakenPort, ...], str]]:
        return type(self), (self.taken, self.option)


def choose_ports(recorded: Ports | None, choices: PortChoices, elsewhere: Collection[int]) -> Ports:
    """The ports of this sandbox: the recorded ones, else the first block that no other sandbox uses. Pure.

    Args:
        recorded: the ports that the sandbox has; None for a new one.
        choices: ports that the user chose; they win, even if another sandbox uses them (`check_free` says so).
        elsewhere: ports that other sandboxes of this user have recorded or listen on.

    Raises:
        SetupError: no block of ports is left.
    """
    if recorded is not None:
        return recorded.with_choices(choices)
    blocks, open_to_choice = 0, [name for name, port in asdict(choices).items() if port is None]
    while {Ports().moved(blocks).by_service[name] for name in open_to_choice} & set(elsewhere):
        blocks += 1
        if Ports().moved(blocks).spark > HIGHEST:
            raise SetupError("No block of ports is left for a new sandbox.", "pyml dev reset --sandbox NAME")
    return Ports().moved(blocks).with_choices(choices)


def check_distinct(ports: Ports) -> None:
    """Refuse ports of which two services share one.

    Raises:
        SetupError: two services share a port; names the port and both services.
    """
    seen: dict[int, str] = {}
    for service, port in ports.by_service.items():
        if port in seen:
            raise SetupError(
                f"Port {port} is chosen for two services: {seen[port]} and {service}.",
                f"pyml dev up --{service}-port {suggest(port)}",
            )
        seen[port] = service


def check_free(ports: Ports, ours: Collection[str], is_free: Callable[[int], bool], option: str = "") -> None:
    """Refuse ports that somebody else listens on.

    Args:
        ports: the ports of the sandbox.
        ours: names of the sandbox's own services that already listen on their port.
        is_free: whether this process could listen on a port.
        option: " --sandbox NAME" for hints.

    Raises:
        PortTakenError: ports are taken; names them all.
    """
    needed = {service: port for service, port in ports.by_service.items() if service not in ours}
    taken = [TakenPort(service, port, owner_of(port)) for service, port in needed.items() if not is_free(port)]
    if taken:
        raise PortTakenError(taken, option)


def is_here(address: str) -> bool:
    """Whether an address, host:port and what may follow, is one of this machine alone."""
    return urlsplit(f"//{address}").hostname in LOOPBACK


def is_free(port: int) -> bool:
    """Whether this process could listen on a port of 127.0.0.1 now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a closed connection in TIME_WAIT is not an owner
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens now; the next process may take it."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


def becomes_free(port: int, patience_s: float = 3.0) -> bool:
    """Whether a port is free, or becomes free soon: a port without an owner belongs to a process that is ending."""
    deadline = time.monotonic() + patience_s
    while not is_free(port):
        if time.monotonic() > deadline or owner_of(port).pid is not None:
            return False
        time.sleep(0.05)
    return True


def owner_of(port: int) -> Owner:
    """The process that listens on a port. Its name is unknown if it belongs to a different user."""
    pid = listeners().get(port)
    return Owner(None, "") if pid is None else Owner(pid, _command_of(pid))


def listeners() -> Mapping[int, int]:
    """The pids of this user's processes that listen on a TCP port, by port."""
    import psutil

    found: dict[int, int] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            for connection in process.net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr:
                    _, port, *_ = connection.laddr
                    found[port] = process.pid
    return found


def ports_of_running_sandboxes() -> set[int]:
    """The ports that services of any sandbox of this user listen on, whatever its PYML_HOME."""
    import psutil

    held: set[int] = set()
    for port, pid in listeners().items():
        with contextlib.suppress(psutil.Error):
            if process_tags.FOLDER in psutil.Process(pid).environ():
                held.add(port)
    return held


def suggest(port: int) -> int:
    """A free port near `port`, for a hint."""
    candidates = range(port + BLOCK, min(port + 100 * BLOCK, HIGHEST), BLOCK)
    return next((candidate for candidate in candidates if is_free(candidate)), 0)


def _command_of(pid: int) -> str:
    import psutil

    try:
        command = " ".join(" ".join(psutil.Process(pid).cmdline()).split())  # a program of `python -c` has lines
    except psutil.Error:
        return "(its command line cannot be read)"
    return command if len(command) <= 160 else command[:157] + "..."
