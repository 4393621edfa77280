"""Deploys uploaded model versions: a server must answer before any request is routed to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from pyml.command_line import command
from pyml.error_code import ErrorCode
from pyml.errors import PymlError, SandboxError, SetupError, UsageError
from pyml_sandbox.drivers.choice import driver_for
from pyml_sandbox.drivers.contract import Driver
from pyml_sandbox.lifecycle.temporary_serving import interrupted, is_marked, marked, unmark
from pyml_sandbox.models.registry import find_version, prepare
from pyml_sandbox.models.routes import Routes, load_routes
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.rollout.apply import apply_plan
from pyml_sandbox.rollout.paused import PAUSED
from pyml_sandbox.rollout.plan import plan_up
from pyml_sandbox.rollout.readiness import LOG_LINES, failure
from pyml_sandbox.services import gateway_server
from pyml_sandbox.services.model_server import serves
from pyml_sandbox.services.runner_contract import ServiceRunner, ServiceState
from pyml_sandbox.services.spec import Endpoint, ServiceSpec
from pyml_sandbox.workspace.events import Event, OnEvent, Progress, ignore
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.state import locked, name_option, require_state


@dataclass(frozen=True)
class LostVersion:
    """A deployed version that cannot be served.

    Attributes:
        model_id: name@version.
        error: why its upload cannot be used.
    """

    model_id: str
    error: PymlError


def model_servers(home: SandboxHome, driver: Driver, on_event: OnEvent = ignore) -> list[ServiceSpec]:
    """The specs of the servers of all deployed versions; missing environments are built. Blocks.

    A version whose upload is gone or damaged is left out, and reported to `on_event`.

    Args:
        home: the sandbox.
        driver: of the sandbox.
        on_event: called with each step.

    Raises:
        SetupError: an environment could not be built.
    """
    specs: list[ServiceSpec] = []
    for version in _deployed(home):
        if isinstance(version, LostVersion):
            _report_lost(version, on_event)
            continue
        try:
            specs += driver.model_servers(version, prepare(version, driver.builder, on_event))
        except SetupError as error:
            if error.code is not ErrorCode.UPLOAD_DAMAGED:
                raise
            _report_lost(_lost(version.model_id, error), on_event)
    return specs


def model_endpoints(home: SandboxHome, driver: Driver) -> list[Endpoint]:
    """The endpoints of the servers of all deployed versions."""
    return [endpoint for version in deployed_versions(home) for endpoint in driver.model_endpoints(version)]


def deployed_versions(home: SandboxHome) -> list[ModelVersion]:
    """All deployed versions, without those whose upload is gone or damaged."""
    return [version for version in _deployed(home) if isinstance(version, ModelVersion)]


def lost_versions(home: SandboxHome) -> list[LostVersion]:
    """The deployed versions whose upload is gone or damaged; all other versions are served without them."""
    return [version for version in _deployed(home) if isinstance(version, LostVersion)]


def _deployed(home: SandboxHome) -> Iterator[ModelVersion | LostVersion]:
    for name, version in load_routes(home).deployed:
        model_id = f"{name}@{version}"
        try:
            yield find_version(home, model_id)
        except (UsageError, SetupError) as error:
            yield _lost(model_id, error)


def _lost(model_id: str, error: PymlError) -> LostVersion:
    name = model_id.partition("@")[0]
    hint = f"pyml upload FOLDER   to restore it; or   {command('pyml undeploy', name)}"
    return LostVersion(model_id, SetupError(error.message, hint, *error.codes))


def _report_lost(lost: LostVersion, on_event: OnEvent) -> None:
    fix = f"     fix: {lost.error.hint}"
    on_event(Event(lost.model_id, Progress.NOTE, f"cannot be served: {lost.error.message}", lines=(fix,)))


def deploy(home: SandboxHome, model_id: str, on_event: OnEvent = ignore) -> ModelVersion:
    """Serve an uploaded version as the default of its model, instead of the version served before.

    Blocks until the new version answers through the gateway; then the requests go to it, and the earlier version is
    stopped. If the new version does not start, nothing changes.

    Args:
        home: the sandbox.
        model_id: `name@version`, or a name alone.
        on_event: called for each change of a service.

    Raises:
        UsageError: the version does not exist.
        SandboxError: the sandbox is not up.
        ServiceFailedError: the server did not become ready.
    """
    with locked(home, f"pyml deploy {model_id}"):
        driver = driver_for(home, require_state(home))
        version = find_version(home, model_id)
        before = load_routes(home)
        served = services_of(before, version.name, driver.runner)
        started = _served_beside(home, version, driver, on_event)
        unmark(home, version.model_id)
        driver.publish(before.only_version(version.name, version.version))
        _remove([name for name in served if name not in started], driver.runner)
    return version


@contextmanager
def served_meanwhile(home: SandboxHome, version: ModelVersion, on_event: OnEvent = ignore) -> Iterator[None]:
    """Serve a version while a block runs, beside the versions that are deployed; what is deployed stays as it is.

    Blocks until the version answers through the gateway. If it is not deployed, its servers are stopped afterwards; if
    this process is killed meanwhile, by the next `up` or the next check.

    Args:
        home: the sandbox.
        version: an uploaded version.
        on_event: called for each change of a service.

    Raises:
        SandboxError: the sandbox is not up.
        ServiceFailedError: the server did not become ready.
    """
    with ExitStack() as stack:
        with locked(home, f"serve {version.model_id}"):
            driver = driver_for(home, require_state(home))
            stop_interrupted(home, driver)
            is_deployed = (version.name, version.version) in load_routes(home).deployed
            if not is_deployed:
                stack.enter_context(marked(home, version.model_id))
            _served_beside(home, version, driver, on_event)
        try:
            yield
        finally:
            if not is_deployed:
                with locked(home, f"stop serving {version.model_id}"):
                    if is_marked(home, version.model_id):  # else it was deployed meanwhile
                        _stop_serving(home, version.model_id, driver_for(home, require_state(home)))


def stop_interrupted(home: SandboxHome, driver: Driver) -> Sequence[str]:
    """Stop what a killed process served meanwhile; the caller holds the sandbox.

    Args:
        home: the sandbox.
        driver: of the sandbox.

    Returns:
        The ids of the versions.
    """
    found = interrupted(home)
    for model_id in found:
        _stop_serving(home, model_id, driver)
        unmark(home, model_id)
    return found


def _stop_serving(home: SandboxHome, model_id: str, driver: Driver) -> None:
    model, _, version = model_id.partition("@")
    driver.publish(load_routes(home).without_version(model, version))
    _remove([each.name for each in driver.runner.live() if serves(each.name, model, version)], driver.runner)


def serve(home: SandboxHome, version: ModelVersion, on_event: OnEvent = ignore) -> Sequence[str]:
    """Serve a version beside the deployed ones, or wait for its server if it is one of them. Blocks.

    If it does not start, nothing changes.

    Args:
        home: the sandbox.
        version: an uploaded version.
        on_event: called for each change of a service.

    Returns:
        Names of the version's services.

    Raises:
        SandboxError: the sandbox is not up.
        ServiceFailedError: the server did not become ready.
    """
    with locked(home, f"serve {version.model_id}"):
        return _served_beside(home, version, driver_for(home, require_state(home)), on_event)


def _served_beside(home: SandboxHome, version: ModelVersion, driver: Driver, on_event: OnEvent) -> Sequence[str]:
    """See `serve`; the caller holds the sandbox."""
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
    return _names(specs)


def undeploy(home: SandboxHome, name: str) -> Sequence[str]:
    """Stop serving a model; does nothing if none of its versions is deployed. Uploaded versions are kept.

    Args:
        home: the sandbox.
        name: of the model, without a version.

    Returns:
        The ids of the versions that were served.

    Raises:
        UsageError: the name includes a version.
        SandboxError: the sandbox does not exist.
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
    """Check that the sandbox is up.

    Raises:
        SandboxError: its gateway does not run.
    """
    if not any(s.name == gateway_server.NAME and s.state is ServiceState.RUNNING for s in runner.live()):
        hint = f"pyml dev up{name_option(home)}"
        raise SandboxError("The sandbox is not up, so nothing can be deployed.", hint, ErrorCode.SANDBOX_DOWN)


