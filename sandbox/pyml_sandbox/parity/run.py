"""One run of the parity check: where its files lie, and how long each step took."""

from __future__ import annotations

import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import PymlError, SandboxError
from pyml_sandbox.parity.report.document import StepTime
from pyml_sandbox.parity.rows.frozen import DATABASE
from pyml_sandbox.parity.verdict import PathFailure
from pyml_sandbox.predict.online import ServerEndedError
from pyml_sandbox.workspace.events import OnEvent, ignore, timed

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pyml_sandbox.client import Client
    from pyml_sandbox.models.version import ModelVersion
    from pyml_sandbox.workspace.home import SandboxHome

TABLES = ("rows", "offline")
"""What the names of the Hive tables of a run begin with."""
NUMBERED_TABLES = ("asked", "answered")
"""The same, of those of which a run makes several."""


@contextmanager
def only_run(home: SandboxHome, model: str, on_event: OnEvent = ignore) -> Iterator[None]:
    """Hold a model while it is checked: a run replaces what the one before left. Who holds it may hold it again.

    Blocks while a check of the same model runs, in this process or another.

    Args:
        home: the sandbox.
        model: name of the model, without a version.
        on_event: told if there is something to wait for.
    """
    import filelock

    home.parity.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(home.parity / f".{_stem(model)}.lock", is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        with timed("turn", on_event, f"another check of {model} runs, and goes first") as done:
            lock.acquire()
            done("the check before has ended")
    try:
        yield
    finally:
        lock.release()


@dataclass
class Run:
    """One run.

    Attributes:
        folder: Parquet files of this run, and in the end its report.
        name: ends the names of its Hive tables.
        on_event: told of each step.
        steps: finished steps.
        failures: paths that raised.
        has_ended_server: one of them has ended the model's server, which was not waited for since.
        images: the image in which each path ran, by path.
    """

    folder: Path
    name: str
    on_event: OnEvent
    steps: list[StepTime] = field(default_factory=list)
    failures: list[PathFailure] = field(default_factory=list)
    has_ended_server: bool = False
    images: dict[str, str] = field(default_factory=dict)

    @classmethod
    def begin(cls, client: Client, version: ModelVersion, on_event: OnEvent) -> Run:
        """A new run of a version; what an earlier one left in its folder is deleted. Inside `only_run`."""
        folder = client.home.parity / version.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return cls(folder, f"{_stem(version.name)}_{uuid.uuid4().hex[:8]}", on_event)

    @contextmanager
    def step(self, name: str, detail: str) -> Iterator[Callable[[str], None]]:
        """Time a step and tell of it."""
        start = time.perf_counter()
        outcome = ""

        with timed(name, self.on_event, detail) as done:

            def note(text: str) -> None:
                nonlocal outcome
                outcome = text
                done(text)

            yield note
        self.steps.append(StepTime(name, round(time.perf_counter() - start, 3), outcome))

    def file(self, name: str) -> Path:
        """A Parquet file of this run."""
        return self.folder / f"{name}.parquet"

    @contextmanager
    def path(self, comparison: str, name: str) -> Iterator[None]:
        """Note that a path failed, and go on: that one path answers and the other raises is a finding.

        Args:
            comparison: which cannot be made then.
            name: of the path, see `PathFailure.paths`.

        Raises:
            SandboxError: Spark or the gateway went away: that says nothing about the model.
        """
        try:
            yield
        except ServerEndedError as error:
            self.has_ended_server = True
            self.failures.append(PathFailure((name,), error.message, comparison, error.code))
        except SandboxError:
            raise
        except PymlError as error:
            if error.code is ErrorCode.SPARK_GONE:
                raise SandboxError(error.message, error.hint, *error.codes) from error
            self.failures.append(PathFailure((name,), error.message, comparison, error.code))

    def drop_earlier(self, spark: SparkSession, version: ModelVersion) -> None:
        """Keep the tables of this run alone: those of earlier runs answer no question any more."""
        run = rf"{re.escape(_stem(version.name))}_[0-9a-f]{{8}}"
        names = re.compile(rf"({'|'.join(TABLES)})_{run}|({'|'.join(NUMBERED_TABLES)})_{run}_\d+")
        for table in spark.catalog.listTables(DATABASE):
            if names.fullmatch(table.name) and self.name not in table.name:
                spark.sql(f"DROP TABLE IF EXISTS {DATABASE}.{table.name} PURGE")


def _stem(model: str) -> str:
    """A model's name as the names of its tables have it: two models may share it."""
    return model.replace("-", "_").lower()
