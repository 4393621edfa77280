"""The options of `pyml init` that name a source: which of them contradict one another."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyml.errors import UsageError
from pyml_cli.commands.package_sources import Sources

FILE = Path("rows.parquet")
CONTRADICTIONS = [
    (Sources(FILE, "db.t", None), "--from-parquet and --from-table are given"),
    (Sources(FILE, "", Path("model")), "--from-parquet and --from-mlflow are given"),
    (Sources(FILE, "", None, template="torch"), "--template and --from-parquet are given"),
    (Sources(None, "db.t", None, template="frame"), "--template and --from-table are given"),
    (Sources(None, "", Path("model"), excluded=["k"]), "--exclude belongs to"),
    (Sources(None, "", None, excluded=["k"]), "--exclude belongs to"),
    (Sources(None, "", None, outputs=["p DOUBLE"]), "--output belongs to"),
]


@pytest.mark.parametrize(("sources", "message"), CONTRADICTIONS, ids=[message for _, message in CONTRADICTIONS])
def test_options_that_contradict_one_another_are_refused(sources: Sources, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        sources.draft()


def test_without_a_source_there_is_nothing_to_draft() -> None:
    assert Sources(None, "", None, template="torch").draft() is None