def is_coming_back(home: SandboxHome, runner: ServiceRunner, model: str, version: str) -> bool:
    """Whether a server of a version runs, waits for a request, or is being started again after it ended.

    Args:
        home: the sandbox.
        runner: knows the services.
        model: name of the model.
        version: of the model, without its name.

    Raises:
        SandboxError: the gateway was stopped, or it or the server is paused, or what runs the services does not answer.
        SetupError: no engine answers.
    """
    live = runner.live()
    runs = {service.name for service in live if service.state is not ServiceState.STOPPED}
    for service in live:
        if service.state is ServiceState.PAUSED and (
            service.name == gateway_server.NAME or serves(service.name, model, version)
        ):
            raise SandboxError(f"{service.name} does not answer: {PAUSED}", f"pyml dev up{name_option(home)}")
    if gateway_server.NAME not in runs:
        raise SandboxError("The sandbox is not up.", f"pyml dev up{name_option(home)}", ErrorCode.SANDBOX_DOWN)
    return any(serves(name, model, version) for name in runs)


def raise_why_away(runner: ServiceRunner, model: str, version: str, within_s: float) -> None:
    """Raise how the server of a version ended, if it did lately; nothing if it did not.

    Args:
        runner: knows the services.
        model: name of the model.
        version: of the model, without its name.
        within_s: a server that has run for longer than this is only slow.

    Raises:
        ServiceFailedError: how it ended, and the last lines of its log.
    """
    for service in runner.live():
        is_asked = serves(service.name, model, version) and service.uptime_s < within_s
        if is_asked and service.last_exit is not None:
            times = f", the last of {service.exits} times" if service.exits > 1 else ""
            ended = f"{service.last_exit.reason}{times}"
            raise failure(service.name, ended, runner.logs(service.name, LOG_LINES))


def services_of(routes: Routes, model: str, runner: ServiceRunner) -> Sequence[str]:
    """The names of the services of a model's deployed versions.

    Args:
        routes: tell which versions are deployed; their uploads may be gone.
        model: name of the model.
        runner: knows the services.
    """
    versions = [version for name, version in routes.deployed if name == model]
    names = [service.name for service in runner.live()]
    return [name for name in names if any(serves(name, model, version) for version in versions)]


def publish_again(home: SandboxHome, version: ModelVersion) -> None:
    """Tell the gateway what has become known of a version; does nothing if it is not deployed.

    Args:
        home: the sandbox.
        version: an uploaded version.
    """
    with locked(home, f"routes of {version.model_id}"):
        routes = load_routes(home)
        if (version.name, version.version) in routes.deployed:
            driver_for(home, require_state(home)).publish(routes)


def _names(specs: Sequence[ServiceSpec]) -> list[str]:
    return [spec.name for spec in specs]


def _serve(specs: Sequence[ServiceSpec], runner: ServiceRunner, on_event: OnEvent) -> None:
    live = [service for service in runner.live() if service.name in _names(specs)]
    apply_plan(plan_up(specs, live), runner, live, on_event, asks_idle=True)


def _remove(names: Sequence[str], runner: ServiceRunner) -> None:
    for name in names:
        runner.stop(name)
