"""The Compose file: what every container may and may not, and that the committed file is what the code renders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from pyml.errors import UsageError
from pyml.probes import NotListeningError
from pyml_sandbox.drivers.container import service_specs
from pyml_sandbox.drivers.container.compose.compose_file import document, service
from pyml_sandbox.drivers.container.compose.default_file import default_file
from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.services.container_spec import Container, Limits
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.ports import Ports
from pyml_sandbox.workspace.yaml_text import yaml_text

SETTINGS = service_specs.ContainerSettings("pyml-test", Ports(), cores=2)
BASE_IMAGE = "sha256:" + "ab" * 32
MODEL_IMAGE = "sha256:" + "cd" * 32


def not_asked(timeout_s: float) -> None:
    raise NotListeningError("nowhere")


def model(settings: service_specs.ContainerSettings = SETTINGS) -> ServiceSpec:
    limits = Limits(memory_bytes=1_000_000, cpus=1.5, pids=99)
    endpoint = Endpoint("model-fare-3f2a", "unix:/run/pyml/m-fare-3f2a", not_asked)
    return service_specs.model_container(settings, endpoint, ("serve",), MODEL_IMAGE, limits, "")


def every_spec(settings: service_specs.ContainerSettings = SETTINGS) -> list[ServiceSpec]:
    return [
        service_specs.metastore_container(settings, BASE_IMAGE),
        service_specs.master_container(settings, BASE_IMAGE, not_asked),
        service_specs.sql_container(settings, BASE_IMAGE),
        service_specs.gateway_container(settings, BASE_IMAGE),
        service_specs.worker_container(settings, "worker-1", "spark-fare", "fare", MODEL_IMAGE, not_asked),
        service_specs.connect_container(settings, "spark-fare", "fare", MODEL_IMAGE, not_asked),
        model(settings),
    ]


def rendered(spec: ServiceSpec) -> dict[str, Any]:
    return dict(service("pyml-test", spec))


def test_the_committed_file_is_what_the_code_renders() -> None:
    committed = Path(__file__).parents[6] / "compose" / "compose.yaml"
    assert committed.read_text(encoding="utf-8") == default_file()


@pytest.mark.parametrize("spec", every_spec(), ids=lambda spec: spec.name)
class TestEveryContainer:
    def test_it_has_no_privileges(self, spec: ServiceSpec) -> None:
        found = rendered(spec)
        assert found["user"] == "1000:1000"
        assert found["cap_drop"] == ["ALL"]
        assert found["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in found

    def test_it_publishes_on_this_machine_alone(self, spec: ServiceSpec) -> None:
        assert all(port.startswith("127.0.0.1:") for port in rendered(spec).get("ports", []))

    def test_it_is_found_by_its_labels(self, spec: ServiceSpec) -> None:
        found = rendered(spec)["labels"]
        assert found[labels.SANDBOX] == "pyml-test"
        assert found[labels.SERVICE] == spec.name
        assert found[labels.DIGEST] == spec.digest

    def test_it_comes_back_after_a_crash_and_a_reboot_and_not_once_it_was_stopped(self, spec: ServiceSpec) -> None:
        assert rendered(spec)["restart"] == "unless-stopped"


def test_every_service_but_a_models_asks_itself_a_real_request() -> None:
    without = [spec.name for spec in every_spec() if "healthcheck" not in rendered(spec)]
    assert without == ["model-fare-3f2a"]


def test_a_model_has_no_network_a_read_only_root_and_limits() -> None:
    found = rendered(model())
    assert found["network_mode"] == "none"
    assert found["read_only"] is True
    assert found["volumes"] == ["sockets:/run/pyml"]
    assert "ports" not in found
    assert (found["mem_limit"], found["memswap_limit"]) == (1_000_000, 1_000_000)
    assert (found["cpus"], found["pids_limit"]) == (1.5, 99)


def test_the_engines_socket_goes_to_the_gateway_alone() -> None:
    having = [
        spec.name for spec in every_spec() if any("docker.sock" in each for each in rendered(spec).get("volumes", []))
    ]
    assert having == ["gateway"]


def test_the_gateways_port_is_published_on_this_machine_alone_and_it_is_told_so() -> None:
    gateway = rendered(service_specs.gateway_container(SETTINGS, BASE_IMAGE))
    assert all(str(port).startswith("127.0.0.1:") for port in gateway["ports"])
    assert "--local-only" in gateway["command"]
    assert "--access-log" not in gateway["command"]
    told = rendered(service_specs.gateway_container(replace(SETTINGS, access_log=True), BASE_IMAGE))
    assert "--access-log" in told["command"]


def test_without_the_socket_the_gateway_starts_nothing_and_models_start_at_once() -> None:
    alone = replace(SETTINGS, socket=None)
    gateway = rendered(service_specs.gateway_container(alone, BASE_IMAGE))
    assert gateway["volumes"] == ["sockets:/run/pyml", "routes:/var/lib/pyml/routes"]
    assert "--engine" not in gateway["command"]
    assert labels.ON_REQUEST not in rendered(model(alone))["labels"]
    assert labels.IDLE_STOP_S not in rendered(model(alone))["labels"]


def test_executors_run_in_the_models_image_alone() -> None:
    worker, connect = every_spec()[4:6]
    resource = service_specs.resource_of(MODEL_IMAGE)
    assert rendered(worker)["image"] == rendered(connect)["image"] == MODEL_IMAGE
    assert f"-Dspark.worker.resource.{resource}.amount=1" in worker.environment["SPARK_WORKER_OPTS"]
    assert f"spark.executor.resource.{resource}.amount=1" in connect.command


@pytest.mark.parametrize("cores", [2, 3, 6, 8, 11, 13])
def test_all_cores_of_a_worker_can_be_used_at_once(cores: int) -> None:
    connect = service_specs.connect_container(replace(SETTINGS, cores=cores), "spark", "fare", MODEL_IMAGE, not_asked)
    (amount,) = [word.partition("amount=")[2] for word in connect.command if "task.resource" in word]
    assert int(1 / float(amount)) == cores


def test_idle_containers_are_never_stopped_where_the_time_is_zero() -> None:
    assert labels.IDLE_STOP_S not in rendered(model(replace(SETTINGS, idle_stop_s=0)))["labels"]
    assert rendered(model(replace(SETTINGS, idle_stop_s=60)))["labels"][labels.IDLE_STOP_S] == "60"


def test_compose_replaces_nothing_in_commands_and_variables() -> None:
    spec = ServiceSpec(
        Endpoint("x", "", not_asked), ("echo", "$HOME"), Path("/"), {"A": "$B"}, container=Container("i")
    )
    found = rendered(spec)
    assert found["command"] == ["echo", "$$HOME"]
    assert found["environment"] == {"A": "$$B"}


def test_a_file_is_read_back_as_it_was_written() -> None:
    whole = document("pyml-test", every_spec())
    written = yaml_text(whole)
    assert yaml.safe_load(written) == whole
    assert "&id" not in written


def test_every_volume_and_the_network_carry_the_sandboxs_label() -> None:
    whole: dict[str, Any] = document("pyml-test", every_spec())
    parts = [*whole["volumes"].values(), *whole["networks"].values()]
    assert sorted(whole["volumes"]) == ["metastore", "routes", "sockets", "warehouse"]
    limited = [name for name, volume in whole["volumes"].items() if "size=16777216" in str(volume.get("driver_opts"))]
    assert limited == ["sockets"]
    assert all(part["labels"] == {labels.SANDBOX: "pyml-test"} for part in parts)


def test_a_spec_of_another_driver_is_refused() -> None:
    with pytest.raises(UsageError, match="x has no container"):
        document("pyml-test", [ServiceSpec(Endpoint("x", "", not_asked), ("x",), Path("/"))])


def test_another_container_is_another_digest() -> None:
    spec = model()
    assert spec.container is not None
    assert replace(spec, container=replace(spec.container, image="other")).digest != spec.digest
