"""A copy of pyml's sources to plant bugs in, with a Python and a sandbox of its own: nothing of it reaches the original.

Services inherit no PYTHONPATH, so the copy is what its own Python finds first: a virtual environment whose path lists
the copy's source roots and then the packages of this one. The gateway runs in it; model environments get the copy's
runtime, as they get any runtime, and with it the Spark workers, the model servers and the harness.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.free_ports import free_ports

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = ("runtime", "sandbox", "cli", "fixtures")
COPIED = (*SOURCE_ROOTS, "compose", "docs/causes")
SANDBOX = "mutants"
UP_TIMEOUT_S = 300


class CannotApplyError(Exception):
    """A patch does not fit the sources."""


@dataclass(frozen=True)
class Copy:
    """The copy.

    Attributes:
        folder: its root, laid out as the repository.
        python: the interpreter that imports it.
        home: of its sandbox.
    """

    folder: Path
    python: Path
    home: Path

    @classmethod
    def make(cls, base: Path) -> Copy:
        """Copy the sources as they are in the working tree, without what git ignores, and make the Python that imports it."""
        copy = cls(base / "sources", base / "python" / "bin" / "python", base / "home")
        for name in subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *COPIED],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\0"):
            if name and (ROOT / name).is_file():
                (copy.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, copy.folder / name)
        copy._make_python()
        return copy

    def _make_python(self) -> None:
        environment = self.python.parents[1]
        venv.EnvBuilder(symlinks=True, with_pip=False).create(environment)
        packages = sysconfig.get_path("purelib", vars={"base": str(environment)})
        places = [*(str(self.folder / root) for root in SOURCE_ROOTS), sysconfig.get_path("purelib")]
        (Path(packages) / "mutants.pth").write_text("\n".join(places) + "\n", encoding="utf-8")
        for tool in ("uv",):  # looked for beside the interpreter
            (self.python.parent / tool).symlink_to(Path(sys.executable).parent / tool)

    def restore(self) -> None:
        """Take every bug out again."""
        shutil.rmtree(self.folder / "runtime")
        shutil.copytree(self.pristine, self.folder / "runtime")

    @property
    def pristine(self) -> Path:
        """The runtime as it was copied; kept at the first call."""
        kept = self.folder.parent / "pristine"
        if not kept.exists():
            shutil.copytree(self.folder / "runtime", kept, ignore=shutil.ignore_patterns("__pycache__"))
        return kept

    def apply(self, patch: Path) -> None:
        """Plant the bug of a patch.

        Raises:
            CannotApplyError: it does not fit.
        """
        apply(patch, self.folder)

    def pyml(self, *arguments: str, timeout_s: float | None = None) -> subprocess.CompletedProcess[str]:
        """Run a pyml command of the copy.

        Raises:
            subprocess.TimeoutExpired: it took longer than `timeout_s`.
        """
        return self.run("from pyml_cli import main; main()", *arguments, timeout_s=timeout_s)

    def run(self, code: str, *arguments: str, timeout_s: float | None = None) -> subprocess.CompletedProcess[str]:
        """Run Python in the copy."""
        environment = {**os.environ, "PYML_HOME": str(self.home), "PYML_SANDBOX": SANDBOX}
        command = [str(self.python), "-c", code, *arguments]
        return subprocess.run(
            command,
            cwd=self.home.parent,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )

    def undeploy(self, name: str) -> None:
        """Stop serving a model, and delete the environments of the mutant that it ran in."""
        code = (
            "import sys\nfrom pyml_sandbox.lifecycle.deployment import undeploy\nfrom pyml_sandbox.workspace.home import SandboxHome\n"
            "undeploy(SandboxHome.find(None), sys.argv[1])"
        )
        self.run(code, name, timeout_s=UP_TIMEOUT_S)
        shutil.rmtree(self.home / "envs", ignore_errors=True)

    def up_anew(self) -> None:
        """An empty sandbox that is up, from the sources as they are.

        Raises:
            SystemExit: it does not come up.
        """
        self.pyml("dev", "reset", "--yes")
        services = ("gateway", "rest", "metastore", "spark")
        ports = [f"--{name}-port={port}" for name, port in zip(services, free_ports(len(services)), strict=True)]
        done = self.pyml("dev", "up", "--driver", "process", *ports, timeout_s=UP_TIMEOUT_S)
        if done.returncode:
            sys.exit(f"the sandbox does not come up:\n{done.stdout}{done.stderr}")


@contextmanager
def copied(base: Path) -> Iterator[Copy]:
    """A copy that is gone afterwards, and its sandbox with it."""
    copy = Copy.make(base)
    copy.home.mkdir(parents=True, exist_ok=True)
    _ = copy.pristine
    try:
        yield copy
    finally:
        copy.restore()
        copy.pyml("dev", "reset", "--yes")
        shutil.rmtree(base, ignore_errors=True)


def apply(patch: Path, folder: Path, *, check: bool = False) -> None:
    """Apply a patch to a source tree; with `check`, only ask whether it can be.

    Raises:
        CannotApplyError: it does not fit, in git's own words.
    """
    command = ["git", "apply", *(["--check"] if check else []), str(patch.resolve())]
    # Without the variable git would look for a repository around the folder, and take the names to be relative to that.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.resolve().parent)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotApplyError(f"{patch.name}: {done.stderr.strip()}")
