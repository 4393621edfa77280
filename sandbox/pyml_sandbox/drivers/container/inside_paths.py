"""Paths inside containers; the Dockerfiles in compose/ put the files there."""

from __future__ import annotations

JAVA_HOME = "/opt/pyml/java"
SPARK_HOME = "/opt/pyml/spark"
BASE_PYTHON = "/opt/pyml/venv/bin/python"
"""The interpreter with our runtime and, in a model image, with the model's packages."""
MODEL_PYTHON = "/opt/pyml/python"
"""In a model image: the script that starts this interpreter with the pinned environment variables, on both paths."""
MODEL_PACKAGE = "/opt/pyml/model"
"""In a model image: the model package."""
LOCK = "/opt/pyml/requirements.lock"
"""The lock: Python packages and Debian packages with their versions."""
RESOURCE_SCRIPT = "/opt/pyml/spark-resource"
"""The script that gives a Spark worker the resource that names its image."""

WAREHOUSE = "/var/lib/pyml/warehouse"
METASTORE = "/var/lib/pyml/metastore"
SOCKETS = "/run/pyml"
"""Volumes of a sandbox."""
USER = "1000:1000"
"""User and group `pyml` of all processes."""
