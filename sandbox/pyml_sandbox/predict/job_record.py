"""The record of the offline job that wrote a Hive table, in `jobs/TABLE.json` of the sandbox."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.errors import SandboxError
from pyml.inference.worker_info import Worker
from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.home import SandboxHome

if TYPE_CHECKING:
    from pyml.offline.job import JobResult
    from pyml_sandbox.drivers.contract import Driver
    from pyml_sandbox.models.environment import Environment


@dataclass(frozen=True)
class JobRecord:
    """One job that succeeded.

    Attributes:
        model_id: name@version.
        image: id of the image that it ran in; None if it ran in no image.
        query: the query whose rows were predicted.
        result: table, rows, key, time of each step, and the workers.
        finished_at: seconds since 1970.
    """

    model_id: str
    image: str | None
    query: str
    result: JobResult
    finished_at: float

    def keep(self, home: SandboxHome) -> Path:
        """Write the record; it replaces the record of an earlier job that wrote the same table."""
        file = home.jobs / f"{self.result.table}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps(asdict(self), indent=2) + "\n")
        return file


def check_image(driver: Driver, environment: Environment, workers: Sequence[Worker]) -> None:
    """Check that every worker ran in the environment's image. The engine is asked, since a worker can report anything.

    Args:
        driver: of the sandbox in which the job ran.
        environment: of the model version.
        workers: as they reported themselves.

    Raises:
        SandboxError: a worker ran in a different image.
    """
    if environment.image is None:
        return
    for worker in workers:
        image = driver.image_of(worker.host)
        if image != environment.image:
            raise SandboxError(
                f"The job ran on {worker.host} in image {image or 'unknown'}, not in {environment.image}.",
                "pyml dev logs spark-master   shows where executors were placed",
            )
