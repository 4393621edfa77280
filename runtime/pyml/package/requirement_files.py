"""The files in the package that `requirements.txt` names: they are uploaded with it.

The resolver validates `requirements.txt`, not this module. It only looks for paths, as pip and uv resolve them:
requirement files relative to the file that names them, everything else relative to the package's folder.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

REQUIREMENTS = "requirements.txt"
_COMMENT = re.compile(r"(^|\s)#.*", re.MULTILINE)  # as in pip
_WORD = r""""[^"\n]*"|'[^'\n]*'|(?:\\.|\S)+"""
_OPTION = re.compile(
    rf"(?:^|\s)(-[rcfe]|--(?:requirement|constraint|find-links|editable))[\s=]*({_WORD})", re.MULTILINE
)
_FILE = re.compile(r"(?:^|[\s@])([^\s@/]*/\S*|[^\s@]+\.(?:whl|zip|tar\.\w+|tgz))")
_LINE = re.compile(r"^[ \t]*(?:[^@/\n]*@)?[ \t]*([^\s-].*?)(?:[ \t]+(?:;|--|\\).*)?$", re.MULTILINE)
"""A whole requirement, whose path may have spaces."""
_INDEX = re.compile(
    r"^[ \t]*((?:-i|--index-url|--extra-index-url)[\s=]*\S+|--no-index|(?:-f|--find-links)[\s=]*\S*://\S+)[ \t]*$",
    re.MULTILINE,
)
_ARCHIVES = ("*.whl", "*.zip", "*.tar.*", "*.tgz")
_PROJECT = ("pyproject.toml", "setup.py")


@dataclass(frozen=True)
class RequirementFiles:
    """The files in a package's folder that `requirements.txt` names.

    Attributes:
        files: paths relative to the folder, sorted; without `requirements.txt` itself.
        lists: those of them that hold requirements or constraints, and `requirements.txt`, sorted.
        folders: folders of archives (`--find-links`), relative to the package's folder, sorted.
        editable: editable requirements, as written.
        outside: relative paths, as written, to something that exists outside the folder.
        elsewhere: absolute paths, as written, to something that exists; with its path in the folder, or None outside.
        indexes: the lines about package indexes, as written.
        has_hashes: whether any requirement file demands hashes.
    """

    files: tuple[Path, ...]
    lists: tuple[Path, ...]
    folders: tuple[Path, ...]
    editable: tuple[str, ...]
    outside: tuple[str, ...]
    elsewhere: Mapping[str, Path | None]
    indexes: tuple[str, ...]
    has_hashes: bool

    @classmethod
    def of(cls, folder: Path) -> RequirementFiles:
        """Read `requirements.txt` in a folder, and the requirement files that it names."""
        search = _Search(folder)
        search.read(folder / REQUIREMENTS)
        files = (search.files | search.lists) - {Path(REQUIREMENTS)}
        return cls(
            tuple(sorted(files)),
            tuple(sorted(search.lists)),
            tuple(sorted(search.folders)),
            tuple(search.editable),
            tuple(search.outside),
            search.elsewhere,
            tuple(search.indexes),
            search.has_hashes,
        )


class _Search:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.files: set[Path] = set()
        self.lists: set[Path] = set()
        self.folders: set[Path] = set()
        self.editable: list[str] = []
        self.outside: list[str] = []
        self.elsewhere: dict[str, Path | None] = {}
        self.indexes: list[str] = []
        self.has_hashes = False

    def read(self, file: Path) -> None:
        """Collect a requirement file and everything that it names."""
        if not file.is_file() or file.relative_to(self._folder) in self.lists:
            return
        self.lists.add(file.relative_to(self._folder))
        text = _COMMENT.sub("", read_text(file))
        self.has_hashes = self.has_hashes or "--hash" in text
        self.indexes += _INDEX.findall(text)
        for option, named in _OPTION.findall(text):
            self._follow(option, named, file.parent)
        rest = _OPTION.sub(" ", text)
        for named in dict.fromkeys([*_FILE.findall(rest), *filter(_FILE.search, _LINE.findall(rest))]):
            self._take(self._inside(self._folder, named))

    def _follow(self, option: str, named: str, beside: Path) -> None:
        if option in ("-e", "--editable"):
            self.editable.append(named)
        elif option in ("-f", "--find-links"):
            self._take(self._inside(beside, named))
        elif (file := self._inside(beside, named)) is not None:
            self.read(file)

    def _inside(self, base: Path, named: str) -> Path | None:
        """The target of a path as written, if it exists and is in the package."""
        path = Path(os.path.normpath(base / _path(named)))
        if not path.exists() or path == self._folder:
            return None
        is_inside = path.is_relative_to(self._folder)
        if Path(_path(named)).is_absolute():
            self.elsewhere[named] = path.relative_to(self._folder) if is_inside else None
        elif not is_inside:
            self.outside.append(named)
        return path if is_inside else None

    def _take(self, path: Path | None) -> None:
        """Collect a file, the archives in a folder, or the whole folder of a Python project."""
        if path is None:
            return
        if path.is_file():
            self.files.add(path.relative_to(self._folder))
            return
        is_project = any((path / name).is_file() for name in _PROJECT)
        if not is_project:
            self.folders.add(path.relative_to(self._folder))
        self.files |= {each.relative_to(self._folder) for each in _content(path, is_project=is_project)}


def read_text(file: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 if it begins with its mark, as Windows' shells write it."""
    content = file.read_bytes()
    is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if is_utf_16 else "utf-8-sig", errors="replace")


def _content(folder: Path, *, is_project: bool) -> Iterator[Path]:
    patterns = ("**/*",) if is_project else _ARCHIVES
    for pattern in patterns:
        for path in folder.glob(pattern):
            inside = path.relative_to(folder).parts
            if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in inside):
                yield path


def _path(named: str) -> str:
    """A path for the operating system: without scheme, quotes, extras, fragment and marker."""
    bare = re.sub(r"\\(.)", r"\1", named.strip("\"'")).partition("#")[0].partition(";")[0]
    bare = re.sub(r"\[[^\]/]*\]$", "", bare)
    return unquote(re.sub(r"^file:(//(localhost)?(?=/))?", "", bare)) if bare.startswith("file:") else bare
