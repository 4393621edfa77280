"""The sandbox's addresses as environment variables that other tools read."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pyml.errors import SetupError
from pyml_sandbox.drivers.process.java import find_java
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import HOST
from pyml_sandbox.workspace.state import require_state


def shell_environment(home: SandboxHome, environ: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Environment variables by name. PySpark reads `SPARK_REMOTE`: a plain `SparkSession.builder` finds the sandbox.

    `JAVA_HOME` is included if Java is installed; a sandbox of containers does not need it.

    Raises:
        SandboxError: the sandbox has never been up.
    """
    ports = require_state(home).ports
    return {
        "PYML_HOME": str(home.root),
        "PYML_SANDBOX": home.name,
        "PYML_GATEWAY": f"{HOST}:{ports.gateway}",
        "PYML_GATEWAY_REST": f"http://{HOST}:{ports.rest}",
        "SPARK_REMOTE": f"sc://{HOST}:{ports.spark}",
        "HIVE_METASTORE_URIS": f"thrift://{HOST}:{ports.metastore}",
        **_java_home(home, os.environ if environ is None else environ),
    }


def _java_home(home: SandboxHome, environ: Mapping[str, str]) -> dict[str, str]:
    try:
        return {"JAVA_HOME": str(find_java(home, environ).home)}
    except SetupError:
        return {}
