"""A verdict speaks of one image: where the paths ran in two, nothing is certified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import pytest

from pyml.errors import SandboxError
from pyml.inference.worker_info import Worker
from pyml.offline.job import JobResult
from pyml_sandbox.drivers.contract import Driver
from pyml_sandbox.models.environment import Environment
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.parity.paths.path_images import UNKNOWN, image_reasons, images_of
from pyml_sandbox.predict.offline_jobs.job_image import check_image

VERSION = cast("ModelVersion", None)
A, B = "sha256:aa", "sha256:bb"


@dataclass(frozen=True)
class Engine:
    """What an engine knows: the image of each host, and those that serve."""

    hosts: Mapping[str, str] = field(default_factory=dict)
    online: Sequence[str] = ()

    def image_of(self, host: str) -> str | None:
        return self.hosts.get(host)

    def online_images(self, version: ModelVersion) -> Sequence[str]:
        return self.online


def driver(hosts: Mapping[str, str], *online: str) -> Driver:
    return cast("Driver", Engine(hosts, online))


def result(*workers: Worker) -> JobResult:
    return JobResult("ml.t", 1, ("id",), {}, workers)


def worker(host: str, says: str | None = A) -> Worker:
    return Worker(host, says, "3.11.2", {})


def test_the_engine_is_asked_and_not_the_worker() -> None:
    assert images_of(driver({"h1": B}, A), VERSION, result(worker("h1", says=A))) == {"offline": B, "online": A}


def test_every_worker_and_every_replica_counts() -> None:
    found = images_of(driver({"h1": A, "h2": B}, A, B), VERSION, result(worker("h1"), worker("h2")))
    assert found == {"offline": f"{A}, {B}", "online": f"{A}, {B}"}


def test_processes_run_in_no_image() -> None:
    assert images_of(driver({}), VERSION, result(worker("laptop", says=None))) == {}


def test_a_host_that_the_engine_does_not_know_is_said() -> None:
    assert images_of(driver({}, A), VERSION, result(worker("h1")))["offline"] == UNKNOWN


@pytest.mark.parametrize(
    ("images", "doubtful"),
    [
        ({}, False),
        ({"online": A}, False),
        ({"offline": A, "online": A}, False),
        ({"offline": A, "online": B}, True),
        ({"offline": f"{A}, {B}", "online": f"{A}, {B}"}, True),
        ({"offline": UNKNOWN, "online": A}, True),
    ],
)
def test_two_images_are_a_doubt(images: dict[str, str], doubtful: bool) -> None:
    assert bool(image_reasons(images)) is doubtful
    assert all(id_ in reason for reason in image_reasons(images) for id_ in images.values())


def environment(image: str | None) -> Environment:
    return Environment("key", "/python", "/model", image=image)


def test_a_job_that_ran_elsewhere_is_refused_and_one_without_an_image_is_not_asked() -> None:
    check_image(driver({"h1": A}), environment(A), [worker("h1")])
    check_image(driver({}), environment(None), [worker("laptop", says=None)])
    with pytest.raises(SandboxError, match="ran on h1 in image sha256:bb, not in sha256:aa"):
        check_image(driver({"h1": B}), environment(A), [worker("h1")])
    with pytest.raises(SandboxError, match="in image unknown"):
        check_image(driver({}), environment(A), [worker("h1")])
