"""Unix sockets of model servers.

Every start binds its own name, `<service>.<pid>.sock`, and then points the link `<service>` to it: a second server on
the same path would bind without error and take the traffic, and the first would delete the second's file when it stops.
Clients always connect to the link. The socket of the hop is `<service>.<pid>.hop` in the same way, its link
`<service>.hop`.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from pyml.errors import SetupError
from pyml.hop import hop_link

# Linux allows 107 bytes, other systems 103; the rest is reserved for longer names in the same folder.
MAX_PATH_BYTES = 100


@dataclass(frozen=True)
class ServiceSocket:
    """The socket of one start of a service, and the link to which its clients connect."""

    path: Path
    link: Path

    @classmethod
    def claim(cls, folder: Path, service: str, pid: int, *, is_hop: bool = False) -> ServiceSocket:
        """Prepare the folder for one start of a service, and remove sockets of dead processes.

        Args:
            folder: folder of the sockets; created if it does not exist.
            service: name of the service, and of the link.
            pid: id of the process that will listen.
            is_hop: whether it is for the hop, and not for gRPC.

        Raises:
            SetupError: the path is too long for a Unix socket.
        """
        kind, link = ("hop", hop_link(folder / service)) if is_hop else ("sock", folder / service)
        found = cls(folder / f"{service}.{pid}.{kind}", Path(link))
        size = len(os.fsencode(found.path))
        if size > MAX_PATH_BYTES:
            raise SetupError(
                f"the socket path {found.path} has {size} bytes, but at most {MAX_PATH_BYTES} are allowed",
                "set XDG_RUNTIME_DIR or TMPDIR to a shorter folder",
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in folder.glob(f"{service}.*.{kind}"):
            if not is_listened_to(old):
                old.unlink(missing_ok=True)
        return found

    @property
    def address(self) -> str:
        """The address that a gRPC server binds."""
        return f"unix:{self.path}"

    def publish(self) -> None:
        """Point the link to this socket, atomically."""
        staged = self.path.with_suffix(".link")
        staged.unlink(missing_ok=True)
        staged.symlink_to(self.path.name)
        staged.replace(self.link)

    def withdraw(self) -> None:
        """Remove the link if it still points to this socket."""
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
