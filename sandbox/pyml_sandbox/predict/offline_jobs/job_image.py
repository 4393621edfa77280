"""The image that an offline job ran in, as the engine knows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyml.errors import SandboxError
from pyml.inference.worker_info import Worker

if TYPE_CHECKING:
    from pyml_sandbox.drivers.contract import Driver
    from pyml_sandbox.models.environment import Environment


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
