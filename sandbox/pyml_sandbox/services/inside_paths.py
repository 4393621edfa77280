"""What is inside containers: paths, where the Dockerfiles in compose/ put the files; the user; ports; sizes."""

from __future__ import annotations

from pyml.package.settings import MIB
from pyml_sandbox.services.class_data.class_archive import ClassArchive
from pyml_sandbox.workspace.ports import Ports

JAVA_HOME = "/opt/pyml/java"
SPARK_HOME = "/opt/pyml/spark"
JAVA_CLASSES = f"{JAVA_HOME}/lib/server/classes.jsa"
METASTORE_CLASSES = ClassArchive(JAVA_CLASSES, "/opt/pyml/classes/metastore.jsa")
SPARK_CLASSES = ClassArchive(JAVA_CLASSES, "/opt/pyml/classes/spark.jsa")
"""Archives of classes, made while the image is built. All that Spark runs in Java has the class path of the second."""
BASE_PYTHON = "/opt/pyml/venv/bin/python"
"""The interpreter with our runtime and, in a model image, with the model's packages."""
MODEL_PYTHON = "/opt/pyml/python"
"""In a model image: the script that starts this interpreter with the pinned environment variables, on both paths."""
MODEL_PACKAGE = "/opt/pyml/model"
"""In a model image: the model package."""
OFFLINE_PROGRAM = "/opt/pyml/runtime/pyml/offline/__main__.py"
"""The offline job as a program of `spark-submit`."""
LOCK = "/opt/pyml/requirements.lock"
"""The lock: Python packages and Debian packages with their versions."""
RESOURCE_SCRIPT = "/opt/pyml/spark-resource"
"""The script that gives a Spark worker the resource that names its image."""

WAREHOUSE = "/var/lib/pyml/warehouse"
METASTORE = "/var/lib/pyml/metastore"
SOCKETS = "/run/pyml"
"""Where the volumes of a sandbox lie."""
SOCKETS_NAME = "sockets"
"""Name of the volume of the sockets."""
SOCKETS_BYTES = 16 * MIB
"""How much the volume holds that all model servers of a sandbox write to: sockets take next to nothing."""
TMP = "/tmp"  # noqa: S108 - the container's own
TMP_BYTES = 512 * MIB
"""How much of it a container may use that can write nothing else."""
INSIDE = Ports()
"""The ports on which services listen in containers; they are published at the sandbox's ports."""
ANYWHERE = "0.0.0.0"  # noqa: S104 - inside a container; on this machine only 127.0.0.1 is published
USER = "1000:1000"
"""User and group `pyml` of all processes."""
