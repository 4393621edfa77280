"""A model package: a folder with the four artifacts, and what is wrong with it as far as its files show."""

from __future__ import annotations

import ast
import hashlib
import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from pyml.errors import Problem, SettingsError
from pyml.model import DataFrameModel, TensorModel
from pyml.package.module_names import names_of_python
from pyml.package.package_files import DEBIAN_PACKAGES, PARAMETERS, PackageFiles
from pyml.package.requirement_files import REQUIREMENTS, RequirementFiles, read_text
from pyml.package.settings import FILE_NAME, PLAIN_NAME, Settings, is_plain_name

MODEL_FILE = "model.py"
VERSION_DIGITS = 12
_BASES = (DataFrameModel, TensorModel)


class ModelPackage:
    """A folder with `model.py`, `parameters/`, `requirements.txt`, `packages.txt`, and perhaps `pyml.toml`.

    Settings and content are read once, at first use: parameters may be large. `afresh` gives the package with later
    edits.

    Args:
        folder: folder of the package.
        name: name of the model; by default the name in `pyml.toml`, else that of the folder.
    """

    def __init__(self, folder: Path | str, name: str = "") -> None:
        self.folder = Path(folder).resolve()
        self._name = name

    @cached_property
    def settings(self) -> Settings:
        """The settings in `pyml.toml`.

        Raises:
            SettingsError: the file is invalid.
        """
        return Settings.load(self.folder)

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._name or self.settings.name

    @cached_property
    def contents(self) -> PackageFiles:
        """The files that belong to the package, and those among them that are not uploaded."""
        return PackageFiles.of(self.folder, self.requirement_files.files)

    def files(self) -> list[Path]:
        """Every file that is uploaded, relative to the package's folder, sorted."""
        return list(self.contents.files)

    def afresh(self) -> ModelPackage:
        """The same package as it is now."""
        return ModelPackage(self.folder, self._name)

    def digest(self) -> str:
        """SHA-256 of the names and contents of the files, as 64 hex digits: equal packages have equal digests."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        whole = hashlib.sha256()
        for path in self.files():
            with (self.folder / path).open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            whole.update(f"{path.as_posix()}\0{content}\n".encode())
        return whole.hexdigest()

    @property
    def version(self) -> str:
        """The version that names this content: the first digits of its digest."""
        return self.digest()[:VERSION_DIGITS]

    @property
    def requirements(self) -> list[str]:
        """Lines of `requirements.txt` without blanks and comments."""
        return _lines(self.folder / REQUIREMENTS)

    @property
    def requirement_files(self) -> RequirementFiles:
        """The files in the package's folder that `requirements.txt` names."""
        return RequirementFiles.of(self.folder)

    @property
    def debian_packages(self) -> list[str]:
        """Names in `packages.txt`."""
        return _lines(self.folder / DEBIAN_PACKAGES)

    def problems(self) -> list[Problem]:
        """Every problem of the package that is visible without running its code."""
        if not self.folder.is_dir():
            return [Problem(f"there is no folder {self.folder}", "pyml init NAME makes a model package")]
        unreadable = list(_unreadable(self.folder))
        if unreadable:
            return unreadable
        return [
            *_missing(self.folder),
            *_bad_settings(self),
            *_bad_requirements(self),
            *_bad_code(self.folder),
            *names_of_python(self.folder),
        ]

    def upload_problems(self) -> list[Problem]:
        """Every problem of a new version: also what no driver installs, and files that a version cannot keep."""
        if not self.folder.is_dir():
            return self.problems()
        return [
            *self.problems(),
            *_bad_name(self),
            *_bad_debian_packages(self.debian_packages),
            *_local_paths(self.requirement_files),
            *self.contents.problems,
        ]


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        return []
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in read_text(path).splitlines())
    return [line for line in lines if line]


def _missing(folder: Path) -> Iterator[Problem]:
    fixes = {
        MODEL_FILE: "write a class that inherits DataFrameModel or TensorModel; pyml init NAME writes an example",
        REQUIREMENTS: "list the packages that the model imports, or create an empty file",
        "packages.txt": "list the Debian packages that the model needs, or create an empty file",
    }
    for name, fix in fixes.items():
        if not (folder / name).is_file():
            yield Problem(f"there is no {name}", fix)
    if not (folder / PARAMETERS).is_dir():
        yield Problem("there is no folder parameters/", "run the training script, or create an empty folder")


def _unreadable(folder: Path) -> Iterator[Problem]:
    for name in (MODEL_FILE, REQUIREMENTS, DEBIAN_PACKAGES):
        if (folder / name).is_file() and not os.access(folder / name, os.R_OK):
            yield Problem(f"{name} cannot be read by this user", f"chmod u+r {name}")


def _bad_settings(package: ModelPackage) -> list[Problem]:
    try:
        package.settings  # noqa: B018 - reading the settings is the check
    except SettingsError as error:
        return list(error.problems)
    return []


def _bad_requirements(package: ModelPackage) -> Iterator[Problem]:
    """Requirements that no copy of the package could satisfy. The resolver reports all other problems of the file."""
    for path in package.requirement_files.outside:
        yield Problem(
            f"requirements.txt names {path}, which is outside the package and would not be uploaded with it",
            "move it into the package's folder",
        )
    for path in package.requirement_files.editable:
        yield Problem(
            f"requirements.txt installs {path} as editable: its code could change, but a version never changes",
            f"write {path} without -e",
        )


def _bad_name(package: ModelPackage) -> Iterator[Problem]:
    """The name of a folder without `pyml.toml` that cannot be the name of a model; `Settings` checks all others."""
    has_settings = (package.folder / FILE_NAME).exists()
    if not has_settings and not is_plain_name(package.name):
        yield Problem(
            f"the model has the name of its folder, {package.name!r}",
            f'rename the folder, or write {FILE_NAME} with name = "…": {PLAIN_NAME}',
        )


_DEBIAN_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.](:[a-z0-9-]+)?(=[A-Za-z0-9.+~:*?-]+|/[A-Za-z0-9._-]+)?")
"""A name, perhaps with an architecture, and with a version or a release, as apt-get takes it."""


def _bad_debian_packages(lines: list[str]) -> Iterator[Problem]:
    for line in lines:
        if not _DEBIAN_PACKAGE.fullmatch(line):
            yield Problem(
                f"packages.txt has {line!r}, which is not the name of a Debian package",
                "write one name on each line: libgomp1, libgomp1:amd64 or libgomp1=12.2.0-14",
            )


def _local_paths(named: RequirementFiles) -> Iterator[Problem]:
    """Files of this machine that `requirements.txt` names, and that a version cannot keep."""
    for path, inside in named.elsewhere.items():
        yield Problem(
            f"requirements.txt names {path}, a place of this machine, which a version cannot keep",
            f"write it as ./{inside.as_posix()}, relative to the package"
            if inside
            else "copy the wheels into a folder of the package and name that: --find-links wheels; or leave the line "
            "out and give the folder when the environment is made: PIP_FIND_LINKS, with containers --wheels",
        )


def _bad_code(folder: Path) -> Iterator[Problem]:
    """Code that Python cannot parse. Loading the model reports all other problems of the code."""
    path = folder / MODEL_FILE
    if not path.is_file():
        return
    try:
        ast.parse(path.read_bytes(), MODEL_FILE)  # bytes: Python handles the encoding that the file declares
    except (SyntaxError, ValueError) as error:
        yield Problem(f"model.py cannot be read: {error}", "fix it; `python model.py` shows the line")
