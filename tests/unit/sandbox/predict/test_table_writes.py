"""One process writes a table at a time, and what a killed one left is dropped by the next."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pyml.error_code import ErrorCode
from pyml.errors import SandboxError, UsageError
from pyml_sandbox.predict import table_writes
from pyml_sandbox.predict.table_writes import begin_writing, drop_interrupted, drop_left_over, writing
from pyml_sandbox.workspace.home import SandboxHome


@dataclass
class FakeSpark:
    """A session that keeps its statements, and knows which tables there are."""

    tables: list[str]
    session_id: str = "a-session"
    statements: list[str] = field(default_factory=list)

    def sql(self, text: str) -> SimpleNamespace:
        self.statements.append(text)
        return SimpleNamespace(collect=lambda: [{"tableName": name} for name in self.tables])

    @property
    def catalog(self) -> SimpleNamespace:
        return SimpleNamespace(databaseExists=lambda name: True, tableExists=lambda name: False)

    @property
    def dropped(self) -> list[str]:
        return [text.split()[4] for text in self.statements if text.startswith("DROP TABLE")]


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    return SandboxHome(tmp_path)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeSpark:
    fake = FakeSpark(["million", "million__staging_1458b1b8", "million__staging_mine", "millions__staging_1458b1b8"])

    @contextlib.contextmanager
    def session(home: SandboxHome) -> Iterator[FakeSpark]:
        yield fake

    monkeypatch.setattr(table_writes, "session", session)
    return fake


def killed(home: SandboxHome, table: str) -> None:
    """What a killed process leaves: a file that nobody locks."""
    home.writing.mkdir(parents=True, exist_ok=True)
    (home.writing / table).touch()


def test_staging_tables_and_folders_of_the_table_are_dropped_and_nothing_else(
    home: SandboxHome, fake: FakeSpark
) -> None:
    (home.data / "warehouse" / "ml.db" / "million__staging_0000aaaa").mkdir(parents=True)
    drop_left_over(cast("Any", fake), home, "ml.million")
    assert fake.dropped == ["ml.million__staging_0000aaaa", "ml.million__staging_1458b1b8"]


def test_the_query_of_a_killed_process_is_interrupted_before_its_tables_are_dropped(
    home: SandboxHome, fake: FakeSpark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spark would go on with it, and write the staging table afterwards."""
    interrupted: list[tuple[str, str]] = []

    def interrupt(address: str, session_id: str, access: None = None) -> None:
        assert not fake.dropped
        interrupted.append((address, session_id))

    monkeypatch.setattr(table_writes, "interrupt_left", interrupt)
    begin_writing(cast("Any", fake), home, "ml.million", "127.0.0.1:15002")
    assert interrupted == []
    fake.statements.clear()  # the process was killed; a new one begins
    fake.session_id = "a-new-session"
    with writing(home, "ml.million"):
        begin_writing(cast("Any", fake), home, "ml.million", "127.0.0.1:15002")
        assert interrupted == [("127.0.0.1:15002", "a-session")]
    drop_left_over(cast("Any", fake), home, "ml.million")
    assert len(interrupted) == 1


def test_two_processes_do_not_write_one_table(home: SandboxHome) -> None:
    with (
        writing(home, "ml.t"),
        writing(home, "ml.other"),
        pytest.raises(SandboxError, match="Another job") as raised,
        writing(home, "ML.T"),
    ):
        pass
    assert raised.value.code == ErrorCode.SANDBOX_BUSY
    with writing(home, "ml.t"):
        pass
    assert not list(home.writing.iterdir())


def test_a_name_that_is_none_of_a_table_is_refused(home: SandboxHome) -> None:
    with pytest.raises(UsageError), writing(home, "../t"):
        pass


def test_up_and_down_drop_what_killed_processes_left(home: SandboxHome, fake: FakeSpark) -> None:
    killed(home, "default.million")
    with writing(home, "ml.t"):
        assert drop_interrupted(home) == ["default.million"]
        assert [path.name for path in home.writing.iterdir()] == ["ml.t"]
    assert fake.dropped == ["default.million__staging_1458b1b8"]


def test_a_table_whose_query_still_runs_is_looked_at_again(home: SandboxHome, fake: FakeSpark) -> None:
    killed(home, "default.million")
    (home.data / "warehouse" / "million__staging_0000aaaa").mkdir(parents=True)
    assert drop_interrupted(home) == ["default.million"]
    assert (home.writing / "default.million").exists()


def test_without_such_a_process_spark_is_not_asked(home: SandboxHome, fake: FakeSpark) -> None:
    assert not drop_interrupted(home)
    assert not fake.statements


def test_where_spark_is_down_the_next_one_drops_them(home: SandboxHome, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(home: SandboxHome) -> None:
        raise SandboxError("Spark does not answer")

    killed(home, "default.million")
    monkeypatch.setattr(table_writes, "session", refuse)
    assert not drop_interrupted(home)
    assert (home.writing / "default.million").exists()
