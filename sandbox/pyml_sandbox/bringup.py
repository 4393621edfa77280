"""Bringing a sandbox up and down: the plan carried out, with one event for each change of a service."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pyml.errors import SandboxError
from pyml_sandbox import doctor
from pyml_sandbox.deployment import model_servers
from pyml_sandbox.drivers.base import Driver, LiveService, ServiceState
from pyml_sandbox.drivers.choice import choose_driver, driver_for, process_driver
from pyml_sandbox.events import JSON, Event, OnEvent, Progress, ignore
from pyml_sandbox.execution import carry_out
from pyml_sandbox.files import human_size, size_bytes
from pyml_sandbox.home import SandboxHome
from pyml_sandbox.java import find_java
from pyml_sandbox.plan import plan_up
from pyml_sandbox.ports import PortChoices, Ports, choose_ports, ports_of_running_sandboxes
from pyml_sandbox.routes import load_routes, save_routes
from pyml_sandbox.service import ServiceSpec
from pyml_sandbox.services import spark
from pyml_sandbox.services.gateway import gateway_spec
from pyml_sandbox.services.loopback import loopback_jar
from pyml_sandbox.services.metastore import metastore_spec
from pyml_sandbox.services.warm_up import start_warm_up
from pyml_sandbox.spark_home import SparkHome
from pyml_sandbox.state import (
    SandboxState,
    load_state,
    locked,
    ports_of_others,
    save_state,
)


@dataclass(frozen=True)
class Options:
    """What the user asked of `up`.

    Attributes:
        driver: "process" or "container"; None for the recorded one, or the best there is.
        ports: ports to use from now on.
    """

    driver: str | None = None
    ports: PortChoices = field(default_factory=PortChoices)


@dataclass(frozen=True)
class Summary:
    """What `up` brought up.

    Attributes:
        home: the sandbox's folders.
        state: what it recorded.
        services: specs of all services, all ready.
        models: names of the deployed models.
        took_s: seconds for each service that was started; kept ones took next to nothing.
        elapsed_s: seconds from the call to the last answer.
    """

    home: SandboxHome
    state: SandboxState
    services: Sequence[ServiceSpec]
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
            "data": str(self.home.data),
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
    """Bring the sandbox up, and block until every service answered a real request. Running already: nothing changes.

    Services keep running when this process ends. What runs is left running when this fails, for inspection.

    Raises:
        SetupError: the machine lacks something; nothing was started.
        ServiceFailedError: a service did not become ready; says why.
        SandboxError: another command holds the sandbox.
    """
    started = time.monotonic()
    options = options or Options()
    environ = os.environ if environ is None else environ
    with locked(home, "pyml dev up"):
        home.create()
        recorded = load_state(home)
        state = wanted_state(home, recorded, options)
        driver = driver_for(home, state)
        _tell_what_is_new(home, recorded, state, options, on_event)
        left_over = driver.sweep()
        if left_over:
            on_event(Event("sandbox", Progress.NOTE, f"ended {left_over} processes that an earlier run left behind"))
        live = driver.live()
        doctor.preflight(situation(home, state, live, environ))
        save_state(home, replace(state, stamp=SparkHome.find().stamp))
        specs = wanted_services(home, state, environ, on_event)
        save_routes(home, load_routes(home))  # the folder of sockets may be another one now
        plan = plan_up(specs, live)
        took_s = carry_out(plan, driver, live, on_event)
        if spark.NAME in {spec.name for spec in plan.start}:
            start_warm_up(home, state.ports.spark)
    return Summary(home, state, specs, tuple(load_routes(home).models), took_s, time.monotonic() - started)


def examine(home: SandboxHome, environ: Mapping[str, str]) -> Sequence[doctor.Finding]:
    """Run every check that `up` runs before it starts anything, and report each. Changes nothing."""
    state = wanted_state(home, load_state(home), Options())
    live = driver_for(home, state).live()
    return doctor.examine(situation(home, state, live, environ))


def down(home: SandboxHome, on_event: OnEvent = ignore, with_data: bool = False) -> Sequence[str]:
    """Stop every service, side by side; data and uploaded models are kept unless `with_data`. Down already: fine.

    Returns:
        The names of the services that ran.

    Raises:
        SandboxError: something could not be stopped, or another command holds the sandbox.
    """
    state = load_state(home)
    if state is None:
        return []
    with locked(home, "pyml dev down"):
        stopped = _stop_all(driver_for(home, state), on_event)
        shutil.rmtree(home.scratch, ignore_errors=True)
        if with_data:
            delete_data(home)
    return stopped


def reset(home: SandboxHome, on_event: OnEvent = ignore) -> None:
    """Stop every service and delete everything that belongs to this sandbox: data, models, logs, recorded ports."""
    if not home.folder.exists():
        return
    with locked(home, "pyml dev reset"):
        _stop_all(process_driver(home), on_event)
        shutil.rmtree(home.runtime_dir, ignore_errors=True)
        for path in home.folder.iterdir():
            if path.name.startswith("sandbox.lock"):
                continue
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def delete_data(home: SandboxHome) -> None:
    """Delete the tables, the metastore's database and the uploaded models. Nothing may run."""
    for folder in (home.data, home.models, home.scratch):
        shutil.rmtree(folder, ignore_errors=True)
    home.routes_file.unlink(missing_ok=True)
    state = load_state(home)
    if state is not None:
        save_state(home, replace(state, stamp=None))


