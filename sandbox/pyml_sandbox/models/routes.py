"""The routes: which model versions are deployed, and which of them is the default. The gateway follows their file.

The format of that file is that of `pyml.gateway.routes_file`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from pyml.command_line import command
from pyml.errors import SetupError
from pyml.gateway.replica import ROUTES_FORMAT, Replica
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.kept_file import KeptFile

ReplicasOf = Callable[[str, str], Sequence[Replica]]
"""Gives the servers of a model version, from the model's name and the version."""


@dataclass(frozen=True)
class Batching:
    """Whether a version predicts the requests that wait together.

    Attributes:
        together: whether it does.
        why: it does, or does not.
    """

    together: bool
    why: str

    @property
    def words(self) -> str:
        """How it predicts, and why."""
        return f"requests that wait are predicted {'together' if self.together else 'one by one'}: {self.why}"


BatchingOf = Callable[[str, str], Batching]
"""Gives whether a model version predicts together, from the model's name and the version."""


@dataclass(frozen=True)
class Deployment:
    """The deployed versions of one model.

    Attributes:
        default: the version that answers requests that name no version.
        versions: all versions that have a server.
    """

    default: str
    versions: tuple[str, ...]


@dataclass(frozen=True)
class Routes:
    """All deployed models by name. Immutable: each change gives new routes."""

    models: Mapping[str, Deployment] = field(default_factory=dict)

    def with_version(self, model: str, version: str) -> Routes:
        """Routes with one more version; it becomes the default only if the model had none."""
        found = self.models.get(model, Deployment(version, ()))
        versions = (*(each for each in found.versions if each != version), version)
        return Routes({**self.models, model: Deployment(found.default, versions)})

    def only_version(self, model: str, version: str) -> Routes:
        """Routes with this version alone for the model, as its default."""
        return Routes({**self.models, model: Deployment(version, (version,))})

    def without_version(self, model: str, version: str) -> Routes:
        """Routes without one version of the model; if it was the default, the last of the others becomes that."""
        found = self.models.get(model, Deployment("", ()))
        versions = tuple(each for each in found.versions if each != version)
        if not versions:
            return self.without(model)
        default = versions[-1] if found.default == version else found.default
        return Routes({**self.models, model: Deployment(default, versions)})

    def without(self, model: str) -> Routes:
        """Routes without any version of the model."""
        return Routes({name: deployment for name, deployment in self.models.items() if name != model})

    @property
    def deployed(self) -> list[tuple[str, str]]:
        """Every deployed (model, version)."""
        return [(name, version) for name, deployment in self.models.items() for version in deployment.versions]


def load_routes(home: SandboxHome) -> Routes:
    """The current routes; empty before the first deployment.

    Raises:
        SetupError: neither the file nor its copy holds valid routes.
    """
    try:
        return _kept(home).read(_parsed) or Routes()
    except ValueError as error:
        raise SetupError(
            f"The routes of the deployed models cannot be read: {error}",
            f"{command('rm', str(home.routes_file), str(_kept(home).copy))}   and deploy the models again",
        ) from error


def _kept(home: SandboxHome) -> KeptFile:
    return KeptFile(home.routes_file, home.conf / "routes.json")


def _parsed(text: str) -> Routes:
    models = json.loads(text)["models"]
    return Routes({name: Deployment(facts["default"], tuple(facts["versions"])) for name, facts in models.items()})


def save_routes(home: SandboxHome, text: str) -> None:
    """Write the routes. A reader sees the old routes or these.

    Args:
        home: the sandbox.
        text: the content of the file, from `routes_text`.
    """
    _kept(home).write(text)


def delete_routes(home: SandboxHome) -> None:
    """Delete the routes: no model is deployed any more."""
    _kept(home).delete()


def one_by_one(_model: str, _version: str) -> Batching:
    """That nothing is known of a version."""
    return Batching(together=False, why="nothing is known of it")


def routes_text(
    routes: Routes, replicas_of: ReplicasOf, batching_of: BatchingOf = one_by_one, *, on_request: bool = False
) -> str:
    """The routes in the format that the gateway reads.

    Args:
        routes: the deployed versions.
        replicas_of: gives the servers of a version, at least one.
        batching_of: gives whether a version predicts the requests that wait together; by default none does.
        on_request: whether the gateway starts a stopped server when a request for it comes.
    """

    def entry(model: str, version: str) -> dict[str, object]:
        batching = batching_of(model, version)
        return {
            "replicas": [asdict(replica) for replica in replicas_of(model, version)],
            "on_request": on_request,
            "together": batching.together,
            "batching": batching.why,
        }

    models = {
        name: {
            "default": deployment.default,
            "versions": {version: entry(name, version) for version in deployment.versions},
        }
        for name, deployment in routes.models.items()
    }
    return json.dumps({"version": ROUTES_FORMAT, "models": models}, indent=2) + "\n"
