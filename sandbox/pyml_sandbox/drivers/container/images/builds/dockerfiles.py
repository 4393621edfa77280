"""The folder compose/, in a checkout or in an installed package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from pyml.errors import SetupError

SCRIPTS = ("build-settings.sh", "write_lock.py", "archive_classes.py", "spark-resource.sh", "entrypoint.sh")
"""Scripts that the Dockerfiles mount or copy from their context."""


def compose_folder() -> Path:
    """The folder of the Dockerfiles and their scripts.

    Raises:
        SetupError: the folder is missing, since the installation is incomplete.
    """
    package = Path(str(files("pyml_sandbox")))
    candidates = (package.parents[1] / "compose", package / "compose")
    found = next((folder for folder in candidates if (folder / "base.Dockerfile").is_file()), None)
    if found is None:
        raise SetupError(f"{package} lacks its Dockerfiles.", "pip install --force-reinstall 'pyml-sandbox[sandbox]'")
    return found


def recipe(dockerfile: str) -> tuple[str, ...]:
    """The contents of a Dockerfile and of all scripts, which determine a build together with its inputs."""
    return tuple((compose_folder() / name).read_text(encoding="utf-8") for name in (dockerfile, *SCRIPTS))
