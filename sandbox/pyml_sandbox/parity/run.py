"""One run of the parity check: its files, and the time of each step."""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.errors import PymlError, SandboxError
from pyml_sandbox.parity.observations.phase_clock import Phase, PhaseClock
from pyml_sandbox.parity.report.document import StepTime
from pyml_sandbox.parity.rows.snapshot import DATABASE
from pyml_sandbox.parity.verdict import PathFailure
from pyml_sandbox.predict.online import ServerEndedError
from pyml_sandbox.workspace.events import Event, OnEvent, Progress, ignore, timed
from pyml_sandbox.workspace.turns import turn

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pyml_sandbox.workspace.home import SandboxHome

TABLES = ("rows", "offline")
"""Prefixes of the names of a run's Hive tables."""
NUMBERED_TABLES = ("asked", "answered")
"""Prefixes of tables of which a run makes several, with numbers."""


def only_run(home: SandboxHome, model: str, on_event: OnEvent = ignore) -> AbstractContextManager[None]:
    """Hold a lock while a model is checked, since a run replaces the files of the one before. The lock is reentrant.

    Blocks while a check of the same model runs, in any process.

    Args:
        home: the sandbox.
        model: name of the model, without a version.
        on_event: called if this process has to wait.
    """
    return turn(home.parity / f".{_stem(model)}.lock", f"check of {model}", on_event)


@dataclass
class Run:
    """One run of the parity check.

    Attributes:
        folder: of its Parquet files and its report.
        name: suffix of the names of its Hive tables.
        on_event: called at the start and end of each step.
        steps: the steps that are done.
        failures: the paths that failed.
        has_ended_server: whether a request made the model's server exit; it may not be ready again.
        images: image ids by path.
        database: of its Hive tables.
        stem: how the names of the Hive tables of all runs like this one begin, and of no run by somebody else.
        begun: when it began, on a clock that nobody sets.
        phases: how long the phases of the search for differences take.
    """

    folder: Path
    name: str
    on_event: OnEvent
    steps: list[StepTime] = field(default_factory=list)
    failures: list[PathFailure] = field(default_factory=list)
    has_ended_server: bool = False
    images: dict[str, str] = field(default_factory=dict)
    database: str = DATABASE
    stem: str = ""
    begun: float = field(default_factory=time.monotonic)
    phases: PhaseClock = field(init=False)

    def __post_init__(self) -> None:
        self.phases = PhaseClock(lambda phase: self.on_event(Event(phase, Progress.WAITING, phase.line)))

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return time.monotonic() - self.begun

    @classmethod
    def begin(
        cls, home: SandboxHome, model: str, on_event: OnEvent, *, where: str = "", database: str = DATABASE
    ) -> Run:
        """Start a run; the files of an earlier run are deleted. Call it inside `only_run`.

        Args:
            home: the sandbox.
            model: name of the model.
            on_event: called at the start and end of each step.
            where: name of the cluster on which it is checked; empty for the sandbox.
            database: of its Hive tables.
        """
        folder = home.parity / (f"{model}@{where}" if where else model)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        stem = f"{_stem(model)}_{_whose(home)}" if where else _stem(model)
        return cls(folder, f"{stem}_{uuid.uuid4().hex[:8]}", on_event, database=database, stem=stem)

    @contextmanager
    def step(self, name: str, detail: str) -> Iterator[Callable[[str], None]]:
        """Run a step: report it, and record how long it took."""
        start = time.perf_counter()
        outcome = ""

        with timed(name, self.on_event, detail) as done:

            def note(text: str) -> None:
                nonlocal outcome
                outcome = text
                done(text)

            yield note
        self.steps.append(StepTime(name, round(time.perf_counter() - start, 3), outcome))

    @contextmanager
    def search(self) -> Iterator[dict[Phase, str]]:
        """Wait for the search for differences, or go on with it: report its phases, and record them as steps.

        Yields:
            A dictionary to which what was done in a phase is added.
        """
        beside, details = self.phases.seconds, dict[Phase, str]()
        try:
            yield details
        except BaseException:
            for phase, seconds in self.phases.seconds.items():
                self.on_event(Event(phase, Progress.FAILED, elapsed_s=seconds))
            raise
        for phase, seconds in self.phases.seconds.items():
            detail, beside_s = details.get(phase, ""), beside.get(phase, 0.0)
            self.on_event(Event(phase, Progress.READY, detail, elapsed_s=seconds))
            self.steps.append(StepTime(str(phase), round(seconds, 3), detail, round(beside_s, 3)))

    def file(self, name: str) -> Path:
        """The path of a Parquet file of this run."""
        return self.folder / f"{name}.parquet"

    @contextmanager
    def path(self, comparison: str, name: str) -> Iterator[None]:
        """Record it if a path fails, and go on: if only one path fails, that is a finding.

        Args:
            comparison: name of the comparison that cannot be made without this path.
            name: of the path, see `PathFailure.paths`.

        Raises:
            SandboxError: Spark or the gateway is gone, which is not a fault of the model.
        """
        try:
            yield
        except ServerEndedError as error:
            self.has_ended_server = True
            self.failures.append(PathFailure((name,), error.message, comparison, error.code))
        except SandboxError:
            raise
        except PymlError as error:
            self.failures.append(PathFailure((name,), error.message, comparison, error.code))

    def drop_earlier(self, spark: SparkSession) -> None:
        """Drop the Hive tables of earlier runs of the model from this sandbox."""
        run = rf"{re.escape(self.stem)}_[0-9a-f]{{8}}"
        names = re.compile(rf"({'|'.join(TABLES)})_{run}|({'|'.join(NUMBERED_TABLES)})_{run}_\d+")
        for row in spark.sql(f"SHOW TABLES IN {self.database}").collect():  # the catalog's list reads each table
            if names.fullmatch(row.tableName) and self.name not in row.tableName:
                spark.sql(f"DROP TABLE IF EXISTS {self.database}.{row.tableName} PURGE")


def _whose(home: SandboxHome) -> str:
    """A mark of this sandbox, on a cluster where others check the same model."""
    return hashlib.sha256(f"{socket.gethostname()} {home.folder}".encode()).hexdigest()[:6]


def _stem(model: str) -> str:
    """The model's part of the names of its tables; two models may share it."""
    return model.replace("-", "_").lower()