def what_is_deleted(home: SandboxHome) -> list[str]:
    """One line for each thing that `reset` and `down` with data delete, with its size."""
    folders = {"tables and the metastore's database": home.data, "uploaded models": home.models}
    return [f"{human_size(size_bytes(folder)):>9}  {what}, in {folder}" for what, folder in folders.items()]


def wanted_state(home: SandboxHome, recorded: SandboxState | None, options: Options) -> SandboxState:
    """The state this sandbox shall have: recorded choices, changed by the options.

    Raises:
        SetupError: a driver was asked for that does not exist yet.
    """
    return SandboxState(
        driver=choose_driver(None if recorded is None else recorded.driver, options.driver),
        ports=_ports(home, recorded, options),
        stamp=None if recorded is None else recorded.stamp,
        pyml_version=importlib.metadata.version("pyml-sandbox"),
        spark_version=SparkHome.find().version,
    )


def _ports(home: SandboxHome, recorded: SandboxState | None, options: Options) -> Ports:
    if recorded is not None:
        return choose_ports(recorded.ports, options.ports, ())
    return choose_ports(None, options.ports, ports_of_others(home) | ports_of_running_sandboxes())


def situation(
    home: SandboxHome, state: SandboxState, live: Sequence[LiveService], environ: Mapping[str, str]
) -> doctor.Situation:
    """What the checks of `doctor` look at."""
    running = {service.name for service in live if service.state is ServiceState.RUNNING}
    return doctor.Situation(home, state.ports, running, state.stamp, environ)


def wanted_services(
    home: SandboxHome, state: SandboxState, environ: Mapping[str, str], on_event: OnEvent = ignore
) -> list[ServiceSpec]:
    """The specs of every service that this sandbox shall run."""
    spark_home = SparkHome.find()
    java = find_java(home, environ)
    return [
        metastore_spec(home, spark_home, java, loopback_jar(spark_home, java, home.cache), state.ports.metastore),
        spark.spark_spec(home, spark_home, java, state.ports),
        gateway_spec(home, state.ports),
        *model_servers(home, state, on_event),
    ]


def _stop_all(driver: Driver, on_event: OnEvent) -> list[str]:
    started = time.monotonic()
    running = [service.name for service in _live_or_nothing(driver) if service.pid is not None]
    driver.shut_down()
    driver.sweep()
    for name in running:
        on_event(Event(name, Progress.STOPPED, "", time.monotonic() - started))
    return running


def _live_or_nothing(driver: Driver) -> Sequence[LiveService]:
    try:
        return driver.live()
    except SandboxError:
        return ()  # its watcher hangs: shut_down ends it by force


def _tell_what_is_new(
    home: SandboxHome, recorded: SandboxState | None, state: SandboxState, options: Options, on_event: OnEvent
) -> None:
    on_event(Event("driver", Progress.NOTE, state.driver))
    on_event(Event("data", Progress.NOTE, f"{home.data}  (kept between runs)"))
    if recorded is None and state.ports != Ports().with_choices(options.ports):
        words = ", ".join(f"{name} {port}" for name, port in state.ports.by_service.items())
        on_event(Event("ports", Progress.NOTE, f"{words}  (another sandbox has the usual ones)"))
