"""The gateway's view of containers: one contract, for those in memory and for those of a real engine."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Protocol

import pytest

from pyml.gateway.scaling.containers import Containers, EngineError, ServerContainer
from pyml.gateway.scaling.docker_containers import DockerContainers
from pyml.gateway.scaling.fake_containers import FakeContainers
from pyml.gateway.scaling.scaling_labels import IDLE_STOP_S, SANDBOX, SERVICE
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from support.waiting import wait_for


class Place(Protocol):
    """Where containers are made and removed, which the gateway does not do."""

    @property
    def containers(self) -> Containers: ...

    def make(self, service: str, ends_with: int = -1, *, elsewhere: bool = False) -> str:
        """Create a container; its id.

        Args:
            service: that it runs.
            ends_with: exit code with which it ends at once; by default it runs on.
            elsewhere: in another sandbox.
        """

    def remove(self, container_id: str) -> None: ...


class ContainersContract:
    """What holds for every implementation of `Containers`."""

    def test_a_container_that_was_only_made_is_stopped(self, place: Place) -> None:
        made = place.make("a")
        found = one(place, "a")
        assert (found.id, found.service, found.status, found.started_at) == (made, "a", "created", 0)
        assert found.is_stopped
        assert found.labels[IDLE_STOP_S] == "60"

    def test_containers_are_found_by_service_and_by_sandbox_the_newest_first(self, place: Place) -> None:
        first, other, second = place.make("a"), place.make("b"), place.make("a")
        place.make("a", elsewhere=True)
        assert [container.id for container in place.containers.find("a")] == [second, first]
        assert [container.id for container in place.containers.find()] == [second, other, first]
        assert place.containers.find("c") == []

    def test_started_it_runs_and_tells_since_when(self, place: Place) -> None:
        place.containers.start(place.make("a"))
        found = one(place, "a")
        assert found.is_running
        assert not found.is_stopped
        assert abs(time.time() - found.started_at) < 10

    def test_to_start_what_runs_changes_nothing(self, place: Place) -> None:
        made = place.make("a")
        place.containers.start(made)
        before = one(place, "a")
        place.containers.start(made)
        assert one(place, "a") == before

    def test_stopped_it_can_be_started_again(self, place: Place) -> None:
        made = place.make("a")
        place.containers.start(made)
        before = one(place, "a")
        for _ in range(2):
            place.containers.stop(made)
            assert one(place, "a").is_stopped
        place.containers.start(made)
        assert one(place, "a").is_running
        assert one(place, "a").started_at > before.started_at

    def test_one_that_ends_by_itself_says_how(self, place: Place) -> None:
        place.containers.start(place.make("a", ends_with=3))
        wait_for(lambda: one(place, "a").is_stopped, "the container has ended")
        assert one(place, "a").end == "ended with exit code 3"

    def test_one_that_is_gone_can_be_neither_started_nor_stopped_and_that_is_fine(self, place: Place) -> None:
        made = place.make("a")
        place.remove(made)
        place.containers.start(made)
        place.containers.stop(made)
        assert place.containers.find() == []


def one(place: Place, service: str) -> ServerContainer:
    (found,) = place.containers.find(service)
    return found


class FakePlace:
    def __init__(self) -> None:
        self.containers = FakeContainers()

    def make(self, service: str, ends_with: int = -1, *, elsewhere: bool = False) -> str:
        place = FakeContainers() if elsewhere else self.containers
        return place.add(service, {IDLE_STOP_S: "60"}, ends_with=ends_with)

    def remove(self, container_id: str) -> None:
        self.containers.remove(container_id)


class TestFakeContainers(ContainersContract):
    @pytest.fixture
    def place(self) -> FakePlace:
        return FakePlace()


class EnginePlace:
    def __init__(self, engine: Engine, image: str) -> None:
        self.engine = engine
        self.image = image
        self.sandbox = f"pyml-test-{uuid.uuid4().hex[:8]}"
        self.containers = DockerContainers(engine.endpoint, self.sandbox)
        self.made: list[str] = []

    def make(
        self,
        service: str,
        ends_with: int = -1,
        *,
        elsewhere: bool = False,
        restarts: bool = False,
        command: Sequence[str] = (),
        network: str = "none",
    ) -> str:
        runs = ["sleep", "600"] if ends_with < 0 else ["sh", "-c", f"exit {ends_with}"]
        sandbox = f"{self.sandbox}-2" if elsewhere else self.sandbox
        made = self.engine.client.containers.create(
            self.image,
            list(command) or runs,
            init=not command,
            network=network,
            labels={SANDBOX: sandbox, SERVICE: service, IDLE_STOP_S: "60"},
            restart_policy={"Name": "on-failure", "MaximumRetryCount": 0} if restarts else None,
        )
        self.made.append(str(made.id))
        return self.made[-1]

    def remove(self, container_id: str) -> None:
        self.made.remove(container_id)
        self.engine.client.containers.get(container_id).remove(force=True, v=True)

    def end(self) -> None:
        for container_id in list(self.made):
            self.remove(container_id)
        self.containers.close()


class TestDockerContainers(ContainersContract):
    @pytest.fixture
    def place(self, engine: Engine, python_image: str) -> Iterator[EnginePlace]:
        place = EnginePlace(engine, python_image)
        yield place
        place.end()

    def test_the_engine_counts_how_often_it_started_one_again(self, place: EnginePlace) -> None:
        made = place.make("a", ends_with=7, restarts=True)
        place.containers.start(made)
        wait_for(lambda: one(place, "a").status == "restarting" and one(place, "a").restarts >= 3, "it has ended often")
        assert one(place, "a").end.startswith("ended with exit code 7, restarted ")
        place.containers.stop(made)
        assert one(place, "a").is_stopped

    def test_what_the_engine_says_when_it_cannot_start_one_is_told(self, place: EnginePlace) -> None:
        made = place.make("a", command=["no-such-program"])
        with pytest.raises(EngineError, match=r"the Docker engine refused: .*no-such-program"):
            place.containers.start(made)

    def test_one_whose_network_is_gone_is_not_taken_for_gone_itself(self, place: EnginePlace) -> None:
        network = place.engine.client.networks.create(place.sandbox)
        made = place.make("a", network=str(network.name))
        network.remove()
        with pytest.raises(EngineError, match=r"network .* not found"):
            place.containers.start(made)
