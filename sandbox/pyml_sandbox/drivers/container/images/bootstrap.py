"""Makes a Python image without a registry: a small Debian with its own Python, from any Debian mirror.

Debian's `debootstrap` unpacks it into a folder, what no program needs is deleted, and an engine imports the rest.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.errors import SandboxError, SetupError, UsageError
from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, translated
from pyml_sandbox.drivers.container.images.debian_archive import Archive, find_archive, own_sources
from pyml_sandbox.drivers.container.images.python_image import KIND, SUBJECT
from pyml_sandbox.workspace.events import Event, OnEvent, Progress, ignore, timed

if TYPE_CHECKING:
    from docker.models.images import Image

SUITE = "bookworm"
REPOSITORY = "pyml-python"
PACKAGES = ("python3", "python3-venv")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
INSTALL_HINT = "sudo apt-get install debootstrap debian-archive-keyring"
# The official slim images leave these out, too; copyright files are kept.
DOCUMENTATION = ("doc", "man", "info", "locale", "lintian", "groff", "linda")
MADE_AGAIN = ("var/cache/apt/*", "var/lib/apt/lists/*", "var/log/*", "var/cache/debconf/*-old", "var/lib/dpkg/*-old")
OF_THIS_MACHINE = ("etc/resolv.conf", "etc/hostname", "etc/machine-id", "dev/*")
PHASES = ("Retrieving", "Validating", "Extracting", "Unpacking", "Configuring")
"""First words of debootstrap's progress, which has such a line for each package."""
DPKG_RULES = "".join(f"path-exclude /usr/share/{name}/*\n" for name in DOCUMENTATION)
DPKG_RULES += "path-include /usr/share/doc/*/copyright\n"
HINT = "--mirror URL of a Debian archive that answers here; its keys are in   apt-get install debian-archive-keyring"


@dataclass(frozen=True)
class BootstrapOptions:
    """Options of a bootstrapped image.

    Attributes:
        mirror: address of a Debian archive; None for the one that this machine uses, else Debian's own.
        suite: release of Debian, which decides the Python: bookworm has 3.11, trixie 3.13.
        force: whether an existing image is made again.
    """

    mirror: str | None = None
    suite: str = SUITE
    force: bool = False

    @property
    def tag(self) -> str:
        """The name of the image."""
        return f"{REPOSITORY}:{self.suite}"


@dataclass(frozen=True)
class BootstrappedImage:
    """A Python image that was made from a Debian mirror.

    Attributes:
        id: of the image.
        tag: its name, "pyml-python:SUITE".
        python_version: of its Python.
        size_bytes: size of the image.
        reused: whether it already existed.
    """

    id: str
    tag: str
    python_version: str
    size_bytes: int
    reused: bool


def bootstrap(engine: Engine, options: BootstrapOptions | None = None, on_event: OnEvent = ignore) -> BootstrappedImage:
    """The Python image of a suite, made if the engine does not have it. Blocks; it takes half a minute to make.

    Args:
        engine: imports it.
        options: mirror, suite and whether to make it again; None for the defaults.
        on_event: called with each step.

    Raises:
        UsageError: the suite cannot be the name of a release.
        SetupError: the user is not root, or debootstrap is missing or failed; has its output.
    """
    options = options or BootstrapOptions()
    if re.fullmatch(r"[a-z][a-z0-9.-]*", options.suite) is None:
        raise UsageError(f"{options.suite!r} is not a release of Debian.", "--suite bookworm")
    found = None if options.force else _find(engine, options.tag)
    if found is not None:
        on_event(Event(SUBJECT, Progress.READY, f"{found.tag} (reused)", 0.0))
        return found
    program = find_debootstrap(
        os.geteuid(), shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    )
    archive = find_archive(options.suite, options.mirror, own_sources())
    with timed(SUBJECT, on_event, f"Debian {options.suite} from {archive.mirror}") as done, _folder() as root:
        _unpack(program, options.suite, archive, root, on_event)
        slim(root)
        (root / "etc/apt/sources.list").write_text(archive.sources, encoding="utf-8")
        (root / "etc/dpkg/dpkg.cfg.d/pyml").write_text(DPKG_RULES, encoding="utf-8")
        imported = _import(engine, options.tag, root)
        done(f"{imported.tag}, Python {imported.python_version}")
    return imported


