"""Locales that are not installed: compiled once a model asks for that of its environment."""

from __future__ import annotations

import functools
import locale
import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path


def compile_on_demand() -> None:
    """Let `locale.setlocale(category, "")` compile the locale of the environment if it is not installed.

    It needs `localedef`, which is part of Debian's `libc-bin`, and the sources of locales, which are its package
    `locales`. Without them the call fails as it does without this.
    """
    installed = locale.setlocale

    @functools.wraps(installed)
    def setlocale(category: int, value: str | Iterable[str | None] | None = None) -> str:
        try:
            return installed(category, value)
        except locale.Error:
            if value != "":
                raise
            with tempfile.TemporaryDirectory(prefix="pyml-locale-") as folder:
                if not _compiled(Path(folder) / os.environ.get("LC_ALL", "")):
                    raise
                os.environ["LOCPATH"] = folder
                try:
                    return installed(category, value)  # the C library keeps what it has read
                finally:
                    del os.environ["LOCPATH"]

    setattr(locale, "setlocale", setlocale)  # noqa: B010 - a checker of types takes it for a different signature


def _compiled(folder: Path) -> bool:
    """Whether a locale could be compiled into the folder that has its name, such as `de_DE.UTF-8`."""
    language, _, charset = folder.name.partition(".")
    command = ["localedef", "--no-archive", "--quiet", "-i", language, "-f", charset or "UTF-8", str(folder)]
    try:
        subprocess.run(command, capture_output=True, check=False)
    except OSError:
        return False
    return folder.is_dir()
