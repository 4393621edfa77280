"""What `pyml export` writes, run by an engine as a cluster would: pulled by digest, with the limits of the manifests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton
import yaml
from docker.errors import ImageNotFound

from pyml.package.model_package import ModelPackage
from pyml.probes.spark_probe import SparkProbe
from pyml_cli.main import run
from pyml_sandbox.client import Client
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.drivers.container.engine.lookup import containers_of
from pyml_sandbox.proof.signing_key import create_key_pair
from pyml_sandbox.services import spark
from pyml_sandbox.services.inside_paths import INSIDE, SPARK_HOME, WAREHOUSE
from pyml_sandbox.workspace.home import SandboxHome
from support.packages import write_package
from support.pods import Pod, running
from support.registries import docker_registry
from support.spark_submit import submitted_words
from support.typed_commands import Typed
from support.waiting import answers, wait_for

HALF = """
import os
import numpy as np
import pandas as pd
from pyml import DataFrameModel, Schema

class Half(DataFrameModel):
    inputs = Schema("a DOUBLE")
    outputs = Schema("half DOUBLE, where STRING")
    def __init__(self, parameters): pass
    def predict(self, frame):
        return pd.DataFrame({"half": np.log1p(frame["a"]) / 3, "where": os.environ["PYTHONHASHSEED"]})
"""
PARITY = """
[serving]
memory_mb = 512
cpus = 1

[parity]
sql = "SELECT id, CAST(id AS DOUBLE) AS a FROM range(50)"
key = ["id"]
level = "P1"
"""
QUERY = "SELECT id, CAST(id AS DOUBLE) AS a FROM range(0, 500, 1, 4)"
ROWS = [float(value) for value in range(200)]


@pytest.fixture(scope="module")
def promoted(container_sandbox: SandboxHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A version that was promoted; the engine has no image of its reference, so that what runs was pulled by digest."""
    folder = tmp_path_factory.mktemp("promoted")
    create_key_pair(folder)
    package = write_package(folder / "half", HALF, toml=PARITY)
    model_id = Client(container_sandbox).upload_model(ModelPackage(package))
    (folder / "registry").mkdir()
    with docker_registry(folder / "registry") as registry, pytest.MonkeyPatch.context() as shell:
        shell.setenv("PYML_HOME", str(container_sandbox.root))
        shell.setenv("PYML_SANDBOX", container_sandbox.name)
        shell.setenv("PYML_SIGNING_KEY", str(folder / "keys" / "signing.key"))
        assert run(["parity-check", str(package)]) == 0
        assert run(["promote", model_id, "--to", f"{registry.host}/models/half", "--plain-http"]) == 0
        yield model_id


@pytest.fixture(scope="module")
def predicted(container_sandbox: SandboxHome, promoted: str) -> str:
    """The table that the sandbox's own job has written."""
    Client(container_sandbox).predict_offline(promoted, QUERY, "ml.half_here", ["id"]).wait()
    return "ml.half_here"


def exported(typed: Typed, folder: Path, *words: str) -> dict[str, Any]:
    """Export, and give the first document of each YAML file."""
    written = json.loads(typed("export", *words, "--to", str(folder), "--json"))
    texts = {Path(file).name: Path(file).read_text(encoding="utf-8") for file in written["files"]}
    documents = {name: next(yaml.safe_load_all(text)) for name, text in texts.items() if name.endswith(".yaml")}
    return {**texts, **documents, "image": written["image"]}


@pytest.fixture
def pod(engine: Engine, promoted: str, typed: Typed, tmp_path: Path) -> Iterator[Pod]:
    found = exported(typed, tmp_path / "k8s", "k8s", promoted)
    with pytest.raises(ImageNotFound):
        engine.client.images.get(found["image"])
    spec = found["kubernetes.yaml"]["spec"]["template"]["spec"]
    with running(engine, spec) as pod:
        pod.wait_until_ready(spec)
        yield pod


