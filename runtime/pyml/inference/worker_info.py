"""Who predicted: a Python worker as it describes itself, so that a job can prove where it ran."""

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
"""Set on the Spark workers of a model, to the id of the image they are started from."""


@dataclass(frozen=True)
class Worker:
    """A place in which `predict` ran.

    Attributes:
        host: its host name; a container's is the beginning of its id.
        image: id of the image it was started from; None where it is no container.
        python: version of its Python.
        packages: version of each installed distribution, by name.
        variables: those environment variables that are pinned for both paths, as they are there.
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
        """As one line; equal workers give equal lines."""
        return json.dumps(asdict(self), sort_keys=True)


@lru_cache(maxsize=1)
def this_worker() -> Worker:
    """The process that calls."""
    installed = {each.name: each.version for each in importlib.metadata.distributions() if each.name}
    image = os.environ.get(IMAGE_VARIABLE)
    variables = {name: os.environ[name] for name in PINNED if name in os.environ}
    packages = dict(sorted(installed.items()))
    return Worker(socket.gethostname(), image, platform.python_version(), packages, variables)
