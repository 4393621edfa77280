"""Which model versions are deployed, and which of them answers by default: the file that the gateway follows.

Its form is that of `pyml.gateway.routes_file`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from pyml.errors import SetupError
from pyml.gateway.replica import ROUTES_FORMAT, Replica
from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.home import SandboxHome

ReplicasOf = Callable[[str, str], Sequence[Replica]]
"""Gives the servers of a model version."""


@dataclass(frozen=True)
class Deployment:
    """The deployed versions of one model.

    Attributes:
        default: the version that answers a request which names none.
        versions: every version that has a server.
    """

    default: str
    versions: tuple[str, ...]


@dataclass(frozen=True)
class Routes:
    """Every deployed model by name. Values are never changed: each change gives new routes."""

    models: Mapping[str, Deployment] = field(default_factory=dict)

    def with_version(self, model: str, version: str) -> Routes:
        """One version more; the default stays, unless the model had none."""
        found = self.models.get(model, Deployment(version, ()))
        versions = (*(each for each in found.versions if each != version), version)
        return Routes({**self.models, model: Deployment(found.default, versions)})

    def only_version(self, model: str, version: str) -> Routes:
        """This version alone for the model, as its default."""
        return Routes({**self.models, model: Deployment(version, (version,))})

    def without(self, model: str) -> Routes:
        """No version of the model."""
        return Routes({name: deployment for name, deployment in self.models.items() if name != model})

    @property
    def deployed(self) -> list[tuple[str, str]]:
        """Every deployed (model, version)."""
        return [(name, version) for name, deployment in self.models.items() for version in deployment.versions]


def load_routes(home: SandboxHome) -> Routes:
    """The routes in force; none before the first deployment.

    Raises:
        SetupError: the file cannot be read as routes.
    """
    try:
        models = json.loads(home.routes_file.read_text(encoding="utf-8"))["models"]
        return Routes({name: Deployment(facts["default"], tuple(facts["versions"])) for name, facts in models.items()})
    except FileNotFoundError:
        return Routes()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupError(f"{home.routes_file} holds no routes ({error}).", f"rm {home.routes_file}") from error


def save_routes(home: SandboxHome, text: str) -> None:
    """Put routes in force, atomically: a reader sees the old ones or these.

    Args:
        home: the sandbox.
        text: the routes, as `routes_text` writes them.
    """
    write_atomically(home.routes_file, text)


def routes_text(routes: Routes, replicas_of: ReplicasOf, *, on_request: bool = False) -> str:
    """The routes as the gateway reads them.

    Args:
        routes: what is deployed.
        replicas_of: gives the servers of a model and a version; at least one.
        on_request: the gateway starts servers that are stopped when a request for them comes.
    """
    models = {
        name: {
            "default": deployment.default,
            "versions": {
                version: {
                    "replicas": [asdict(replica) for replica in replicas_of(name, version)],
                    "on_request": on_request,
                }
                for version in deployment.versions
            },
        }
        for name, deployment in routes.models.items()
    }
    return json.dumps({"version": ROUTES_FORMAT, "models": models}, indent=2) + "\n"
