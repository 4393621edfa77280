"""Cases of a test that `make test` leaves out, since others show the same in less time."""

from __future__ import annotations

from typing import Any

import pytest


def slow(*values: object) -> Any:
    """A case that runs in `make every-test` alone.

    Args:
        values: its parameters.
    """
    return pytest.param(*values, marks=pytest.mark.slow)
