"""Unix sockets of model servers.

Every start binds a name of its own, `<service>.<pid>.sock`, and then points the link `<service>` at it: a second server
on one live path would bind without error and take the traffic, and the first would delete the second's file when it
stops. Clients always dial the link.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from pyml.errors import SetupError

# Linux takes 107, other systems 103; the rest is kept for the names of others in the same folder.
MAX_PATH_BYTES = 100


@dataclass(frozen=True)
class ServiceSocket:
    """Where one start of a service listens, and where its clients find it."""

    path: Path
    link: Path

    @classmethod
    def claim(cls, folder: Path, service: str, pid: int) -> ServiceSocket:
        """Prepare the folder for one start of a service, and remove sockets that dead starts left behind.

        Raises:
            SetupError: the path would be longer than a Unix socket may be.
        """
        found = cls(folder / f"{service}.{pid}.sock", folder / service)
        size = len(os.fsencode(found.path))
        if size > MAX_PATH_BYTES:
            raise SetupError(
                f"the socket path {found.path} has {size} bytes, at most {MAX_PATH_BYTES} are allowed",
                "set XDG_RUNTIME_DIR or TMPDIR to a shorter folder",
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in folder.glob(f"{service}.*.sock"):
            if not is_listened_to(old):
                old.unlink(missing_ok=True)
        return found

    @property
    def address(self) -> str:
        """What a gRPC server binds."""
        return f"unix:{self.path}"

    def publish(self) -> None:
        """Point the link here, in one step."""
        staged = self.path.with_suffix(".link")
        staged.unlink(missing_ok=True)
        staged.symlink_to(self.path.name)
        staged.replace(self.link)

    def withdraw(self) -> None:
        """Remove the link if it still points here."""
        if self.link.is_symlink() and self.link.readlink() == Path(self.path.name):
            self.link.unlink(missing_ok=True)


def is_listened_to(path: Path) -> bool:
    """Whether a process accepts connections on a socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
    return True
