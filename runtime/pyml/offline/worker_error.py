"""An error on its way from a Python worker to the job: one line of JSON in whatever Spark makes of an exception."""

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

MARK = "pyml-error: "
"""What the line begins with, behind the name of the exception."""


class WorkerError(Exception):
    """What a worker raises in place of an error of ours; its text is the line."""


@dataclass(frozen=True)
class Told:
    """What a worker told of an error.

    Attributes:
        message: what was expected and what was found.
        hint: how to mend it; empty where nothing can be advised.
        codes: what is wrong, for programs.
    """

    message: str
    hint: str
    codes: tuple[ErrorCode, ...]


@contextlib.contextmanager
def told_to_the_job() -> Iterator[None]:
    """Raise errors of ours as `WorkerError`; how they came about goes to the worker's log.

    Raises:
        WorkerError: in place of a `PymlError`.
    """
    try:
        yield
    except PymlError as error:
        log.error("the worker failed", exc_info=error)
        raise WorkerError(line_of(error)) from None


def line_of(error: PymlError) -> str:
    """An error as one line."""
    facts = {"codes": [str(code) for code in error.codes], "message": error.message, "hint": error.hint}
    return MARK + json.dumps(facts)


def told_in(text: str) -> Told | None:
    """The error that a worker told, out of what Spark says; None where it told none.

    Args:
        text: of Spark's own exception: stack traces of Python and Java around the line.
    """
    decoder = json.JSONDecoder()
    for mark in re.finditer(MARK, text):
        # What a message quotes does not decode: its quotation marks are escaped.
        with contextlib.suppress(ValueError, TypeError, KeyError):
            facts, _ = decoder.raw_decode(text, mark.end())
            return Told(facts["message"], facts["hint"], tuple(map(ErrorCode, facts["codes"])))
    return None
