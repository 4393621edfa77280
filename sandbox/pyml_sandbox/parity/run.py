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

from pyml.errors import PymlError, SandboxError
from pyml_sandbox.events import OnEvent, timed
from pyml_sandbox.parity.freeze import DATABASE
from pyml_sandbox.parity.report import StepTime

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pyml_sandbox.client import Client
    from pyml_sandbox.registry import ModelVersion

TABLES = ("rows", "offline", "asked", "answered")
"""What the names of the Hive tables of a run begin with."""


@dataclass(frozen=True)
class Failure:
    """A path that raised instead of predicting.

    Attributes:
        comparison: which therefore cannot be made.
        words: what was asked.
        message: what the path said.
    """

    comparison: str
    words: str
    message: str


@dataclass
class Run:
    """One run.

    Attributes:
        folder: Parquet files of this run, and in the end its report.
        name: ends the names of its Hive tables.
        on_event: told of each step.
        steps: finished steps.
        failures: paths that raised.
        images: the image in which each path ran, by path.
    """

    folder: Path
    name: str
    on_event: OnEvent
    steps: list[StepTime] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    images: dict[str, str] = field(default_factory=dict)

    @classmethod
    def begin(cls, client: Client, version: ModelVersion, on_event: OnEvent) -> Run:
        """A new run of a version; what an earlier one left in its folder is deleted."""
        folder = client.home.parity / version.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return cls(folder, f"{_stem(version)}_{uuid.uuid4().hex[:8]}", on_event)

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
    def path(self, comparison: str, words: str) -> Iterator[None]:
        """Note that a path failed, and go on: that one path answers and the other raises is a finding."""
        try:
            yield
        except SandboxError:
            raise
        except PymlError as error:
            self.failures.append(Failure(comparison, words, error.message))

    def drop_earlier(self, spark: SparkSession, version: ModelVersion) -> None:
        """Keep the tables of this run alone: those of earlier runs answer no question any more."""
        names = re.compile(rf"({'|'.join(TABLES)})_{_stem(version)}_[0-9a-f]{{8}}(_\d+)?")
        for table in spark.catalog.listTables(DATABASE):
            if names.fullmatch(table.name) and self.name not in table.name:
                spark.sql(f"DROP TABLE IF EXISTS {DATABASE}.{table.name} PURGE")


def _stem(version: ModelVersion) -> str:
    return version.name.replace("-", "_").lower()
