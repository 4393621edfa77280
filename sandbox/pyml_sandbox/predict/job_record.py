"""What made a Hive table: the record of the offline job that wrote it, in `jobs/TABLE.json` of the sandbox."""

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
    """One job that was done.

    Attributes:
        model_id: name@version.
        image: id of the image in which it ran; None where it ran in none.
        query: whose rows were predicted.
        result: table, rows, key, time of each step, and who predicted.
        finished_at: seconds since 1970.
    """

    model_id: str
    image: str | None
    query: str
    result: JobResult
    finished_at: float

    def keep(self, home: SandboxHome) -> Path:
        """Write it, in place of the record of the job that wrote the same table before."""
        file = home.jobs / f"{self.result.table}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps(asdict(self), indent=2) + "\n")
        return file


def check_image(driver: Driver, environment: Environment, workers: Sequence[Worker]) -> None:
    """Ask the engine for the image of each worker's container: what a worker says of itself proves nothing.

    Raises:
        SandboxError: it is another than the environment's.
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
