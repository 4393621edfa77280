"""Where things lie inside every container; the Dockerfiles in compose/ put them there."""

from __future__ import annotations

JAVA_HOME = "/opt/pyml/java"
SPARK_HOME = "/opt/pyml/spark"
BASE_PYTHON = "/opt/pyml/venv/bin/python"
"""The interpreter with our runtime and, in a model image, what the model requires."""
MODEL_PYTHON = "/opt/pyml/python"
"""In a model image: the script that starts that interpreter in the pinned environment, on both paths."""
MODEL_PACKAGE = "/opt/pyml/model"
"""In a model image: the four artifacts."""
LOCK = "/opt/pyml/requirements.lock"
"""Everything that is installed: Python packages and Debian packages with their versions."""
RESOURCE_SCRIPT = "/opt/pyml/spark-resource"
"""Tells a Spark worker the resource that names its image."""

WAREHOUSE = "/var/lib/pyml/warehouse"
METASTORE = "/var/lib/pyml/metastore"
SOCKETS = "/run/pyml"
"""Volumes of a sandbox."""
USER = "1000:1000"
"""User and group `pyml`, under which everything runs."""
