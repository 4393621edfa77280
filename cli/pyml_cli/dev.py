"""`pyml dev`: the sandbox's commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pyml.errors import SetupError, UsageError
from pyml_cli.options import Sandbox
from pyml_cli.output import AsJson, Output, choose_output

if TYPE_CHECKING:
    from pyml_sandbox.home import SandboxHome

app = typer.Typer(rich_markup_mode=None)

Port = Annotated[int | None, typer.Option(min=1, max=65_535, help="Port on 127.0.0.1, remembered from then on.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.callback()
def dev() -> None:
    """Bring the sandbox up and down, and look at it."""


@app.command()
def up(
    driver: Annotated[str | None, typer.Option(help="How services run: container or process; remembered.")] = None,
    gateway_port: Port = None,
    rest_port: Port = None,
    metastore_port: Port = None,
    spark_port: Port = None,
    python_image: Annotated[str | None, typer.Option(help="Image to build the base image on; remembered.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Spark workers for each model; remembered.")] = None,
    idle_stop: Annotated[
        int | None, typer.Option(min=0, help="Seconds after which idle containers stop, 0 for never; remembered.")
    ] = None,
    docker_socket: Annotated[
        bool | None,
        typer.Option("--docker-socket/--no-docker-socket", help="May the gateway start containers? Remembered."),
    ] = None,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Start every service and wait until each has answered a real request. Running already: the same summary."""
    from pyml_cli.dev_views import UpView
    from pyml_sandbox import bringup
    from pyml_sandbox.ports import PortChoices

    output = choose_output(json)
    chosen = {
        "python_image": python_image,
        "workers": workers,
        "idle_stop_s": idle_stop,
        "docker_socket": docker_socket,
    }
    options = bringup.Options(
        driver,
        PortChoices(gateway_port, rest_port, metastore_port, spark_port),
        {name: value for name, value in chosen.items() if value is not None},
    )
    with output.steps() as on_event:
        summary = bringup.up(_home(sandbox), options, on_event)
    output.result(UpView(summary))


@app.command()
def down(
    volumes: Annotated[bool, typer.Option("--volumes", help="Delete tables and uploaded models, too.")] = False,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Stop every service. Tables and uploaded models are kept."""
    from pyml_cli.dev_views import DownView
    from pyml_sandbox import bringup

    output, home = choose_output(json), _home(sandbox)
    if volumes:
        _say_what_is_deleted(home, output)
    with output.steps() as on_event:
        stopped = bringup.down(home, on_event, with_data=volumes)
    output.result(DownView(home, stopped, kept=not volumes))


@app.command()
def status(sandbox: Sandbox = None, json: AsJson = False) -> None:
    """Show every service: whether it answers, where, for how long, and what it uses."""
    from pyml_cli.dev_views import StatusView
    from pyml_sandbox.status import status as ask

    choose_output(json).result(StatusView(ask(_home(sandbox))))


@app.command()
def logs(
    name: Annotated[str | None, typer.Argument(help="A service; all of them without it.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with each new line; Ctrl-C ends it.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="So many of the last lines.")] = 50,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Show what services wrote. Kept after they ended, until they are started anew."""
    from pyml_cli.dev_views import LogLine
    from pyml_sandbox.service_logs import find_logs

    output = choose_output(json)
    for service, line in find_logs(_home(sandbox), name, lines, follow):
        output.result(LogLine(service, line, with_service=name is None))


@app.command()
def reset(yes: Yes = False, sandbox: Sandbox = None, json: AsJson = False) -> None:
    """Stop every service and delete everything that belongs to this sandbox; says how big it is and asks."""
    from pyml_cli.dev_views import ResetView
    from pyml_sandbox import bringup
    from pyml_sandbox.state import name_option

    output, home = choose_output(json), _home(sandbox)
    _say_what_is_deleted(home, output)
    if not yes and not output.confirm(f"Delete the sandbox {home.name!r} with all of this?"):
        raise UsageError("Nothing was deleted.", f"pyml dev reset{name_option(home)} --yes")
    with output.steps() as on_event:
        bringup.reset(home, on_event)
    output.result(ResetView(home))


@app.command()
def doctor(sandbox: Sandbox = None, json: AsJson = False) -> None:
    """Check what this machine must have: the very checks that `up` runs before it starts anything."""
    import os

    from pyml_cli.dev_views import DoctorView
    from pyml_sandbox import bringup

    view = DoctorView(bringup.examine(_home(sandbox), os.environ))
    choose_output(json).result(view)
    if view.failed:
        raise typer.Exit(SetupError.exit_code)


@app.command()
def env(sandbox: Sandbox = None, json: AsJson = False) -> None:
    """Print the sandbox's addresses as shell variables:  eval "$(pyml dev env)"."""
    from pyml_cli.dev_views import EnvironmentView
    from pyml_sandbox.shell_environment import shell_environment

    choose_output(json).result(EnvironmentView(shell_environment(_home(sandbox))))


def _home(sandbox: str | None) -> SandboxHome:
    from pyml_sandbox.home import SandboxHome

    return SandboxHome.find(sandbox)


def _say_what_is_deleted(home: SandboxHome, output: Output) -> None:
    from pyml_sandbox import bringup
    from pyml_sandbox.events import Event, Progress

    with output.steps() as on_event:
        for line in bringup.what_is_deleted(home):
            on_event(Event("deletes", Progress.NOTE, line))
