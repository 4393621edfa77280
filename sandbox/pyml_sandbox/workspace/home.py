"""The folders and files of one sandbox."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pyml.errors import SetupError, UsageError

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
SOCKET_PATH_MAX = 100  # the kernel takes 107 bytes on Linux and 103 on macOS
LONGEST_SOCKET_NAME = len(f"m-{'n' * 40}-{'v' * 12}.{4_194_304}.sock")  # of a model server: name, version, process


@dataclass(frozen=True)
class SandboxHome:
    """The folders of one sandbox. `create` makes them; a `SandboxHome` alone touches no file.

    Attributes:
        root: the folder of all sandboxes of this user, `$PYML_HOME` or `~/.pyml`.
        name: of the sandbox; "default" unless `$PYML_SANDBOX` or `--sandbox` names a different one.
    """

    root: Path
    name: str = "default"

    @classmethod
    def find(cls, name: str | None = None, environ: Mapping[str, str] | None = None) -> SandboxHome:
        """The home of a named sandbox; without a name, of `$PYML_SANDBOX`, else of "default".

        Raises:
            UsageError: the name cannot be the name of a folder.
            SetupError: this user has no home folder, and PYML_HOME is not set.
        """
        environ = os.environ if environ is None else environ
        name = name or environ.get("PYML_SANDBOX") or "default"
        if NAME.fullmatch(name) is None:
            raise UsageError(
                f"expected the name of a sandbox, up to 40 characters of a-z, 0-9, - and _; found {name!r}",
                "choose a different name with --sandbox or PYML_SANDBOX",
            )
        try:
            return cls(Path(environ.get("PYML_HOME") or "~/.pyml").expanduser().absolute(), name)
        except RuntimeError as error:
            raise SetupError("This user has no home folder.", "set PYML_HOME to a folder of yours") from error

    @property
    def folder(self) -> Path:
        """The folder of everything that belongs to this sandbox alone."""
        return self.root / "sandboxes" / self.name

    @property
    def project(self) -> str:
        """The name of this sandbox in a Docker engine, unique among the sandboxes of all users and homes."""
        return f"pyml-{self.name}-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:6]}"

    @property
    def conf(self) -> Path:
        """Configuration files, rewritten by every `up`."""
        return self.folder / "conf"

    @property
    def logs(self) -> Path:
        """Log files, one for each service."""
        return self.folder / "logs"

    @property
    def data(self) -> Path:
        """The metastore's database and the warehouse; `down` keeps them, `reset` deletes them."""
        return self.folder / "data"

    @property
    def scratch(self) -> Path:
        """Files that services need only while they run: shuffle files, temporary files."""
        return self.folder / "scratch"

    @property
    def models(self) -> Path:
        """Uploaded model versions; `down` keeps them, `reset` deletes them."""
        return self.folder / "models"

    @property
    def parity(self) -> Path:
        """Rows, predictions and report of the latest parity check of each model, and the history of reports."""
        return self.folder / "parity"

    @property
    def proofs(self) -> Path:
        """Proofs of images, each beside its report; see `proof_store.py`."""
        return self.folder / "proofs"

    @property
    def promotions(self) -> Path:
        """Records of promotions; see `promotion/history.py`."""
        return self.folder / "promotions"

    @property
    def jobs(self) -> Path:
        """Records of offline jobs, one for each job; see `job_history.py`."""
        return self.folder / "jobs"

    @property
    def writing(self) -> Path:
        """Marks of the tables that a process writes; see `table_writes.py`."""
        return self.folder / "writing"

    @property
    def serving(self) -> Path:
        """Marks of versions that are served only while a process needs them; see `temporary_serving.py`."""
        return self.folder / "serving"

    @property
    def routes_file(self) -> Path:
        """The routes that the gateway follows; see `routes.py`."""
        return self.folder / "routes.json"

    @property
    def state_file(self) -> Path:
        """The recorded driver, ports and data stamp; see `state.py`."""
        return self.folder / "sandbox.json"

    @property
    def lock_file(self) -> Path:
        """The lock that a command holds while it changes the sandbox."""
        return self.folder / "sandbox.lock"

    @property
    def environments(self) -> Path:
        """Model environments, shared by all sandboxes of this user."""
        return self.root / "envs"

    @property
    def cache(self) -> Path:
        """Files that can be made again, such as resolved requirements; shared by all sandboxes of this user."""
        return self.root / "cache"

    @property
    def runtime_dir(self) -> Path:
        """The folder for sockets, with a short path: the one that `create` chose, else the one that it would choose."""
        link = self.folder / "run"
        return Path(os.readlink(link)) if link.is_symlink() else self._choose_runtime_dir()

    @property
    def sockets(self) -> Path:
        """The folder of the model servers' sockets."""
        return self.runtime_dir

    def create(self) -> None:
        """Make the missing folders, accessible to this user alone.

        Raises:
            SetupError: the folder for sockets belongs to a different user, or its path is too long for a socket.
        """
        for folder in (self.folder, self.conf, self.logs, self.data, self.scratch, self.models):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._create_runtime_dir()

    def _choose_runtime_dir(self) -> Path:
        digest = hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]
        candidates = [base / digest for base in _runtime_bases(os.environ)]
        return next((folder for folder in candidates if _fits(folder)), candidates[-1])

    def _create_runtime_dir(self) -> None:
        """Record the choice as a link: a shell with a different TMPDIR must find the same sockets."""
        link = self.folder / "run"
        if link.is_symlink() and not _can_be_made(Path(os.readlink(link))):
            link.unlink()
        folder = self.runtime_dir
        check_socket_path(folder)
        for path in (folder.parent, folder):
            path.mkdir(mode=0o700, exist_ok=True)
            _check_private(path)
        if not link.is_symlink():
            link.symlink_to(folder)


def check_socket_path(folder: Path) -> None:
    """Refuse a folder in which the path of a socket would be longer than the kernel allows.

    Raises:
        SetupError: naming the path and its length.
    """
    if not _fits(folder):
        raise SetupError(
            f"The path of the folder for sockets is too long: sockets in {folder} have paths of up to "
            f"{_longest_path(folder)} bytes; the limit is {SOCKET_PATH_MAX}.",
            "set XDG_RUNTIME_DIR to a folder of yours with a short path",
        )


def _runtime_bases(environ: Mapping[str, str]) -> list[Path]:
    """Folders for sockets, best first. The last one is for systems with a long TMPDIR, such as macOS."""
    own = f"pyml-{os.getuid()}"
    session = environ.get("XDG_RUNTIME_DIR")
    bases = [Path(session) / "pyml"] if session else []
    bases += [Path(tempfile.gettempdir()) / own, Path("/tmp") / own]  # noqa: S108 - made 0700, and refused if not ours
    return [base for base in bases if os.access(base.parent, os.W_OK)] or bases


def _longest_path(folder: Path) -> int:
    return len(os.fsencode(folder)) + 1 + LONGEST_SOCKET_NAME


def _fits(folder: Path) -> bool:
    return _longest_path(folder) <= SOCKET_PATH_MAX


def _can_be_made(folder: Path) -> bool:
    return folder.is_dir() or folder.parent.parent.is_dir()


def _check_private(folder: Path) -> None:
    status = folder.lstat()
    if status.st_uid != os.getuid() or folder.is_symlink():
        raise SetupError(
            f"{folder} belongs to a different user, who could reach the sockets in it.",
            "set XDG_RUNTIME_DIR (or TMPDIR) to a folder of yours",
        )
    folder.chmod(0o700)