def find_debootstrap(user_id: int, program: str | None) -> str:
    """Check that debootstrap can be run, and give its path.

    Args:
        user_id: of the current user.
        program: its path; None if it is not installed.

    Raises:
        SetupError: debootstrap is not installed, or the user is not root.
    """
    if program is None:
        raise SetupError("debootstrap is not installed here.", INSTALL_HINT)
    if user_id != 0:
        raise SetupError(
            "debootstrap must run as root, to set the owners of the files.", 'sudo "$(command -v pyml)" image bootstrap'
        )
    return program


def _find(engine: Engine, tag: str) -> BootstrappedImage | None:
    import docker.errors

    with translated(f"look for {tag}"):
        try:
            image = engine.client.images.get(tag)
        except docker.errors.ImageNotFound:
            return None
    return _described(image, tag, reused=True) if image.labels.get(labels.KIND) == KIND else None


def _described(image: Image, tag: str, reused: bool) -> BootstrappedImage:
    version = str(image.labels.get(labels.PYTHON_VERSION, ""))
    return BootstrappedImage(str(image.id), tag, version, int(image.attrs["Size"]), reused)


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder for a root file system; unmounted, where debootstrap left it mounted, and deleted at the end."""
    beside = Path(tempfile.mkdtemp(prefix="pyml-bootstrap-"))
    beside.chmod(0o755)
    try:
        yield beside
    finally:
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for mount in sorted((mount for mount in mounts if mount.startswith(f"{beside}/")), reverse=True):
            subprocess.run(["umount", mount], check=False, capture_output=True)
        subprocess.run(["rm", "-rf", "--one-file-system", str(beside)], check=False, capture_output=True)


def packages(archive: Archive) -> tuple[str, ...]:
    """The packages beyond the minimum; certificates only if apt needs them to reach the archive."""
    return (*PACKAGES, "ca-certificates") if "deb https:" in archive.sources else PACKAGES


def _unpack(program: str, suite: str, archive: Archive, root: Path, on_event: OnEvent) -> None:
    include = ",".join(packages(archive))
    checked = ["--variant=minbase", "--force-check-gpg", f"--include={include}"]
    command = [program, *checked, suite, str(root), archive.mirror]
    output: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout or ():
            output.append(line.strip().removeprefix("I: "))
            phase = output[-1].split(" ")[0]
            if phase in PHASES:
                on_event(Event(SUBJECT, Progress.WAITING, f"{phase.lower()} packages"))
    if process.returncode != 0:
        relevant = "\n".join(line for line in output if not line.startswith(("Retrieving", "Validating")))
        raise SetupError(f"debootstrap failed:\n{relevant[-2000:]}", HINT)


def slim(root: Path) -> None:
    """Delete files that no program reads (documentation, translations, lists, logs), and this machine's settings."""
    for pattern in (*MADE_AGAIN, *OF_THIS_MACHINE):
        for path in root.glob(pattern):
            _delete(path)
    for name in DOCUMENTATION:
        for path in (root / "usr/share" / name).rglob("*"):
            if path.is_symlink() or (path.is_file() and path.name != "copyright"):
                path.unlink()


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _import(engine: Engine, tag: str, root: Path) -> BootstrappedImage:
    version = _python_version(root)
    own_labels = {labels.KIND: KIND, labels.PYTHON_VERSION: version}
    changes = [*(f"LABEL {name}={value}" for name, value in own_labels.items()), f"ENV PATH={PATH}", 'CMD ["python3"]']
    pack = ["tar", "--create", "--numeric-owner", "--sort=name", "--directory", str(root), "."]
    repository, _, suite = tag.partition(":")
    with translated("import the Python image"), subprocess.Popen(pack, stdout=subprocess.PIPE) as tar:
        engine.client.api.import_image_from_stream(tar.stdout, repository, suite, changes)
    if tar.returncode != 0:
        raise SandboxError(f"tar ended with exit code {tar.returncode}.", "free some disk space, then try again")
    with translated(f"find {tag}"):
        return _described(engine.client.images.get(tag), tag, reused=False)


def _python_version(root: Path) -> str:
    ask = ["chroot", str(root), "python3", "-c", 'import sys; print("%d.%d.%d" % sys.version_info[:3])']
    done = subprocess.run(ask, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(f"The Python of the new image does not run: {done.stderr.strip()}", "--suite bookworm")
    return done.stdout.strip()
