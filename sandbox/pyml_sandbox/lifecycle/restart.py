"""Restarts one service of a sandbox, and waits until it answers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pyml.error_code import ErrorCode
from pyml.errors import SandboxError, UsageError
from pyml_sandbox.drivers.choice import driver_for
from pyml_sandbox.drivers.contract import Driver
from pyml_sandbox.lifecycle.deployment import deployed_versions
from pyml_sandbox.models.registry import prepare
from pyml_sandbox.models.routes import load_routes
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.rollout.apply import apply_plan
from pyml_sandbox.rollout.plan import Plan
from pyml_sandbox.rollout.unready import stop_unready
from pyml_sandbox.services.runner_contract import LiveService, ServiceState
from pyml_sandbox.services.spec import ServiceSpec
from pyml_sandbox.workspace.events import Event, OnEvent, Progress, ignore
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.state import locked, name_option, require_state


def restart(home: SandboxHome, service: str, on_event: OnEvent = ignore) -> str:
    """Stop one service, start it again, and block until it has answered a real request. All others go on.

    A part of Spark that a job started is only stopped: the next job starts it anew.

    Args:
        home: the sandbox.
        service: its name, or the beginning of it if no other begins so; for a model server the model is enough.
        on_event: called for each change of a service.

    Returns:
        The name of the service.

    Raises:
        UsageError: there is no such service, or several; lists the names.
        SandboxError: the sandbox is not up.
        ServiceFailedError: the service did not become ready.
    """
    with locked(home, f"pyml dev restart {service}"):
        driver = driver_for(home, require_state(home))
        live = driver.runner.live()
        if all(each.state is ServiceState.STOPPED for each in live):
            raise SandboxError("The sandbox is not up.", f"pyml dev up{name_option(home)}", ErrorCode.SANDBOX_DOWN)
        of_jobs = [each for each in live if each.is_job_scoped and each.state is not ServiceState.STOPPED]
        own = {each.name: each for each in driver.services()}
        servers = {
            each.name: version for version in deployed_versions(home) for each in driver.model_endpoints(version)
        }
        name = chosen(service, [*own, *servers, *(each.name for each in of_jobs)])
        _stop(driver, name, on_event)
        if name in own:
            _start(home, driver, own[name], live, on_event)
            stop_unready(driver.endpoints(), of_jobs, driver.runner, on_event)  # a new master knows no driver of jobs
        elif name in servers:
            _start(home, driver, _server(driver, servers[name], name, on_event), live, on_event)
        else:
            on_event(Event(name, Progress.STOPPED, "the next job starts it anew"))
    return name


def _stop(driver: Driver, name: str, on_event: OnEvent) -> None:
    on_event(Event(name, Progress.WAITING, "stopping", 0.0))
    driver.runner.resume(name)  # one that is paused heeds no signal
    driver.runner.stop(name)


def _server(driver: Driver, version: ModelVersion, name: str, on_event: OnEvent) -> ServiceSpec:
    specs = driver.model_servers(version, prepare(version, driver.builder, on_event))
    return next(spec for spec in specs if spec.name == name)


def _start(
    home: SandboxHome, driver: Driver, spec: ServiceSpec, live: Sequence[LiveService], on_event: OnEvent
) -> None:
    once_started = partial(driver.publish, load_routes(home))  # a gateway that is made anew has no routes yet
    apply_plan(Plan((), (spec,), ()), driver.runner, live, on_event, once_started, asks_idle=True)


def chosen(asked: str, known: Sequence[str]) -> str:
    """The service that a name stands for.

    Args:
        asked: a name, the only beginning of one, or the name of a model that has one server.
        known: names of the services.

    Raises:
        UsageError: it stands for none, or for several; lists the names.
    """
    if asked in known:
        return asked
    alike = [name for name in known if asked and name.startswith((asked, f"model-{asked}"))]
    if len(alike) == 1:
        return alike[0]
    found = f"{asked!r} is the beginning of several services" if alike else f"There is no service {asked!r}"
    raise UsageError(f"{found}; there are {', '.join(known)}.", "pyml dev restart NAME")
