"""What runs offline jobs of a model on a cluster: a SparkApplication, and the line of `spark-submit`. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

from pyml.inference.worker_info import IMAGE_VARIABLE
from pyml_sandbox.export.pod import restricted
from pyml_sandbox.export.promoted_image import PromotedImage
from pyml_sandbox.services.inside_paths import MODEL_PACKAGE, MODEL_PYTHON, OFFLINE_PROGRAM, USER
from pyml_sandbox.services.spark import ONE_TIME_ZONE, OWN_DAEMON
from pyml_sandbox.workspace.events import JSON

DRIVER_MB, EXECUTOR_MB = 2048, 1024
"""Memory of the Java parts, in MiB, as in the sandbox."""
SERVICE_ACCOUNT = "spark"
"""Account with which a driver makes its executors: https://spark.apache.org/docs/latest/running-on-kubernetes.html#rbac."""


@dataclass(frozen=True)
class ExportedJob:
    """The job that a cluster runs.

    Attributes:
        sql: the query whose rows are predicted.
        table: target Hive table, `database.table`.
        key: columns that stay beside the predictions.
        executors: number of executors.
        metastore: host:port of the Hive metastore; empty where the cluster's Spark knows it.
    """

    sql: str
    table: str
    key: tuple[str, ...] = ()
    executors: int = 2
    metastore: str = ""

    @property
    def arguments(self) -> list[str]:
        """Those of `python -m pyml.offline`."""
        return [
            f"--package={MODEL_PACKAGE}",
            f"--sql={self.sql}",
            f"--table={self.table}",
            *(f"--key={each}" for each in self.key),
        ]


def spark_application(image: PromotedImage, job: ExportedJob) -> dict[str, JSON]:
    """The SparkApplication; https://www.kubeflow.org/docs/components/spark-operator/reference/api-docs/."""
    serving = image.settings.serving
    pod: dict[str, JSON] = {
        "labels": dict(image.job_labels),
        "securityContext": {**restricted(), "readOnlyRootFilesystem": False, **_user()},
    }
    overhead = python_memory(image)
    driver: dict[str, JSON] = {"cores": 1, "memory": f"{DRIVER_MB}m", "memoryOverhead": overhead["driver"]}
    executor: dict[str, JSON] = {"instances": job.executors, "cores": serving.cpus, "memory": f"{EXECUTOR_MB}m"}
    executor["memoryOverhead"] = overhead["executor"]
    return {
        "apiVersion": "sparkoperator.k8s.io/v1beta2",
        "kind": "SparkApplication",
        "metadata": {"name": image.name, "labels": dict(image.job_labels)},
        "spec": {
            "type": "Python",
            "pythonVersion": "3",
            "mode": "cluster",
            "sparkVersion": version("pyspark"),
            "image": image.image,
            "imagePullPolicy": "IfNotPresent",
            "mainApplicationFile": f"local://{OFFLINE_PROGRAM}",
            "arguments": [*job.arguments],
            "sparkConf": dict(job_settings(image, job)),
            "restartPolicy": {"type": "Never"},
            "driver": {**driver, "serviceAccount": SERVICE_ACCOUNT, **pod},
            "executor": {**executor, **pod},
        },
    }


def submit_script(image: PromotedImage, job: ExportedJob) -> str:
    """A shell script with the line of `spark-submit`; $SPARK_MASTER names the cluster."""
    serving = image.settings.serving
    settings = {
        "spark.kubernetes.container.image": image.image,
        "spark.kubernetes.authenticate.driver.serviceAccountName": SERVICE_ACCOUNT,
        "spark.driver.memory": f"{DRIVER_MB}m",
        "spark.executor.instances": str(job.executors),
        "spark.executor.cores": str(serving.cpus),
        "spark.executor.memory": f"{EXECUTOR_MB}m",
        **{f"spark.{part}.memoryOverhead": memory for part, memory in python_memory(image).items()},
        **job_settings(image, job),
    }
    lines = [
        'exec spark-submit --master "${SPARK_MASTER:?set it: k8s://https://HOST:PORT}" --deploy-mode cluster',
        f"--name {shlex.quote(image.name)}",
        *(f"--conf {shlex.quote(f'{name}={value}')}" for name, value in settings.items()),
        shlex.join([f"local://{OFFLINE_PROGRAM}", *job.arguments]),
    ]
    head = f"#!/bin/sh\n# The offline job of {image.version.model_id}, in its promoted image, on Kubernetes.\n"
    return head + " \\\n    ".join(lines) + "\n"


def python_memory(image: PromotedImage) -> Mapping[str, str]:
    """Memory beside Java's, by part: the driver loads the model once, an executor once for each of its cores."""
    serving = image.settings.serving
    return {"driver": f"{serving.memory_mb}m", "executor": f"{serving.memory_mb * serving.cpus}m"}


def job_settings(image: PromotedImage, job: ExportedJob) -> Mapping[str, str]:
    """Spark's settings that the predictions depend on, the same as in the sandbox.

    Args:
        image: its workers.
        job: names the metastore.
    """
    known = {"spark.hadoop.hive.metastore.uris": f"thrift://{job.metastore}"} if job.metastore else {}
    digest = {f"spark.executorEnv.{IMAGE_VARIABLE}": image.config_digest} if image.config_digest else {}
    return {
        "spark.pyspark.python": MODEL_PYTHON,
        "spark.pyspark.driver.python": MODEL_PYTHON,
        "spark.sql.catalogImplementation": "hive",
        **ONE_TIME_ZONE,
        "spark.driver.extraJavaOptions": "-Duser.timezone=UTC",
        "spark.executor.extraJavaOptions": "-Duser.timezone=UTC",
        **OWN_DAEMON,
        **known,
        **digest,
    }


def _user() -> dict[str, JSON]:
    user, _, group = USER.partition(":")
    return {"runAsNonRoot": True, "runAsUser": int(user), "runAsGroup": int(group)}
