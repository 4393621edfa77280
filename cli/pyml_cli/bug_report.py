"""The report of a bug of pyml: a file with the traceback, the command and versions, and without secrets."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import tempfile
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pyml.command_line import quoted_word
from pyml.error_code import ErrorCode
from pyml.errors import PymlError
from pyml_sandbox.workspace.addresses import without_users

EXIT_CODE = 70
PACKAGES = ("pyml-sandbox", "pyspark", "pyarrow", "pandas", "numpy", "grpcio", "duckdb", "typer")
SECRET_NAME = re.compile(
    r"TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|SIGNING_?KEY|AUTH", re.IGNORECASE
)
SECRET_OPTION = re.compile(
    r"(?i)((?:token|secret|passw(?:or)?d|passphrase|credentials?|api[_-]?key|access[_-]?key)[\"']?\s*[=:]\s*[\"']?)"
    r"[^\s\"',;]+"
)
SHORTEST_SECRET = 4


def bug(error: BaseException, arguments: Sequence[str]) -> PymlError:
    """The error for an exception that nobody expected; its traceback is in a file that the hint names.

    Args:
        error: the exception.
        arguments: of the command.
    """
    try:
        hint = f"please report it, with the file {write_report(report_text(error, arguments, os.environ))}"
    except Exception as trouble:  # noqa: BLE001 - a report that fails must not hide the bug
        hint = f"please report it; a file with the details could not be written ({type(trouble).__name__}: {trouble})"
    found = PymlError(f"a bug of pyml: {_one_line(error)}", hint, ErrorCode.BUG)
    found.exit_code = EXIT_CODE
    return found


def report_text(error: BaseException, arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """The content of a report; values of variables and options that look like secrets are left out.

    Args:
        error: the exception.
        arguments: of the command.
        environ: environment variables.
    """
    details = "".join(traceback.format_exception(error))
    lines = [
        f"command:  {' '.join(['pyml', *map(quoted_word, arguments)])}",
        f"time:     {time.strftime('%Y-%m-%d %H:%M:%S %z')}",
        f"machine:  {platform.platform()}, Python {platform.python_version()}",
        f"packages: {', '.join(_versions(PACKAGES))}",
    ]
    return without_secrets("\n".join([*lines, "", details]), environ)


def without_secrets(text: str, environ: Mapping[str, str]) -> str:
    """A text without passwords in addresses, values of options that look secret, and values of secret variables.

    Args:
        text: may hold secrets.
        environ: environment variables; those whose names look secret are searched for by their values.
    """
    text = SECRET_OPTION.sub(r"\1***", without_users(text))
    values = (value for name, value in environ.items() if SECRET_NAME.search(name) and len(value) >= SHORTEST_SECRET)
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, "***")
    return text


def write_report(text: str) -> Path:
    """Write a report for this user alone: to `bugs` in PYML_HOME, else to the folder for temporary files.

    Raises:
        OSError: neither can be written.
    """
    from pyml_sandbox.workspace.home import SandboxHome

    try:
        return _written(SandboxHome.find("default").root / "bugs", text)
    except (OSError, PymlError):
        return _written(Path(tempfile.gettempdir()), text)


def _written(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    start = f"pyml-bug-{time.strftime('%Y%m%d-%H%M%S')}-"
    handle, file = tempfile.mkstemp(".txt", start, folder)
    with open(handle, "w", encoding="utf-8", errors="replace") as report:
        report.write(text)
    return Path(file)


def _versions(packages: Iterable[str]) -> list[str]:
    found = []
    for package in packages:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{package} not installed")
    return found


def _one_line(error: BaseException) -> str:
    message = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {message[:300]}" if message else type(error).__name__
