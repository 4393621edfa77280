"""A folder of records: small JSON files, named by the time at which they were begun, of which the latest stay."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pyml_sandbox.workspace.events import JSON
from pyml_sandbox.workspace.files import write_atomically

Content = TypeVar("Content")
RECORD_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9]{3}-[0-9a-f]{4}")
"""The id of a record: date, time of day and milliseconds in UTC, and four digits that tell two of one moment apart."""
SUFFIX = ".json"


def new_record_id(at: float | None = None) -> str:
    """An id that sorts after those of earlier records.

    Args:
        at: when the record was begun, in seconds since 1970; None for now.
    """
    moment = datetime.fromtimestamp(time.time() if at is None else at, UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{moment.microsecond // 1000:03}-{secrets.token_hex(2)}"


def is_record_id(text: str) -> bool:
    """Whether a text can be the id of a record; nothing else becomes a part of a path."""
    return RECORD_ID.fullmatch(text) is not None


@dataclass(frozen=True)
class RecordFolder:
    """The records of one kind.

    Attributes:
        folder: holds them, one file for each, and what belongs to one under the same name with a different suffix.
    """

    folder: Path

    def ids(self) -> list[str]:
        """The ids of all records, the latest first; damaged ones are among them."""
        try:
            names = os.listdir(self.folder)
        except (FileNotFoundError, NotADirectoryError):
            return []
        found = (name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))
        return sorted(filter(is_record_id, found), reverse=True)

    def file(self, record_id: str, suffix: str = SUFFIX) -> Path:
        """The path of a record, or of a file that belongs to it.

        Args:
            record_id: of the record.
            suffix: of the file.

        Raises:
            ValueError: it is not the id of a record.
        """
        if not is_record_id(record_id):
            raise ValueError(f"{record_id!r} is not the id of a record")
        return self.folder / f"{record_id}{suffix}"

    def write(self, record_id: str, record: Mapping[str, JSON]) -> None:
        """Write a record; a reader sees the old one or the new."""
        write_atomically(self.file(record_id), json.dumps(record, indent=2) + "\n")

    def read(self, record_id: str, parse: Callable[[Mapping[str, Any]], Content]) -> Content | None:
        """A record; None if there is none, or if it is damaged.

        Args:
            record_id: of the record.
            parse: gives the content, or raises ValueError, KeyError, TypeError or AttributeError.
        """
        try:
            return parse(json.loads(self.file(record_id).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def delete(self, record_id: str) -> None:
        """Delete a record, and what belongs to it."""
        self.file(record_id).unlink(missing_ok=True)
        for path in self.folder.glob(f"{record_id}.*"):
            path.unlink(missing_ok=True)

    def keep_latest(self, most: int, spared: Callable[[Collection[str]], Collection[str]] = lambda ids: ()) -> None:
        """Delete the oldest records.

        Args:
            most: how many stay.
            spared: says which of those that would go stay all the same.
        """
        surplus = self.ids()[most:]
        kept = set(spared(surplus)) if surplus else set()
        for record_id in surplus:
            if record_id not in kept:
                self.delete(record_id)
