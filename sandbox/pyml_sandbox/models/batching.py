"""Which versions predict the requests that wait together, and why: those of which a check has shown that it is safe.

Rows of one batch must not influence one another, which is parity level P2, and the size of a batch must not change a
bit of a prediction: then each caller gets what the check has proven, whoever asks beside it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

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
        driver: with which it ran: the same version may have a different environment with a different one.
        level: that it earned; empty for none.
        noisy: the columns whose last bits depend on the size of a batch.
    """

    driver: str
    level: str
    noisy: Sequence[str]


def note_shown(version: ModelVersion, shown: Shown) -> bool:
    """Keep what a check has shown beside the version.

    Returns:
        Whether it differs from what was known.
    """
    if _shown(version) == shown:
        return False
    write_atomically(version.folder / _FILE, json.dumps(asdict(shown)))
    return True


def batching_of(home: SandboxHome, driver: str, model: str, version: str) -> Batching:
    """Whether a version predicts the requests that wait together.

    Args:
        home: the sandbox.
        driver: of the sandbox.
        model: name of the model.
        version: of the model.
    """
    try:
        found = find_version(home, f"{model}@{version}")
        setting = Settings.load(found.package).serving.batching
    except PymlError:
        return Batching(together=False, why="its upload is gone or damaged")
    if setting == NEVER:
        return Batching(together=False, why='batching = "never" in [serving] of pyml.toml')
    return _decided(_shown(found), driver)


def _decided(shown: Shown | None, driver: str) -> Batching:
    if shown is None or shown.driver != driver:
        return Batching(together=False, why=f"no check of it with the {driver} driver has earned {_LEVEL}")
    if shown.level < _LEVEL:  # no level is less than every level
        return Batching(together=False, why=f"its last check has earned {shown.level or 'no level'}, not {_LEVEL}")
    if shown.noisy:
        columns = ", ".join(shown.noisy)
        return Batching(together=False, why=f"the last bits of {columns} depend on the size of a batch")
    return Batching(together=True, why=f"its last check has earned {shown.level}, and no bit depends on a batch's size")


def _shown(version: ModelVersion) -> Shown | None:
    try:
        found = json.loads((version.folder / _FILE).read_text(encoding="utf-8"))
        return Shown(str(found["driver"]), str(found["level"]), [str(name) for name in found["noisy"]])
    except (OSError, ValueError, KeyError, TypeError):
        return None
