"""What unit tests share."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest


@pytest.fixture(scope="module")
def one_database() -> Iterator[None]:
    """Every comparison of a module runs in one DuckDB: opening one takes longer than comparing two small tables."""
    with duckdb.connect(config={"threads": 1}) as database, pytest.MonkeyPatch.context() as patch:
        patch.setattr(duckdb, "connect", database.cursor)
        yield
