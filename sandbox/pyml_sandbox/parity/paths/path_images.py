"""The image that each path ran in: a verdict is about one image, or about none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyml.offline.job import JobResult
    from pyml_sandbox.drivers.contract import Driver
    from pyml_sandbox.models.version import ModelVersion

UNKNOWN = "an image that nobody knows"


def images_of(driver: Driver, version: ModelVersion, result: JobResult | None) -> dict[str, str]:
    """The image ids of each path as the engine reports them; empty if no path ran in containers.

    Args:
        driver: of the sandbox.
        version: the version that was checked.
        result: of the offline job; None if it failed.
    """
    workers = () if result is None else result.workers
    offline = {driver.image_of(worker.host) or UNKNOWN for worker in workers}
    online = driver.online_images(version)
    return {path: ", ".join(sorted(ids)) for path, ids in (("offline", offline), ("online", online)) if online and ids}


def image_reasons(images: Mapping[str, str]) -> Sequence[str]:
    """Reasons, from the images, why nothing can be certified: the paths did not run in the same image."""
    if len(set(images.values())) <= 1 and not any("," in ids for ids in images.values()):
        return ()
    where = ", ".join(f"{path} in {ids}" for path, ids in images.items())
    return (f"the paths did not run in the same image ({where})",)
