"""Commands whose exit code 1 is a verdict: a difference, and never an error before there is a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pyml.errors import ProblemsError, ProofError, PymlError, SchemaError

FAILED = 1
WRONG_INPUT = 2
TROUBLE = 3


@contextmanager
def exit_code_1_is_a_verdict() -> Iterator[None]:
    """Give an error that ends the command the exit code of wrong input, or of trouble, instead of 1; not a proof.

    Raises:
        PymlError: as it was raised.
    """
    try:
        yield
    except PymlError as error:
        if error.exit_code == FAILED and not isinstance(error, ProofError):
            error.exit_code = WRONG_INPUT if isinstance(error, ProblemsError | SchemaError) else TROUBLE
        raise
