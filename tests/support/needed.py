"""What a machine may lack: a reason to skip, unless the run says that nothing may be lacking."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pyml.errors import SetupError


@contextmanager
def needed(strict: str = "PYML_REQUIRE_DOCKER") -> Iterator[None]:
    """What this machine lacks skips a test; it fails where the variable `strict` is 1: nothing may be lacking then."""
    try:
        yield
    except SetupError as error:
        if os.environ.get(strict) == "1":
            raise
        pytest.skip(f"{error.message} ({error.hint})")
