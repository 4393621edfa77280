"""An error of a Python worker as one line of JSON inside Spark's own exception, which the job parses."""

from __future__ import annotations

import contextlib
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pyml.error_code import ErrorCode
from pyml.errors import PymlError

log = logging.getLogger("pyml.offline")

PREFIX = "pyml-error: "
"""The line begins with it, after the name of the exception."""


class WorkerError(Exception):
    """What a worker raises in place of a `PymlError`; its message is the line."""


@dataclass(frozen=True)
class ReportedError:
    """An error that a worker reported.

    Attributes:
        message: what was expected and what was found.
        hint: how to fix it; empty if there is no advice.
        codes: what is wrong, for programs.
    """

    message: str
    hint: str
    codes: tuple[ErrorCode, ...]


@contextlib.contextmanager
def reported_to_job() -> Iterator[None]:
    """Raise each `PymlError` as a `WorkerError`; the traceback goes to the worker's log.

    Raises:
        WorkerError: in place of a `PymlError`.
    """
    try:
        yield
    except PymlError as error:
        log.error("the worker failed", exc_info=error)
        raise WorkerError(line_of(error)) from None


def line_of(error: PymlError) -> str:
    """An error as the line."""
    facts = {"codes": [str(code) for code in error.codes], "message": error.message, "hint": error.hint}
    return PREFIX + json.dumps(facts)


def reported_error_in(text: str) -> ReportedError | None:
    """The error that a worker reported; None if it reported none.

    Args:
        text: message of Spark's own exception: stack traces of Python and Java around the line.
    """
    decoder = json.JSONDecoder()
    for prefix in re.finditer(PREFIX, text):
        # A line that a message quotes does not parse: its quotation marks are escaped.
        with contextlib.suppress(ValueError, TypeError, KeyError):
            facts, _ = decoder.raw_decode(text, prefix.end())
            return ReportedError(facts["message"], facts["hint"], tuple(map(ErrorCode, facts["codes"])))
    return None
