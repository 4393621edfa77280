"""Labels of everything that pyml makes in an engine; nothing without them is touched."""

from __future__ import annotations

from pyml.gateway.scaling.scaling_labels import IDLE_STOP_S, IDLE_WITH, SANDBOX, SERVICE, SPARK_UI

__all__ = ("IDLE_STOP_S", "IDLE_WITH", "SANDBOX", "SERVICE", "SPARK_UI")

PREFIX = "io.pyml."

DIGEST = f"{PREFIX}digest"
"""On containers: digest of the `ServiceSpec` that they were made from."""
ON_REQUEST = f"{PREFIX}on-request"
"""On containers: the gateway starts them at the first request."""
JOB_SCOPED = f"{PREFIX}on-demand"
"""On containers: the job that needs them starts them."""

KIND = f"{PREFIX}kind"
"""On images: "python", "base" or "model"."""
KEY = f"{PREFIX}key"
"""On base images: digest of all inputs of the build; on model images: of package, lock and base image."""
MODEL = f"{PREFIX}model"
"""On model images, and on the Spark of a model version: name of the model."""
VERSION = f"{PREFIX}version"
"""On model images: the version, which is the first digits of the package's content digest."""
CONTENT = f"{PREFIX}content"
"""On model images: content digest of the package."""
CONTRACT = f"{PREFIX}contract"
"""On model images: the model's signature, as JSON."""
BASE = f"{PREFIX}base"
"""On model images: id of the base image."""
PYTHON_VERSION = f"{PREFIX}python"
"""On base and model images: version of their Python."""
