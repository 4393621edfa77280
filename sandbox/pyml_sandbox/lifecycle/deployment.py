"""Deploying an uploaded model version: its server is started and answers before any request is sent its way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pyml.command_line import command
from pyml.error_code import ErrorCode
from pyml.errors import PymlError, SandboxError, SetupError, UsageError
from pyml_sandbox.drivers.choice import driver_for
from pyml_sandbox.drivers.contract import Driver
from pyml_sandbox.models.registry import find_version, prepare
from pyml_sandbox.models.routes import Routes, load_routes
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.rollout.apply import apply_plan
from pyml_sandbox.rollout.plan import plan_up
from pyml_sandbox.services import gateway_server
from pyml_sandbox.services.model_server import serves
from pyml_sandbox.services.runner_contract import ServiceRunner, ServiceState
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.events import Event, OnEvent, Progress, ignore
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.state import locked, name_option, require_state


@dataclass(frozen=True)
class LostVersion:
    """A version that is deployed, and cannot be served.

    Attributes:
        model_id: name@version.
        error: what is wrong with its upload.
    """

    model_id: str
    error: PymlError


def model_servers(home: SandboxHome, driver: Driver, on_event: OnEvent = ignore) -> list[ServiceSpec]:
    """The specs of the servers of every deployed version; environments that are missing are made.

    A version whose upload is gone has none: `on_event` is told of it.

    Raises:
        SetupError: an environment could not be made.
    """
    for lost in lost_versions(home):
        fix = f"fix: {lost.error.hint}"
        on_event(Event(lost.model_id, Progress.NOTE, f"cannot be served: {lost.error.message}", lines=(f"     {fix}",)))
    return [
        spec
        for version in deployed_versions(home)
        for spec in driver.model_servers(version, prepare(version, driver.builder, on_event))
    ]


def model_endpoints(home: SandboxHome, driver: Driver) -> list[Endpoint]:
    """Where the servers of every deployed version answer."""
    return [endpoint for version in deployed_versions(home) for endpoint in driver.model_endpoints(version)]


def deployed_versions(home: SandboxHome) -> list[ModelVersion]:
    """Every version that is deployed, without those whose upload is gone or damaged."""
    return [version for version in _deployed(home) if isinstance(version, ModelVersion)]


def lost_versions(home: SandboxHome) -> list[LostVersion]:
    """Every version that is deployed, and whose upload is gone or damaged: it keeps no other from being served."""
    return [version for version in _deployed(home) if isinstance(version, LostVersion)]


def _deployed(home: SandboxHome) -> Iterator[ModelVersion | LostVersion]:
    for name, version in load_routes(home).deployed:
        model_id = f"{name}@{version}"
        try:
            yield find_version(home, model_id)
        except (UsageError, SetupError) as error:
            hint = f"pyml upload FOLDER   to have it back; or   {command('pyml undeploy', name)}"
            yield LostVersion(model_id, SetupError(error.message, hint, *error.codes))


def deploy(home: SandboxHome, model_id: str, on_event: OnEvent = ignore) -> ModelVersion:
    """Serve an uploaded version, as the default of its model, in place of the version served before.

    Blocks until it answers through the gateway. Only then does it take over, and the version before is stopped; when it
    does not start, everything is as it was.

    Raises:
        UsageError: there is no such version.
        SandboxError: the sandbox is not up.
        ServiceFailedError: the server did not become ready; says why.
    """
    state = require_state(home)
    version = find_version(home, model_id)
    with locked(home, f"pyml deploy {model_id}"):
        driver = driver_for(home, state)
        require_gateway(home, driver.runner)
        specs = driver.model_servers(version, prepare(version, driver.builder, on_event))
        before = load_routes(home)
        served = services_of(before, version.name, driver.runner)
        driver.publish(before.with_version(version.name, version.version))
        try:
            _serve(specs, driver.runner, on_event)
        except BaseException:
            driver.publish(before)
            _remove([name for name in _names(specs) if name not in served], driver.runner)
            raise
        driver.publish(before.only_version(version.name, version.version))
        _remove([name for name in served if name not in _names(specs)], driver.runner)
    return version


def undeploy(home: SandboxHome, name: str) -> Sequence[str]:
    """Serve no version of a model any more; none deployed is fine. Uploaded versions stay.

    Args:
        home: the sandbox.
        name: of the model, without a version.

    Returns:
        The ids of the versions that were served.

    Raises:
        UsageError: a version is given.
        SandboxError: there is no such sandbox.
    """
    model, has_version, _ = name.partition("@")
    if has_version:
        raise UsageError(f"expected the name of a model, found {name!r}", command("pyml undeploy", model))
    state = require_state(home)
    with locked(home, f"pyml undeploy {name}"):
        driver = driver_for(home, state)
        before = load_routes(home)
        driver.publish(before.without(name))
        _remove(services_of(before, name, driver.runner), driver.runner)
    return [f"{model}@{version}" for model, version in before.deployed if model == name]


def require_gateway(home: SandboxHome, runner: ServiceRunner) -> None:
    """Refuse to deploy into a sandbox that is down.

    Raises:
        SandboxError: the gateway does not run.
    """
    if not any(s.name == gateway_server.NAME and s.state is ServiceState.RUNNING for s in runner.live()):
        hint = f"pyml dev up{name_option(home)}"
        raise SandboxError("The sandbox is not up, so nothing can be deployed.", hint, ErrorCode.SANDBOX_DOWN)


def services_of(routes: Routes, model: str, runner: ServiceRunner) -> Sequence[str]:
    """The services of a model's deployed versions, as the driver has them: their uploads may be gone."""
    versions = [version for name, version in routes.deployed if name == model]
    names = [service.name for service in runner.live()]
    return [name for name in names if any(serves(name, model, version) for version in versions)]


def _names(specs: Sequence[ServiceSpec]) -> list[str]:
    return [spec.name for spec in specs]


def _serve(specs: Sequence[ServiceSpec], runner: ServiceRunner, on_event: OnEvent) -> None:
    live = [service for service in runner.live() if service.name in _names(specs)]
    apply_plan(plan_up(specs, live), runner, live, on_event, asks_idle=True)


def _remove(names: Sequence[str], runner: ServiceRunner) -> None:
    for name in names:
        runner.stop(name)
