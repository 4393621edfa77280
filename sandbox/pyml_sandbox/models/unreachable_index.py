"""A package index that a package's own `requirements.txt` names, and that cannot be reached."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pyml.errors import SetupError
from pyml.package.model_package import ModelPackage
from pyml.package.requirement_files import read_text
from pyml_sandbox.workspace.addresses import without_users

OUT_OF_REACH = "connect to the package index"
"""How the hint of an environment builder begins if an index cannot be reached, in resolving and in installing."""


@dataclass(frozen=True)
class IndexLine:
    """A line of a requirement file that names a package index.

    Attributes:
        file: path relative to the package's folder.
        number: of the line, from 1.
        url: of the index, with `****` for a user's name and password.
    """

    file: Path
    number: int
    url: str


def with_index_line(error: SetupError, package: ModelPackage) -> SetupError:
    """The same error with the line that names the index which cannot be reached, and what to do about the line.

    Behind a company's mirror the own index is reached and an additional one is not, such as PyTorch's.

    Args:
        error: of a build, with the installer's output.
        package: that was built.

    Returns:
        The error itself if its message is about something else, or about an index that no requirement file names.
    """
    if not error.hint.startswith(OUT_OF_REACH):
        return error
    found = [line for line in _index_lines(package) if (urlsplit(line.url).hostname or "\n") in error.message]
    if not found:
        return error
    named = "\n".join(f"Line {line.number} of {line.file} names the index {line.url}." for line in found)
    lines = " and ".join(f"line {line.number} of {line.file}" for line in found)
    hint = f"delete {lines} if your own index has the packages (docs/how-to/cpu-wheels.md); else {error.hint}"
    return SetupError(f"{error.message.rstrip()}\n{named}", hint, *error.codes)


def _index_lines(package: ModelPackage) -> list[IndexLine]:
    files = package.requirement_files
    return [
        IndexLine(file, number, without_users(line.strip()[len(option) :].lstrip(" =\t").partition(" ")[0]))
        for file in files.lists
        for number, line in enumerate(read_text(package.folder / file).splitlines(), 1)
        for option in (_option(line.strip(), files.indexes),)
        if option
    ]


def _option(line: str, indexes: tuple[str, ...]) -> str:
    """The option of a line about an index; empty if it is a different line."""
    is_index = any(line.startswith(each) for each in indexes)
    options = ("--extra-index-url", "--index-url", "--find-links", "-i", "-f")
    return next((option for option in options if is_index and line.startswith(option)), "")
