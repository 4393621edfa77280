"""In which image each path ran: a verdict speaks of one image, or of none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyml.offline.job import JobResult
    from pyml_sandbox.drivers.contract import Driver
    from pyml_sandbox.models.version import ModelVersion

UNKNOWN = "an image that the engine does not know"


def images_of(driver: Driver, version: ModelVersion, result: JobResult | None) -> dict[str, str]:
    """The image ids that the engine names for each path, by path; empty where no path ran in containers.

    Args:
        driver: where both paths ran.
        version: what was predicted with.
        result: of the offline job; None where it failed.
    """
    workers = () if result is None else result.workers
    offline = {driver.image_of(worker.host) or UNKNOWN for worker in workers}
    online = driver.online_images(version)
    return {path: ", ".join(sorted(ids)) for path, ids in (("offline", offline), ("online", online)) if online and ids}


def doubts_about(images: Mapping[str, str]) -> Sequence[str]:
    """Why images keep a verdict from being given: both paths did not run in one and the same."""
    if len(set(images.values())) <= 1 and not any("," in ids for ids in images.values()):
        return ()
    where = ", ".join(f"{path} in {ids}" for path, ids in images.items())
    return (f"the paths did not run in one image ({where})",)
