"""The folder compose/, in a checkout and in an installed package alike."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from pyml.errors import SetupError

SCRIPTS = ("build-settings.sh", "write_lock.py", "spark-resource.sh")
"""What the Dockerfiles mount or copy from their context."""


def compose_folder() -> Path:
    """Where the Dockerfiles and their scripts lie.

    Raises:
        SetupError: they are missing: the installation is not whole.
    """
    package = Path(str(files("pyml_sandbox")))
    candidates = (package.parents[1] / "compose", package / "compose")
    found = next((folder for folder in candidates if (folder / "base.Dockerfile").is_file()), None)
    if found is None:
        raise SetupError(f"{package} lacks its Dockerfiles.", "pip install --force-reinstall 'pyml-sandbox[sandbox]'")
    return found


def recipe(dockerfile: str) -> tuple[str, ...]:
    """The texts of a Dockerfile and of all scripts: what decides, apart from its inputs, how an image is built."""
    return tuple((compose_folder() / name).read_text(encoding="utf-8") for name in (dockerfile, *SCRIPTS))