def answered(pod: Pod, name: str, values: list[float]) -> list[float]:
    """The predictions of a foreign client over gRPC."""
    asked = triton.InferInput("a", [len(values)], "FP64")
    asked.set_data_from_numpy(np.array(values))
    with triton.InferenceServerClient(f"127.0.0.1:{pod.ports[INSIDE.gateway]}") as client:
        found: list[float] = client.infer(name, [asked]).as_numpy("half").tolist()
        return found


def test_the_pod_answers_as_the_sandbox_does_and_comes_back(client: Client, promoted: str, pod: Pod) -> None:
    client.deploy_model(promoted)
    expected = client.predict_online(promoted, {"a": ROWS})["half"]
    assert answered(pod, "half", ROWS) == list(expected)

    server = pod.containers["model"]
    assert server.attrs["HostConfig"]["ReadonlyRootfs"] is True
    server.kill()
    server.start()  # as a kubelet does; an engine takes a kill for the wish of its user
    ready = {"httpGet": {"path": "/v2/models/half/ready", "port": INSIDE.rest}, "timeoutSeconds": 3}
    wait_for(lambda: pod.answers(ready), "the gateway finds the new server")
    assert answered(pod, "half", ROWS) == list(expected)

    for container in reversed(list(pod.containers.values())):
        container.stop(timeout=15)
        container.reload()
        assert container.attrs["State"]["ExitCode"] == 0, container.logs().decode()


@pytest.mark.slow
def test_the_exported_job_writes_what_the_sandbox_writes(
    client: Client, engine: Engine, promoted: str, predicted: str, typed: Typed, tmp_path: Path
) -> None:
    found = exported(
        typed, tmp_path / "spark", "spark", promoted, "--sql", QUERY, "--table", "ml.half_there", "--key", "id",
        "--metastore", f"metastore:{INSIDE.metastore}",
    )  # fmt: skip
    words = submitted_words(found["spark-submit.sh"])
    assert f"spark.kubernetes.container.image={found['image']}" in words
    submitted = words[
        words.index("cluster") + 1 :
    ]  # as the driver's pod gets it: `driver`, options, program, arguments
    (metastore,) = containers_of(engine, client.home.project, "io.pyml.service=metastore")
    volumes = {mount["Name"]: {"bind": mount["Destination"]} for mount in metastore.attrs["Mounts"]}
    (network,) = metastore.attrs["NetworkSettings"]["Networks"]
    printed = engine.client.containers.run(
        found["image"],
        ["driver", "--master", "local[2]", "--conf", "spark.hadoop.fs.permissions.umask-mode=077", *submitted],
        environment={"SPARK_DRIVER_BIND_ADDRESS": "0.0.0.0"},
        network=network,
        volumes=volumes,
        remove=True,
    )
    result = json.loads(printed.decode().strip().splitlines()[-1])
    assert (result["table"], result["rows"]) == ("ml.half_there", 500)
    assert same_tables(typed, predicted, "ml.half_there")


@pytest.mark.slow
def test_an_executor_starts_as_spark_on_kubernetes_starts_it(
    engine: Engine, promoted: str, typed: Typed, tmp_path: Path
) -> None:
    """There is no Kubernetes here: its backend is started with all that it is given, and looks for its driver in vain."""
    image = exported(typed, tmp_path / "k8s", "k8s", promoted)["image"]
    given = {
        "SPARK_DRIVER_URL": "spark://CoarseGrainedScheduler@127.0.0.1:9",
        "SPARK_EXECUTOR_ID": "1",
        "SPARK_EXECUTOR_CORES": "1",
        "SPARK_EXECUTOR_MEMORY": "512m",
        "SPARK_APPLICATION_ID": "spark-1",
        "SPARK_EXECUTOR_POD_IP": "127.0.0.1",
        "SPARK_EXECUTOR_POD_NAME": "half-exec-1",
        "SPARK_RESOURCE_PROFILE_ID": "0",
        "SPARK_JAVA_OPT_0": "-Dspark.rpc.askTimeout=1s",
        "SPARK_JAVA_OPT_1": "-Dspark.driver.note=two words",
    }
    container = engine.client.containers.run(image, ["executor"], environment=given, detach=True)
    try:
        assert container.wait(timeout=60)["StatusCode"] == 1
        log = container.logs().decode()
    finally:
        container.remove(force=True, v=True)
    assert "Failed to connect to /127.0.0.1:9" in log
    assert "Unrecognized option" not in log


