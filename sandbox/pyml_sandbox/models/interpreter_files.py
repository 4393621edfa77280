"""Where the interpreter and the packages of an environment lie, for a copy that runs on a different machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FACTS = """
import json, os, sys, sysconfig
import pyml
library = os.path.join(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("INSTSONAME") or "")
print(json.dumps({
    "executable": os.path.realpath(sys.executable),
    "library": library if os.path.isfile(library) else "",
    "stdlib": sysconfig.get_path("stdlib"),
    "site_packages": sysconfig.get_path("purelib"),
    "runtime": os.path.dirname(os.path.realpath(pyml.__file__)),
}))
"""
"""The program that an environment's own Python runs, and that prints its paths."""


@dataclass(frozen=True)
class InterpreterFiles:
    """The files of an environment.

    Attributes:
        root: folder below which the paths are; "/" on this machine.
        executable: path of the interpreter itself.
        library: path of its shared library; empty if it has none.
        stdlib: folder of the standard library.
        site_packages: folder of the installed packages.
        runtime: folder of pyml's runtime, the package `pyml`.
    """

    root: Path
    executable: str
    library: str
    stdlib: str
    site_packages: str
    runtime: str

    @classmethod
    def printed(cls, text: str, root: Path = Path("/")) -> InterpreterFiles:
        """From what `FACTS` printed.

        Args:
            text: the last line is the JSON.
            root: folder below which the paths are.
        """
        return cls(root, **json.loads(text.strip().splitlines()[-1]))

    @property
    def paths(self) -> tuple[str, ...]:
        """All paths that there are."""
        every = (self.executable, self.library, self.stdlib, self.site_packages, self.runtime)
        return tuple(path for path in every if path)

    def here(self, path: str) -> Path:
        """A path below the root."""
        return self.root / path.lstrip("/")
