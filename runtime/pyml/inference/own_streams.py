"""The stdin and stdout of a program that loads a model, reserved for its own requests and responses.

Any other reader of stdin finds it empty, and any other writer to stdout, in Python or below, writes to stderr.
"""

from __future__ import annotations

import os
from typing import TextIO


def own_stdin() -> TextIO:
    """Take over the real stdin of this process; from now on its stdin is empty."""
    questions = os.fdopen(os.dup(0), encoding="utf-8")
    with open(os.devnull, encoding="utf-8") as nothing:
        os.dup2(nothing.fileno(), 0)
    return questions


def own_stdout() -> TextIO:
    """Take over the real stdout of this process; from now on its stdout is its stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers
