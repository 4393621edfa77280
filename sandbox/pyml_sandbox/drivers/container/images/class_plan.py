"""The archives of Java classes in the base image: what is started while it is built, and the code that does it."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path

from pyml_sandbox.services import metastore, spark
from pyml_sandbox.services.inside_paths import (
    BASE_PYTHON,
    INSIDE,
    JAVA_HOME,
    METASTORE_CLASSES,
    SPARK_CLASSES,
    SPARK_HOME,
    TMP,
)
from pyml_sandbox.workspace.ports import HOST

FOLDER = f"{TMP}/rehearsal"
PLAN = "plan.json"
MODULES = (
    "pyml.error_code",
    "pyml.errors",
    "pyml.probes",
    "pyml.probes.grpc_call",
    "pyml.probes.metastore_probe",
    "pyml.probes.spark_probe",
    "pyml_sandbox.services.class_data.first_queries",
    "pyml_sandbox.services.class_data.rehearsal",
)
"""What compose/archive_classes.py imports, and no more: each edit of these makes the archives anew."""


def rehearsal_files() -> Mapping[str, str]:
    """The files of the build's context by path: a plan, and packages with these modules alone."""
    sources = {_path(name): _source(name) for name in MODULES}
    packages = {str(parent / "__init__.py"): "" for path in sources for parent in Path(path).parents if parent.name}
    return {**packages, **sources, PLAN: json.dumps(_plan(), sort_keys=True)}


def _plan() -> Mapping[str, object]:
    """The services as in containers, on data that is deleted: Java takes an archive for the same class path alone."""
    hive = metastore.metastore_settings(f"{FOLDER}/derby", f"{FOLDER}/warehouse", FOLDER)
    log = {"hive.log.dir": FOLDER, "derby.stream.error.file": f"{FOLDER}/derby.log"}
    address = f"{HOST}:{INSIDE.metastore}"
    settings = {
        **spark.connect_settings(2, address, f"{FOLDER}/warehouse", FOLDER, SPARK_CLASSES.dump_options),
        "spark.connect.grpc.binding.address": HOST,
        "spark.connect.grpc.binding.port": str(INSIDE.spark),
        "spark.master": "local[2]",
        "spark.ui.enabled": "false",
    }
    return {
        "folder": FOLDER,
        "archives": [METASTORE_CLASSES.file, SPARK_CLASSES.file],
        "ports": {"metastore": INSIDE.metastore, "spark": INSIDE.spark},
        "commands": {
            "metastore": metastore.metastore_command(
                f"{JAVA_HOME}/bin/java",
                f"{SPARK_HOME}/jars/*",
                {**hive, **log},
                INSIDE.metastore,
                METASTORE_CLASSES.dump_options,
            ),
            "spark": spark.connect_command(SPARK_HOME, settings),
        },
        "environments": {
            "metastore": {"JAVA_HOME": JAVA_HOME, "TZ": "UTC"},
            "spark": {
                **spark.spark_environment(SPARK_HOME, JAVA_HOME, BASE_PYTHON, FOLDER),
                "SPARK_LOCAL_IP": HOST,
                "PATH": f"{JAVA_HOME}/bin:/usr/bin:/bin",
            },
        },
    }


def _path(module: str) -> str:
    path = module.replace(".", "/")
    return f"{path}/__init__.py" if _file(module).name == "__init__.py" else f"{path}.py"


def _source(module: str) -> str:
    return _file(module).read_text(encoding="utf-8")


def _file(module: str) -> Path:
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise ImportError(module)
    return Path(found.origin)
