"""A small file that is kept twice: where one is damaged or gone, the copy is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pyml_sandbox.workspace.files import write_atomically

Content = TypeVar("Content")


@dataclass(frozen=True)
class KeptFile:
    """A file and its copy.

    Attributes:
        file: the file that others read, too.
        copy: in a different folder.
    """

    file: Path
    copy: Path

    def write(self, text: str) -> None:
        """Write both, each in one step."""
        for path in (self.file, self.copy):
            write_atomically(path, text)

    def delete(self) -> None:
        """Delete both."""
        for path in (self.file, self.copy):
            path.unlink(missing_ok=True)

    def read(self, parse: Callable[[str], Content]) -> Content | None:
        """The content of the first that can be parsed; None if neither exists.

        Args:
            parse: gives the content, or raises ValueError, KeyError, TypeError or AttributeError.

        Raises:
            ValueError: neither can be parsed; says why the first cannot.
        """
        damage: Exception | None = None
        for path in (self.file, self.copy):
            try:
                return parse(path.read_text(encoding="utf-8"))
            except FileNotFoundError:
                continue
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError, IsADirectoryError) as error:
                damage = damage or error
        if damage is not None:
            raise ValueError(f"{self.file}: {damage}") from damage
        return None
