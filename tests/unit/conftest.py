"""What unit tests share."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import HealthCheck, settings

# What takes long is no fault of a test: the first to import pandas does, and every one on a busy machine.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="module")
def one_database() -> Iterator[None]:
    """Every comparison of a module runs in one DuckDB: opening one takes longer than comparing two small tables."""
    with duckdb.connect(config={"threads": 1}) as database, pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", database.cursor)
        yield