@pytest.fixture
def image_cluster(client: Client, engine: Engine, promoted: str, typed: Typed, tmp_path: Path) -> Iterator[str]:
    """A standalone cluster of two workers from the promoted image, beside the sandbox; host:port of its Connect server."""
    image = exported(typed, tmp_path / "k8s", "k8s", promoted)["image"]
    (metastore,) = containers_of(engine, client.home.project, "io.pyml.service=metastore")
    volumes = {mount["Name"]: {"bind": mount["Destination"]} for mount in metastore.attrs["Mounts"]}
    (network,) = metastore.attrs["NetworkSettings"]["Networks"]
    master = f"half-master-{tmp_path.name.strip('_')}".replace("_", "-")
    spark_class = f"{SPARK_HOME}/bin/spark-class"
    worker = [
        spark_class,
        "org.apache.spark.deploy.worker.Worker",
        "--cores",
        "1",
        "--memory",
        "1g",
        f"spark://{master}:7077",
    ]
    settings = {
        **spark.connect_settings(2, f"metastore:{INSIDE.metastore}", WAREHOUSE, "/tmp"),
        "spark.master": f"spark://{master}:7077",
        "spark.connect.grpc.binding.address": "0.0.0.0",
        "spark.executor.memory": "1g",
        "spark.ui.enabled": "false",
    }
    commands = {
        master: [spark_class, "org.apache.spark.deploy.master.Master", "--host", master, "--port", "7077"],
        f"{master}-1": worker,
        f"{master}-2": worker,
        f"{master}-connect": list(spark.connect_command(SPARK_HOME, settings)),
    }
    started = []
    try:
        for name, command in commands.items():
            ports: dict[str, Any] = {f"{INSIDE.spark}/tcp": ("127.0.0.1", None)} if name.endswith("connect") else {}
            environment = {"SPARK_NO_DAEMONIZE": "1", "SPARK_WORKER_DIR": "/tmp/work"}
            started.append(
                engine.client.containers.run(
                    image,
                    command,
                    name=name,
                    network=network,
                    volumes=volumes,
                    ports=ports,
                    environment=environment,
                    detach=True,
                )
            )
        started[-1].reload()
        port = int((started[-1].ports[f"{INSIDE.spark}/tcp"] or [{}])[0]["HostPort"])
        wait_for(lambda: answers(SparkProbe("127.0.0.1", port)), "the Connect server of the cluster answers", 120)
        yield f"127.0.0.1:{port}"
    finally:
        for container in started:
            container.remove(force=True, v=True)


@pytest.mark.slow
def test_workers_of_the_promoted_image_need_no_archive(
    client: Client,
    image_cluster: str,
    promoted: str,
    predicted: str,
    typed: Typed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "clusters.toml").write_text(f'[docker]\nconnect = "{image_cluster}"\nworkers = "image"\n')
    monkeypatch.chdir(tmp_path)
    asked = ("predict", "offline", promoted, "--sql", QUERY, "--key", "id", "--table", "ml.half_of_image")
    typed(*asked, "--cluster", "docker")
    assert same_tables(typed, predicted, "ml.half_of_image")
    assert not (client.home.root / "cache" / "archives").exists()


def same_tables(typed: Typed, left: str, right: str) -> bool:
    """Whether two tables of the sandbox have the same rows."""
    of = (f"SELECT * FROM {one} EXCEPT ALL SELECT * FROM {other}" for one, other in ((left, right), (right, left)))
    return all(json.loads(typed("dev", "sql", query, "--json"))["rows"] == [] for query in of)
