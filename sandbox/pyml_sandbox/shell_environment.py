"""The sandbox's addresses as environment variables that other tools read."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pyml_sandbox.home import SandboxHome
from pyml_sandbox.java import find_java
from pyml_sandbox.ports import HOST
from pyml_sandbox.state import require_state


def shell_environment(home: SandboxHome, environ: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Variables by name. `SPARK_REMOTE` is PySpark's own: with it a plain `SparkSession.builder` finds the sandbox.

    Raises:
        SandboxError: this sandbox was never up.
        SetupError: there is no Java.
    """
    ports = require_state(home).ports
    java = find_java(home, os.environ if environ is None else environ)
    return {
        "PYML_HOME": str(home.root),
        "PYML_SANDBOX": home.name,
        "PYML_GATEWAY": f"{HOST}:{ports.gateway}",
        "PYML_GATEWAY_REST": f"http://{HOST}:{ports.rest}",
        "SPARK_REMOTE": f"sc://{HOST}:{ports.spark}",
        "HIVE_METASTORE_URIS": f"thrift://{HOST}:{ports.metastore}",
        "JAVA_HOME": str(java.home),
    }
