"""The encoding of a text file, which must be UTF-8."""

from __future__ import annotations

import codecs
from pathlib import Path

from pyml.errors import InputError, Problem


def refuse_other_encoding(file: Path) -> None:
    """Refuse a text file that is not UTF-8.

    Raises:
        InputError: it is not; names the line.
    """
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                message = f"line {number} is not UTF-8: it has the byte 0x{line[error.start]:02x}"
                found = "UTF-16" if line[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "WINDOWS-1252"
                hint = f"convert it, if it is {found}: iconv -f {found} -t UTF-8 {file} > new{file.suffix}"
                raise InputError(f"{file} cannot be read", [Problem(message, hint)]) from error
