"""Deploying an uploaded model version: its server is started and answers before any request is sent its way."""

from __future__ import annotations

from collections.abc import Sequence

from pyml.errors import SandboxError
from pyml_sandbox.drivers.base import Driver, ServiceState
from pyml_sandbox.drivers.choice import driver_for
from pyml_sandbox.events import OnEvent, ignore
from pyml_sandbox.execution import carry_out
from pyml_sandbox.home import SandboxHome
from pyml_sandbox.plan import plan_up
from pyml_sandbox.registry import ModelVersion, find_version, prepare
from pyml_sandbox.routes import Routes, load_routes, save_routes
from pyml_sandbox.service import Endpoint, ServiceSpec
from pyml_sandbox.services import gateway
from pyml_sandbox.services.model_server import model_endpoint, model_server_spec, service_name
from pyml_sandbox.state import SandboxState, locked, name_option, require_state


def model_servers(home: SandboxHome, state: SandboxState, on_event: OnEvent = ignore) -> list[ServiceSpec]:
    """The specs of the servers of every deployed version; environments that are missing are made.

    Raises:
        UsageError: a deployed version is not there any more.
        SetupError: an environment could not be made.
    """
    deployed = load_routes(home).deployed
    return [model_server(home, state, find_version(home, f"{name}@{version}"), on_event) for name, version in deployed]


def model_endpoints(home: SandboxHome, state: SandboxState) -> list[Endpoint]:
    """Where the servers of every deployed version answer."""
    deployed = load_routes(home).deployed
    return [model_endpoint(home, name, version, state.ports.gateway) for name, version in deployed]


def model_server(
    home: SandboxHome, state: SandboxState, version: ModelVersion, on_event: OnEvent = ignore
) -> ServiceSpec:
    """The spec of the server of one version."""
    environment = prepare(home, version, on_event)
    return model_server_spec(home, version, environment, state.ports.gateway)


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
        require_gateway(home, driver)
        spec = model_server(home, state, version, on_event)
        before = load_routes(home)
        save_routes(home, before.with_version(version.name, version.version))
        try:
            _serve(spec, driver, on_event)
        except BaseException:
            save_routes(home, before)
            driver.stop(spec.name)
            raise
        save_routes(home, before.only_version(version.name, version.version))
        _stop_others(services_of(before, version.name), spec.name, driver)
    return version


def undeploy(home: SandboxHome, name: str) -> None:
    """Serve no version of a model any more; none deployed is fine. Uploaded versions stay."""
    state = require_state(home)
    with locked(home, f"pyml undeploy {name}"):
        before = load_routes(home)
        save_routes(home, before.without(name))
        _stop_others(services_of(before, name), "", driver_for(home, state))


def require_gateway(home: SandboxHome, driver: Driver) -> None:
    """Refuse to deploy into a sandbox that is down.

    Raises:
        SandboxError: the gateway does not run.
    """
    if not any(s.name == gateway.NAME and s.state is ServiceState.RUNNING for s in driver.live()):
        raise SandboxError("The sandbox is not up, so nothing can be deployed.", f"pyml dev up{name_option(home)}")


def services_of(routes: Routes, model: str) -> Sequence[str]:
    """The services of a model's deployed versions."""
    deployment = routes.models.get(model)
    return [] if deployment is None else [service_name(model, version) for version in deployment.versions]


def _serve(spec: ServiceSpec, driver: Driver, on_event: OnEvent) -> None:
    live = [service for service in driver.live() if service.name == spec.name]
    carry_out(plan_up([spec], live), driver, live, on_event)


def _stop_others(names: Sequence[str], spared: str, driver: Driver) -> None:
    for name in names:
        if name != spared:
            driver.stop(name)
