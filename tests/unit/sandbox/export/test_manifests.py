"""What is rendered for a cluster: valid by the schemas of Kubernetes and the Spark operator, by digest, and locked down."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from kubeflow_spark_api import models as spark_api

from pyml.errors import UsageError
from pyml.package.settings import PromoteSettings, ServingSettings, Settings
from pyml_sandbox.export.manifest_files import serving_files, spark_files, write_files
from pyml_sandbox.export.promoted_image import PromotedImage, kubernetes_name
from pyml_sandbox.export.spark_manifests import ExportedJob
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.promotion.oci.image_reference import Reference
from support.proofs import IMAGE, key_in
from support.spark_submit import submitted_words

DIGEST = "sha256:" + "d" * 64
NAMED = f"registry.example/models/fare@{DIGEST}"
JOB = ExportedJob("SELECT * FROM trips WHERE city = 'Zürich'", "ml.fare", ("trip_id",), 3, "hive.example:9083")
VERSION = ModelVersion("Fare_2", "0123456789ab", Path("/nowhere"), 0, {})
KUBERNETES = kubernetes_validate.latest_version()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> PromotedImage:
    serving = ServingSettings(replicas=3, memory_mb=1536, cpus=4, max_request_mb=32)
    settings = Settings("Fare_2", serving=serving, promote=PromoteSettings("P4"))
    reference = Reference("registry.example", "models/fare", "prod", DIGEST)
    return PromotedImage(VERSION, reference, IMAGE, settings, key_in(tmp_path_factory.mktemp("key")).public)


def documents(text: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(text))


def rendered(image: PromotedImage) -> dict[str, str]:
    return {
        **serving_files(image, is_kserve=False),
        **serving_files(image, is_kserve=True),
        **spark_files(image, JOB),
    }


def containers_in(pod: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in pod["containers"]}


def pods(image: PromotedImage) -> list[dict[str, Any]]:
    deployment = documents(serving_files(image, is_kserve=False)["kubernetes.yaml"])[0]
    service = documents(serving_files(image, is_kserve=True)["inference-service.yaml"])[0]
    predictor = dict(service["spec"]["predictor"])
    return [
        deployment["spec"]["template"]["spec"],
        {k: v for k, v in predictor.items() if not k.endswith("Replicas") and k != "annotations"},
    ]


# ---- by the schemas of others


def test_kubernetes_takes_each_document(image: PromotedImage) -> None:
    found = documents(serving_files(image, is_kserve=False)["kubernetes.yaml"])
    assert [each["kind"] for each in found] == ["Deployment", "Service", "NetworkPolicy"]
    for each in found:
        kubernetes_validate.validate(each, KUBERNETES, strict=True)


def test_the_predictor_of_kserve_is_a_pod(image: PromotedImage) -> None:
    for spec in pods(image):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "fare"}, "spec": spec}
        kubernetes_validate.validate(pod, KUBERNETES, strict=True)


def test_the_spark_operator_knows_each_field(image: PromotedImage) -> None:
    application = documents(spark_files(image, JOB)["spark-application.yaml"])[0]
    known = spark_api.SparkV1beta2SparkApplication.from_dict(application)
    assert known is not None
    assert set(paths(application)) <= set(paths(known.to_dict()))


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Every field of a document; a field that the operator does not know is lost on the way through its models."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{path}.{name}"
            yield from paths(inner, f"{path}.{name}")


# ---- by ours


def test_every_image_is_named_by_its_digest(image: PromotedImage) -> None:
    whole = "\n".join(rendered(image).values())
    named = re.findall(r"^\s*-?\s*image: (\S+)$|container\.image=([^\s']+)", whole, flags=re.MULTILINE)
    assert {one or other for one, other in named} == {NAMED}
    assert ":prod" not in whole


@pytest.mark.parametrize("which", ["Deployment", "InferenceService"])
def test_a_pod_has_the_limits_of_the_sandbox(image: PromotedImage, which: str) -> None:
    pod = pods(image)[which == "InferenceService"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"] == {
        "fsGroup": 1000,
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert container["resources"]["limits"] == container["resources"]["requests"]
        assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/run/pyml", "/tmp"}
    assert all("sizeLimit" in volume["emptyDir"] for volume in pod["volumes"])


def test_the_two_containers_share_the_socket_and_nothing_else(image: PromotedImage) -> None:
    found = containers_in(pods(image)[0])
    shared = {each["name"] for each in found["model"]["volumeMounts"]}.intersection(
        each["name"] for each in found["gateway"]["volumeMounts"]
    )
    assert shared == {"sockets"}
    route = found["gateway"]["command"][found["gateway"]["command"].index("--route") + 1]
    served = dict(zip(found["model"]["command"][3::2], found["model"]["command"][4::2], strict=True))
    assert route == f"{served['--name']}@{served['--version']}={served['--socket-dir']}/{served['--service']}"


def test_resources_and_replicas_are_those_of_the_settings(image: PromotedImage) -> None:
    deployment = documents(serving_files(image, is_kserve=False)["kubernetes.yaml"])[0]
    assert deployment["spec"]["replicas"] == 3
    model = containers_in(deployment["spec"]["template"]["spec"])["model"]
    assert model["resources"]["limits"] == {"memory": "1536Mi", "cpu": "4"}
    assert {"name": "PYML_IMAGE", "value": IMAGE} in model["env"]


def test_a_server_outlives_the_gateway_that_still_asks_it(image: PromotedImage) -> None:
    pod = pods(image)[0]
    waits = {name: int(each["lifecycle"]["preStop"]["exec"]["command"][1]) for name, each in containers_in(pod).items()}
    assert waits["gateway"] + 10 <= waits["model"]
    assert waits["model"] + 15 <= pod["terminationGracePeriodSeconds"]


def test_only_the_gateway_is_reached_and_nothing_goes_out(image: PromotedImage) -> None:
    policies = [
        each
        for text in rendered(image).values()
        if text.startswith("apiVersion")
        for each in documents(text)
        if each["kind"] == "NetworkPolicy"
    ]
    assert len(policies) == 2
    for policy in policies:
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        assert policy["spec"]["egress"] == []
        assert [each["port"] for each in policy["spec"]["ingress"][0]["ports"]] == [8471, 8470]


def test_the_line_of_spark_submit_is_one_that_a_shell_splits_as_meant(image: PromotedImage) -> None:
    words = submitted_words(spark_files(image, JOB)["spark-submit.sh"])
    assert words[:4] == ["--master", "k8s://https://127.0.0.1:6443", "--deploy-mode", "cluster"]
    program = words.index("local:///opt/pyml/runtime/pyml/offline/__main__.py")
    assert words[program + 1 :] == ["--package=/opt/pyml/model", f"--sql={JOB.sql}", "--table=ml.fare", "--key=trip_id"]  # fmt: skip
    settings = {word for flag, word in itertools.pairwise(words) if flag == "--conf"}
    assert f"spark.kubernetes.container.image={NAMED}" in settings
    assert "spark.hadoop.hive.metastore.uris=thrift://hive.example:9083" in settings


def test_the_application_and_the_line_of_spark_submit_have_the_same_settings(image: PromotedImage) -> None:
    application = documents(spark_files(image, JOB)["spark-application.yaml"])[0]["spec"]
    words = submitted_words(spark_files(image, JOB)["spark-submit.sh"])
    assert {f"{name}={value}" for name, value in application["sparkConf"].items()} <= set(words)
    assert application["arguments"] == JOB.arguments


def test_policies_admit_the_level_that_promotion_asks_for_and_those_above(image: PromotedImage) -> None:
    assert image.key is not None
    kyverno = documents(serving_files(image, is_kserve=False)["policy-kyverno.yaml"])[0]["spec"]
    name = "registry.example/models/fare"
    assert kyverno["matchImageReferences"] == [{"glob": f"{name}@*"}, {"glob": f"{name}:*"}]
    assert kyverno["attestors"][0]["cosign"]["key"]["data"] == image.key.pem
    expressions = " ".join(each["expression"] for each in kyverno["validations"])
    assert "in ['P4', 'P5']" in expressions
    assert expressions.count("images.initContainers.all") == expressions.count("images.containers.all") == 3

    sigstore = documents(serving_files(image, is_kserve=False)["policy-sigstore.yaml"])[0]["spec"]
    assert sigstore["authorities"][0]["key"]["data"] == image.key.pem
    assert 'level: "P4" | "P5"' in sigstore["authorities"][0]["attestations"][0]["policy"]["data"]


def test_without_a_key_no_policies_are_written(image: PromotedImage) -> None:
    without = PromotedImage(image.version, image.reference, "", image.settings)
    assert list(serving_files(without, is_kserve=True)) == ["inference-service.yaml"]
    assert "PYML_IMAGE" not in "\n".join(spark_files(without, JOB).values())


# ---- names and files


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fare", "fare"),
        ("Fare_2", "fare-2-[0-9a-f]{6}"),
        ("_x_", "x-[0-9a-f]{6}"),
        ("___", "m-[0-9a-f]{6}"),
        ("2023-fare", "m-2023-fare-[0-9a-f]{6}"),
        ("A" * 80, "a{56}-[0-9a-f]{6}"),
    ],
)
def test_a_model_gets_a_name_that_kubernetes_takes(name: str, expected: str) -> None:
    assert re.fullmatch(expected, kubernetes_name(name))


def test_names_that_kubernetes_cannot_tell_apart_stay_apart() -> None:
    assert len({kubernetes_name(name) for name in ("a_b", "a-b", "A_b", "A-B")}) == 4


def test_a_version_that_looks_like_a_number_stays_a_text(image: PromotedImage) -> None:
    for version in ("412345678e12", "089012345678", "123456789012", "1_2"):
        odd = replace(image, version=replace(VERSION, version=version))
        text = serving_files(odd, is_kserve=False)["kubernetes.yaml"]
        assert f"app.kubernetes.io/version: '{version}'" in text


def test_the_pods_of_a_job_are_not_those_of_the_servers(image: PromotedImage) -> None:
    found = documents(serving_files(image, is_kserve=False)["kubernetes.yaml"])
    selectors = [
        found[0]["spec"]["selector"]["matchLabels"],
        found[1]["spec"]["selector"],
        found[2]["spec"]["podSelector"]["matchLabels"],
    ]
    application = documents(spark_files(image, JOB)["spark-application.yaml"])[0]["spec"]
    served = found[0]["spec"]["template"]["metadata"]["labels"]
    for selector in selectors:
        assert selector.items() <= served.items()
        assert not any(selector.items() <= application[part]["labels"].items() for part in ("driver", "executor"))


def test_a_driver_and_each_core_of_an_executor_have_memory_for_the_model(image: PromotedImage) -> None:
    application = documents(spark_files(image, JOB)["spark-application.yaml"])[0]["spec"]
    assert [application[part]["memoryOverhead"] for part in ("driver", "executor")] == ["1536m", "6144m"]
    words = submitted_words(spark_files(image, JOB)["spark-submit.sh"])
    assert {"spark.driver.memoryOverhead=1536m", "spark.executor.memoryOverhead=6144m"} <= set(words)


def test_files_are_replaced_and_scripts_can_be_run(tmp_path: Path) -> None:
    for text in ("one\n", "two\n"):
        written = write_files({"a.yaml": text, "b.sh": text}, tmp_path / "made" / "here")
    assert [file.read_text() for file in written] == ["two\n", "two\n"]
    assert written[1].stat().st_mode & 0o111


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file/folder cannot be written"):
        write_files({"a.yaml": ""}, tmp_path / "file" / "folder")


def test_prometheus_finds_the_figures_of_a_pod_and_the_gateway_there_answers_every_name(image: PromotedImage) -> None:
    deployment = documents(serving_files(image, is_kserve=False)["kubernetes.yaml"])[0]
    service = documents(serving_files(image, is_kserve=True)["inference-service.yaml"])[0]
    told = {"prometheus.io/scrape": "true", "prometheus.io/port": "8471", "prometheus.io/path": "/metrics"}
    for found in (
        deployment["spec"]["template"]["metadata"]["annotations"],
        service["spec"]["predictor"]["annotations"],
    ):
        assert found == told
    gateway = containers_in(deployment["spec"]["template"]["spec"])["gateway"]
    assert "--local-only" not in gateway["command"]
    assert "0.0.0.0:8471" in gateway["command"]
