"""A client of supervisord: XML-RPC over its Unix socket, with a timeout, and with our errors.

supervisor's own transport has no timeout, hence the few lines here. Methods and fault numbers:
http://supervisord.org/api.html
"""

from __future__ import annotations

import http.client
import socket
import xmlrpc.client
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from pyml.errors import SandboxError

JOURNAL = "supervisord.log"
"""Name of supervisord's log, which tells how services ended."""

BAD_NAME = 10
SPAWN_ERROR = 50
ALREADY_STARTED = 60
NOT_RUNNING = 70
ALREADY_ADDED = 90


class RefusedError(SandboxError):
    """supervisord understood the request and refused it.

    Attributes:
        method: the method that was called.
        fault: the number of the fault.
        reason: supervisord's message.
    """

    def __init__(self, method: str, fault: int, reason: str) -> None:
        self.method = method
        self.fault = fault
        self.reason = reason
        super().__init__(f"supervisord refused {method}: {reason}")

    def __reduce__(self) -> tuple[type[RefusedError], tuple[str, int, str]]:
        return type(self), (self.method, self.fault, self.reason)


class Supervisor:
    """One supervisord, reached through its socket. Every method raises SandboxError if it does not answer in time."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s

    def is_up(self) -> bool:
        """Whether it listens. A socket file that nobody listens on counts as down."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(self._timeout_s)
            try:
                probe.connect(str(self._path))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            except OSError as error:
                raise SandboxError(f"supervisord does not answer on {self._path}: {error}") from error
        return True

    def pid(self) -> int:
        """Its process id."""
        return int(str(self._call("getPID")))

    def services(self) -> Sequence[Mapping[str, object]]:
        """What it knows about each service."""
        return cast("Sequence[Mapping[str, object]]", self._call("getAllProcessInfo"))

    def replace(self, name: str) -> None:
        """Read the configuration again and take this service from it; the service must not run."""
        self._call("reloadConfig")
        if self._try("removeProcessGroup", (name,), BAD_NAME):
            self._call("reloadConfig")
        self._try("addProcessGroup", (name,), ALREADY_ADDED)

    def start(self, name: str) -> None:
        """Start a service and return at once; how it failed to, if it did, is in `services`."""
        self._try("startProcess", (name, False), ALREADY_STARTED, SPAWN_ERROR)

    def stop(self, name: str) -> bool:
        """Ask a service to stop and return at once; False when there was nothing to stop."""
        return self._try("stopProcess", (name, False), BAD_NAME, NOT_RUNNING)

    def stop_all(self) -> None:
        """Ask all services to stop, side by side, and return at once."""
        self._call("stopAllProcesses", False)

    def shut_down(self) -> None:
        """End supervisord itself, soon after this returns."""
        self._call("shutdown")

    def _try(self, method: str, arguments: tuple[object, ...], *expected: int) -> bool:
        try:
            self._call(method, *arguments)
        except RefusedError as error:
            if error.fault not in expected:
                raise
            return False
        return True

    def _call(self, method: str, *arguments: object) -> object:
        transport = _Transport(self._path, self._timeout_s)
        try:
            with xmlrpc.client.ServerProxy("http://supervisor/RPC2", transport=transport) as proxy:
                return cast("object", getattr(proxy.supervisor, method)(*arguments))
        except xmlrpc.client.Fault as error:
            raise RefusedError(method, error.faultCode, error.faultString) from error
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
            raise SandboxError(f"supervisord does not answer on {self._path}: {error}", "pyml dev down") from error


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("supervisor", timeout=timeout_s)
        self._path = path
        self._timeout_s = timeout_s

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._timeout_s)
        self.sock.connect(str(self._path))


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__()
        self._path = path
        self._timeout_s = timeout_s

    def make_connection(self, host: object) -> http.client.HTTPConnection:
        connection = _Connection(self._path, self._timeout_s)
        self._connection = (str(host), connection)  # where the base class looks for what to close
        return connection
