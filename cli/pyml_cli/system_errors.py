"""Errors of the operating system that a command meets anywhere, as errors of ours: what is wrong, and what mends it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass

from pyml.error_code import ErrorCode
from pyml.errors import PymlError, SetupError

_PLACE_HINT = "make it writable for you, or set PYML_HOME to a folder of yours"


@dataclass(frozen=True)
class _Trouble:
    message: str
    hint: str
    code: ErrorCode


_DISK_HINT = "free some disk space, then run it again; pyml dev down works without any"
_MEMORY = _Trouble("There is not enough memory", "end other programs, then run it again", ErrorCode.OUT_OF_MEMORY)
_TROUBLES = {
    errno.ENOSPC: _Trouble("The disk is full", _DISK_HINT, ErrorCode.DISK_FULL),
    errno.EDQUOT: _Trouble("Your disk quota is used up", _DISK_HINT, ErrorCode.DISK_FULL),
    errno.EFBIG: _Trouble("A file is larger than is allowed here", "ulimit -f unlimited", ErrorCode.DISK_FULL),
    errno.EROFS: _Trouble("The file system is read-only", _PLACE_HINT, ErrorCode.NOT_WRITABLE),
    errno.EACCES: _Trouble("Permission denied", _PLACE_HINT, ErrorCode.NOT_WRITABLE),
    errno.EPERM: _Trouble("Operation not permitted", _PLACE_HINT, ErrorCode.NOT_WRITABLE),
    errno.EIO: _Trouble("A disk or terminal does not work (input/output error)", "dmesg", ErrorCode.SETUP),
    errno.EMFILE: _Trouble("Too many files are open", "ulimit -n 4096, then run it again", ErrorCode.SETUP),
    errno.ENFILE: _Trouble("Too many files are open on this machine", "end other programs", ErrorCode.SETUP),
    errno.EAGAIN: _Trouble("No process or thread can be started", "end other programs, or ulimit -u", ErrorCode.SETUP),
    errno.ENOMEM: _MEMORY,
    errno.ENAMETOOLONG: _Trouble("A path is too long", "set PYML_HOME to a folder with a short path", ErrorCode.SETUP),
    errno.ENOTDIR: _Trouble(
        "A file is where a folder is expected", "remove it, or set PYML_HOME to a folder of yours", ErrorCode.SETUP
    ),
    errno.ELOOP: _Trouble("A symbolic link leads to itself", "remove it", ErrorCode.SETUP),
}
_WRAPPED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def system_error(error: BaseException) -> PymlError | None:
    """The error of ours for one of the operating system or of memory; None if it says nothing about this machine.

    A full disk is recognized in errors of libraries as well, by the system's own message in their text or their cause.
    """
    if isinstance(error, MemoryError):
        return _as_setup_error(_MEMORY, "")
    if isinstance(error, OSError) and error.errno in _TROUBLES:
        return _as_setup_error(_TROUBLES[error.errno], _path_of(error))
    if isinstance(error, FileNotFoundError) and not _has_current_folder():
        return SetupError("The current folder does not exist any more.", "cd to a folder that exists")
    number = _wrapped_number(error)
    return None if number is None else _as_setup_error(_TROUBLES[number], _path_of(error))


def with_cause_of_system(error: PymlError) -> PymlError:
    """The same error; if a full or read-only disk is behind it, its hint and code say so."""
    number = _wrapped_number(error)
    if number is not None and error.code not in (ErrorCode.DISK_FULL, ErrorCode.NOT_WRITABLE):
        trouble = _TROUBLES[number]
        error.hint = f"{trouble.message[0].lower()}{trouble.message[1:]}: {trouble.hint}"
        error.codes = (trouble.code, *error.codes)
        error.exit_code = SetupError.exit_code
    return error


def _as_setup_error(trouble: _Trouble, path: str) -> SetupError:
    return SetupError(f"{trouble.message}{f': {path}' if path else ''}.", trouble.hint, trouble.code)


def _path_of(error: BaseException) -> str:
    found = (error.filename2 or error.filename) if isinstance(error, OSError) else None  # the second one is written
    return os.fsdecode(found) if isinstance(found, str | bytes) else ""


def _wrapped_number(error: BaseException) -> int | None:
    for each in _causes(error):
        for number in _WRAPPED:
            if (isinstance(each, OSError) and each.errno == number) or os.strerror(number) in str(each):
                return number
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it was raised from."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _has_current_folder() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True
