"""Labels by which the gateway recognises the containers of its sandbox; set when a container is created."""

from __future__ import annotations

SANDBOX = "io.pyml.sandbox"
"""The sandbox that it belongs to."""
SERVICE = "io.pyml.service"
"""Name of the service that it runs."""
IDLE_STOP_S = "io.pyml.idle-stop-s"
"""Number of seconds without work after which it is stopped; absent if it is never stopped."""
SPARK_UI = "io.pyml.spark-ui"
"""On a Spark driver: `http://HOST:PORT` of its UI, which shows whether it has work."""
IDLE_WITH = "io.pyml.idle-with"
"""Name of the service with which it is stopped: together with that one, once that one is idle."""
