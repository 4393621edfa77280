"""Where `predict` ran: a Python worker describes itself, so that a job can prove where it ran."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache

from pyml.pinned_environment import PINNED

IMAGE_VARIABLE = "PYML_IMAGE"
"""Environment variable of a model's Spark workers: the id of the image that they were started from."""


@dataclass(frozen=True)
class Worker:
    """The process and machine in which `predict` ran.

    Attributes:
        host: host name; in a container, the beginning of the container's id.
        image: id of the image that it was started from; None outside a container.
        python: version of Python.
        packages: version of each installed distribution, by name.
        variables: values of the environment variables that are pinned for both paths.
    """

    host: str
    image: str | None
    python: str
    packages: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str) -> Worker:
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """As one line of JSON; equal workers give equal lines."""
        return json.dumps(asdict(self), sort_keys=True)


@lru_cache(maxsize=1)
def this_worker() -> Worker:
    """Describe the current process."""
    installed = {each.name: each.version for each in importlib.metadata.distributions() if each.name}
    image = os.environ.get(IMAGE_VARIABLE)
    variables = {name: os.environ[name] for name in PINNED if name in os.environ}
    packages = dict(sorted(installed.items()))
    return Worker(socket.gethostname(), image, platform.python_version(), packages, variables)
