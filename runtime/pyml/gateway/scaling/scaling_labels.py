"""Labels by which the gateway knows the containers of its sandbox. They are put on when a container is created."""

from __future__ import annotations

SANDBOX = "io.pyml.sandbox"
"""The sandbox it belongs to."""
SERVICE = "io.pyml.service"
"""Name of the service that it runs."""
IDLE_STOP_S = "io.pyml.idle-stop-s"
"""It is stopped after so many seconds without work; absent where it never is."""
SPARK_UI = "io.pyml.spark-ui"
"""On a Spark driver: `http://HOST:PORT` of its UI, which tells whether it has work."""
IDLE_WITH = "io.pyml.idle-with"
"""It is stopped when this service is, for having no work."""
