"""Brings a sandbox up and down, with one event for each change of a service."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rich.filesize import decimal

from pyml.errors import SandboxError, SetupError
from pyml_sandbox.drivers.choice import (
    an_engine_answers,
    choose_driver,
    driver_for,
    ports_in_use,
    why_no_containers,
)
from pyml_sandbox.drivers.contract import Driver
from pyml_sandbox.lifecycle import doctor
from pyml_sandbox.lifecycle.deployment import model_servers, stop_interrupted
from pyml_sandbox.lifecycle.warm_up import start_warm_up
from pyml_sandbox.models.routes import delete_routes, load_routes
from pyml_sandbox.predict.table_writes import drop_interrupted
from pyml_sandbox.rollout.apply import apply_plan
from pyml_sandbox.rollout.paused import resume_paused
from pyml_sandbox.rollout.plan import plan_up
from pyml_sandbox.rollout.unready import stop_unready
from pyml_sandbox.services import machine_check, spark
from pyml_sandbox.services.runner_contract import LiveService, ServiceRunner, ServiceState
from pyml_sandbox.services.spark_home import SparkHome
from pyml_sandbox.services.spec import ServiceSpec
from pyml_sandbox.workspace.events import JSON, Event, OnEvent, Progress, ignore
from pyml_sandbox.workspace.files import size_bytes
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import UNKNOWN_PORTS, PortChoices, Ports, choose_ports
from pyml_sandbox.workspace.state import (
    DRIVERS,
    ContainerChoices,
    ContainerOptions,
    SandboxState,
    load_state,
    locked,
    locked_if_writable,
    name_option,
    ports_of_others,
    save_state,
)


@dataclass(frozen=True)
class Options:
    """The user's options of `up`.

    Attributes:
        driver: "process" or "container"; None for the recorded driver, else containers if an engine answers.
        ports: ports to use and to record.
        container: choices for the container driver, to use and to record.
        access_log: whether the gateway logs a line for each request; None for what is recorded.
    """

    driver: str | None = None
    ports: PortChoices = field(default_factory=PortChoices)
    container: ContainerOptions = field(default_factory=ContainerOptions)
    access_log: bool | None = None


@dataclass(frozen=True)
class Summary:
    """The result of `up`.

    Attributes:
        home: the sandbox's folders.
        state: its recorded state.
        services: specs of all services, which are all ready.
        data: where tables and metastore are stored.
        models: names of the deployed models.
        took_s: seconds until each service was ready, by name.
        elapsed_s: seconds from the call until all services were ready.
    """

    home: SandboxHome
    state: SandboxState
    services: Sequence[ServiceSpec]
    data: str
    models: Sequence[str]
    took_s: Mapping[str, float]
    elapsed_s: float

    @property
    def json(self) -> dict[str, JSON]:
        """The summary as one JSON object."""
        return {
            "sandbox": self.home.name,
            "driver": self.state.driver,
            "ports": dict(self.state.ports.by_service),
            "data": self.data,
            "services": [
                {
                    "name": spec.name,
                    "state": "ready",
                    "address": spec.endpoint.address,
                    "elapsed_s": round(self.took_s[spec.name], 3),
                }
                for spec in self.services
            ],
            "elapsed_s": round(self.elapsed_s, 3),
        }


def up(
    home: SandboxHome,
    options: Options | None = None,
    on_event: OnEvent = ignore,
    environ: Mapping[str, str] | None = None,
) -> Summary:
    """Bring the sandbox up, and block until every service has answered a real request.

    Services that already run as wanted are kept. Services keep running after this process ends, and also after a
    failure, for inspection.

    Args:
        home: the sandbox.
        options: the user's options.
        on_event: called for each change of a service.
        environ: environment variables; None for those of this process.

    Raises:
        SetupError: a check of the machine failed; nothing was started.
        ServiceFailedError: a service did not become ready.
        SandboxError: another command holds the sandbox.
    """
    started = time.monotonic()
    options = options or Options()
    environ = os.environ if environ is None else environ
    with locked(home, "pyml dev up"):
        home.create()
        recorded = load_state(home)
        state = wanted_state(home, recorded, options, environ)
        driver = driver_for(home, state, environ)
        data = driver.data_description
        _report_choices(recorded, state, options, data, environ, on_event)
        orphans = driver.runner.remove_orphans()
        if orphans:
            on_event(Event("sandbox", Progress.NOTE, f"removed {orphans} orphans of an earlier run"))
        live = resume_paused(driver.runner.live(), driver.runner, on_event)
        doctor.preflight(machine_context(home, state, driver, live, environ), driver.checks)
        driver.prepare(on_event)  # before anything is recorded: where it fails, another driver can still be chosen
        save_state(home, replace(state, stamp=SparkHome.find().stamp))
        for model_id in stop_interrupted(home, driver):
            on_event(Event(model_id, Progress.NOTE, "is not started: it was served for a check that was interrupted"))
        specs = wanted_services(home, driver, on_event)
        plan = plan_up(specs, live)
        # Published each time: the folder of sockets may have changed, or the gateway's volume may be new.
        took_s = apply_plan(plan, driver.runner, live, on_event, lambda: driver.publish(load_routes(home)))
        job_scoped = [service for service in live if service.is_job_scoped]
        if job_scoped:
            stop_unready(driver.endpoints(), job_scoped, driver.runner, on_event)
        for table in drop_interrupted(home):
            on_event(Event(table, Progress.NOTE, "what a killed job or load left of it was removed"))
        if spark.NAME in {spec.name for spec in plan.start}:
            start_warm_up(home, state.ports.spark)
        driver.once_up()
    return Summary(home, state, specs, data, tuple(load_routes(home).models), took_s, time.monotonic() - started)


def examine(home: SandboxHome, environ: Mapping[str, str]) -> Sequence[machine_check.MachineFinding]:
    """Run all checks that `up` runs before it starts anything, and report the result of each. Changes nothing."""
    state = wanted_state(home, load_state(home), Options(), environ)
    driver = driver_for(home, state, environ)
    try:
        live = driver.runner.live()
    except (SandboxError, SetupError):
        live = ()  # the checks report why
    checks = {
        "driver": lambda _: f"{state.driver}{why_no_containers(environ) if state.driver == DRIVERS[0] else ''}",
        **driver.checks,
    }
    return doctor.examine(machine_context(home, state, driver, live, environ), checks)


@dataclass(frozen=True)
class Stopped:
    """The result of `down`.

    Attributes:
        services: names of the services that ran.
        data: where tables and metastore are stored; empty if the sandbox has never been up.
    """

    services: Sequence[str] = ()
    data: str = ""


def down(home: SandboxHome, on_event: OnEvent = ignore, with_data: bool = False) -> Stopped:
    """Stop all services at once. Does nothing if the sandbox is down.

    Args:
        home: the sandbox.
        on_event: called for each service that was stopped.
        with_data: whether tables, metastore and uploaded models are deleted, too.

    Raises:
        SandboxError: a service could not be stopped, or another command holds the sandbox.
    """
    state = load_state(home)
    if state is None:
        return Stopped()
    with locked_if_writable(home, "pyml dev down"):
        driver = driver_for(home, state)
        drop_interrupted(home)
        stopped = _stop_all(driver.runner, on_event)
        shutil.rmtree(home.scratch, ignore_errors=True)
        if with_data:
            delete_data(home, driver)
        return Stopped(stopped, driver.data_description)


def reset(home: SandboxHome, on_event: OnEvent = ignore) -> None:
    """Stop all services, and delete everything that belongs to this sandbox: data, models, logs, recorded ports."""
    with locked(home, "pyml dev reset"):
        for driver in _drivers_to_reset(home):
            try:
                _stop_all(driver.runner, on_event)
                driver.delete_data()
            except SetupError as error:  # no engine answers: what it holds cannot be deleted, and is reported
                on_event(Event("reset", Progress.NOTE, f"{driver.data_description} not deleted: {error.message}"))
        shutil.rmtree(home.runtime_dir, ignore_errors=True)
        for path in home.folder.iterdir():
            if path.name.startswith("sandbox.lock"):
                continue
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _drivers_to_reset(home: SandboxHome) -> list[Driver]:
    """The recorded driver; if none is known, every driver that a sandbox of this name may have used."""
    state = load_state(home)
    if state is not None:
        return [driver_for(home, state)]
    any_state = SandboxState("process", Ports(), None, "", "")
    names = ["process", *(["container"] if an_engine_answers(os.environ) else [])]
    return [driver_for(home, replace(any_state, driver=name)) for name in names]


def delete_data(home: SandboxHome, driver: Driver) -> None:
    """Delete tables and metastore, uploaded models, and records of jobs and parity checks. No service may run."""
    driver.delete_data()
    for folder in (home.models, home.scratch, home.parity, home.jobs, home.serving, home.writing):
        shutil.rmtree(folder, ignore_errors=True)
    delete_routes(home)
    state = load_state(home)
    if state is not None:
        save_state(home, replace(state, stamp=None))


def what_is_deleted(home: SandboxHome) -> list[str]:
    """One line, with a size, for each thing that `reset`, or `down` with data, deletes."""
    tables = [_tables_deleted(driver) for driver in _drivers_to_reset(home)]
    folders = {"uploaded models": home.models, "parity checks": home.parity, "records of jobs": home.jobs}
    return [*tables, *(f"{decimal(size_bytes(folder)):>9}  {what}, in {folder}" for what, folder in folders.items())]


def _tables_deleted(driver: Driver) -> str:
    try:
        size = decimal(driver.data().size_bytes)
    except SetupError:
        size = "?"
    return f"{size:>9}  tables and the metastore's database, in {driver.data_description}"


def wanted_state(
    home: SandboxHome, recorded: SandboxState | None, options: Options, environ: Mapping[str, str]
) -> SandboxState:
    """The state that the sandbox should have: the recorded choices, changed by the options.

    Args:
        home: the sandbox.
        recorded: its recorded state; None for a new sandbox.
        options: the user's options.
        environ: environment variables.

    Raises:
        SetupError: the options name a driver that differs from the recorded one.
    """
    return SandboxState(
        driver=choose_driver(
            None if recorded is None else recorded.driver,
            options.driver,
            lambda: an_engine_answers(environ),
            name_option(home),
        ),
        ports=_ports(home, recorded, options, environ),
        stamp=None if recorded is None else recorded.stamp,
        pyml_version=importlib.metadata.version("pyml-sandbox"),
        spark_version=SparkHome.find().version,
        container=(ContainerChoices() if recorded is None else recorded.container).with_options(options.container),
        access_log=_access_log(recorded, options),
    )


def _access_log(recorded: SandboxState | None, options: Options) -> bool:
    if options.access_log is not None:
        return options.access_log
    return recorded is not None and recorded.access_log


def _ports(home: SandboxHome, recorded: SandboxState | None, options: Options, environ: Mapping[str, str]) -> Ports:
    if recorded is not None and recorded.ports != UNKNOWN_PORTS:
        return choose_ports(recorded.ports, options.ports, ())
    return choose_ports(None, options.ports, ports_of_others(home) | ports_in_use(environ))


def machine_context(
    home: SandboxHome, state: SandboxState, driver: Driver, live: Sequence[LiveService], environ: Mapping[str, str]
) -> machine_check.MachineContext:
    """What the checks of the machine look at.

    Args:
        home: the sandbox.
        state: the state that it has or should have.
        driver: of the sandbox.
        live: its services.
        environ: environment variables.
    """
    running = {service.name for service in live if service.state is ServiceState.RUNNING}
    return machine_check.MachineContext(home, state.ports, running, state.stamp, environ, driver.data_description)


def wanted_services(home: SandboxHome, driver: Driver, on_event: OnEvent = ignore) -> list[ServiceSpec]:
    """The specs of all services that the sandbox should run; missing environments are built. Blocks.

    Args:
        home: the sandbox.
        driver: of the sandbox.
        on_event: called with each step.
    """
    return [*driver.services(), *model_servers(home, driver, on_event)]


def _stop_all(runner: ServiceRunner, on_event: OnEvent) -> list[str]:
    started = time.monotonic()
    running = [service.name for service in _live_or_nothing(runner) if service.pid is not None]
    runner.shut_down()
    runner.remove_orphans()
    for name in running:
        on_event(Event(name, Progress.STOPPED, "", time.monotonic() - started))
    return running


def _live_or_nothing(runner: ServiceRunner) -> Sequence[LiveService]:
    try:
        return runner.live()
    except SandboxError:
        return ()  # supervisord hangs: shut_down ends it by force


def _report_choices(
    recorded: SandboxState | None,
    state: SandboxState,
    options: Options,
    data: str,
    environ: Mapping[str, str],
    on_event: OnEvent,
) -> None:
    is_fallback = recorded is None and options.driver is None and state.driver == DRIVERS[0]
    on_event(Event("driver", Progress.NOTE, f"{state.driver}{why_no_containers(environ) if is_fallback else ''}"))
    on_event(Event("data", Progress.NOTE, f"{data}  (kept between runs)"))
    if recorded is None and state.ports != Ports().with_choices(options.ports):
        ports = ", ".join(f"{name} {port}" for name, port in state.ports.by_service.items())
        on_event(Event("ports", Progress.NOTE, f"{ports}  (the default ports belong to another sandbox)"))
