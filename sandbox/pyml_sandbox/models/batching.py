"""Which versions predict the requests that wait together, and why: those of which a check has shown that it is safe.

Rows of one batch must not influence one another, which is parity level P2, and the size of a batch must not change a
bit of a prediction: then each caller gets what the check has proven, whoever asks beside it.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from pyml.errors import PymlError
from pyml.package.settings import NEVER, Settings
from pyml_sandbox.models.registry import find_version
from pyml_sandbox.models.routes import Batching
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.home import SandboxHome

_LEVEL = "P2"
_FILE = "batching.json"


@dataclass(frozen=True)
class Shown:
    """What the last check of a version has shown of its batches.

    Attributes:
        where: what computed: the driver, pyml's version and the CPU. With any of them different, batches may be too.
        level: that it earned; empty for none.
        noisy: the columns whose last bits depend on the size of a batch.
    """

    where: str
    level: str
    noisy: Sequence[str]


def note_shown(checked: ModelVersion, shown: Shown) -> bool:
    """Keep what a check has shown beside the version.

    Returns:
        Whether it differs from what was known.
    """
    if _shown(checked) == shown:
        return False
    write_atomically(checked.folder / _FILE, json.dumps(asdict(shown)))
    return True


def batching_of(home: SandboxHome, driver: str, model: str, digits: str) -> Batching:
    """Whether a version predicts the requests that wait together.

    Args:
        home: the sandbox.
        driver: of the sandbox.
        model: name of the model.
        digits: the version of the model.
    """
    try:
        found = find_version(home, f"{model}@{digits}")
        setting = Settings.load(found.package).serving.batching
    except PymlError:
        return Batching(together=False, why="its upload is gone or damaged")
    if setting == NEVER:
        return Batching(together=False, why='batching = "never" in [serving] of pyml.toml')
    return _decided(_shown(found), place(driver))


def place(driver: str) -> str:
    """What computes here: the driver, pyml's version and the CPU."""
    return f"{driver} driver, pyml {version('pyml-sandbox')}, {_cpu_model()}"


@cache
def _cpu_model() -> str:
    """The name of this machine's CPU; numeric libraries choose their code by it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _decided(shown: Shown | None, where: str) -> Batching:
    if shown is None or shown.where != where:
        return Batching(together=False, why=f"no check has earned {_LEVEL} here ({where})")
    if shown.level < _LEVEL:  # no level is less than every level
        return Batching(together=False, why=f"its last check has earned {shown.level or 'no level'}, not {_LEVEL}")
    if shown.noisy:
        columns = ", ".join(shown.noisy)
        return Batching(together=False, why=f"the last bits of {columns} depend on the size of a batch")
    return Batching(together=True, why=f"its last check has earned {shown.level}, and no bit depends on a batch's size")


def _shown(checked: ModelVersion) -> Shown | None:
    try:
        found = json.loads((checked.folder / _FILE).read_text(encoding="utf-8"))
        return Shown(str(found["where"]), str(found["level"]), [str(name) for name in found["noisy"]])
    except (OSError, ValueError, KeyError, TypeError):
        return None
