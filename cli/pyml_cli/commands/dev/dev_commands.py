"""`pyml dev`: commands of the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pyml.errors import SetupError, UsageError
from pyml_cli.commands.dev import service_commands, sql_command, table_commands
from pyml_cli.completion import services
from pyml_cli.options import Sandbox
from pyml_cli.output import AsJson, Output, choose_output

if TYPE_CHECKING:
    from pyml_sandbox.workspace.home import SandboxHome

app = typer.Typer(rich_markup_mode=None)

Port = Annotated[int | None, typer.Option(min=1, max=65_535, metavar="PORT", help="Port on 127.0.0.1; remembered.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.callback()
def dev() -> None:
    """Start, stop and inspect the sandbox."""


@app.command()
def up(
    driver: Annotated[
        str | None, typer.Option(metavar="DRIVER", help="How services run: container or process; remembered.")
    ] = None,
    gateway_port: Port = None,
    rest_port: Port = None,
    metastore_port: Port = None,
    spark_port: Port = None,
    python_image: Annotated[
        str | None, typer.Option(metavar="IMAGE", help="Image to build the base image on; remembered.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="NUMBER", help="Spark workers per model; remembered.")
    ] = None,
    idle_stop: Annotated[
        int | None,
        typer.Option(min=0, metavar="SECONDS", help="Stop containers that are idle this long; 0: never. Remembered."),
    ] = None,
    docker_socket: Annotated[
        bool | None,
        typer.Option(
            "--docker-socket/--no-docker-socket", help="Let the gateway start containers, or not; remembered."
        ),
    ] = None,
    access_log: Annotated[
        bool | None,
        typer.Option("--access-log/--no-access-log", help="Log every request, or only those that failed; remembered."),
    ] = None,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Start every service and wait until each answers a real request. Services that are running are kept."""
    from pyml_cli.commands.dev.dev_views import UpView
    from pyml_sandbox.lifecycle import up_and_down
    from pyml_sandbox.workspace.ports import PortChoices
    from pyml_sandbox.workspace.state import ContainerOptions

    output = choose_output(json)
    options = up_and_down.Options(
        driver,
        PortChoices(gateway_port, rest_port, metastore_port, spark_port),
        ContainerOptions(python_image, workers, idle_stop, docker_socket),
        access_log,
    )
    with output.steps() as on_event:
        summary = up_and_down.up(_home(sandbox), options, on_event)
    output.result(UpView(summary))


@app.command()
def down(
    volumes: Annotated[bool, typer.Option("--volumes", help="Also delete tables and uploaded models.")] = False,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Stop every service. Tables and uploaded models are kept."""
    from pyml_cli.commands.dev.dev_views import DownView
    from pyml_sandbox.lifecycle import up_and_down

    output, home = choose_output(json), _home(sandbox)
    if volumes:
        _list_what_is_deleted(home, output)
    with output.steps() as on_event:
        stopped = up_and_down.down(home, on_event, with_data=volumes)
    output.result(DownView(home, stopped, kept=not volumes))


@app.command()
def logs(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="SERVICE",
            help="Service whose log to show (default: all).",
            show_default=False,
            autocompletion=services,
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow the log until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, metavar="NUMBER", help="Number of lines to show.")] = 50,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only requests to this model, and lines of its servers.")
    ] = None,
    request_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Only lines about the request with this id.")
    ] = None,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Show the logs of services. The log of a stopped service is kept until it starts again."""
    from pyml_cli.commands.dev.dev_views import LogLine
    from pyml_sandbox.lifecycle.service_logs import LogFilter, find_logs

    output = choose_output(json)
    for service, line in find_logs(_home(sandbox), name, lines, follow, LogFilter(model, request_id)):
        output.result(LogLine(service, line, with_service=name is None))


@app.command()
def reset(yes: Yes = False, sandbox: Sandbox = None, json: AsJson = False) -> None:
    """Stop every service and delete the sandbox with all its data. Shows what it deletes and asks first."""
    from pyml_cli.commands.dev.dev_views import ResetView
    from pyml_sandbox.lifecycle import up_and_down
    from pyml_sandbox.workspace.state import name_option

    output, home = choose_output(json), _home(sandbox)
    _list_what_is_deleted(home, output)
    if not yes and not output.confirm(f"Delete the sandbox {home.name!r} and all of this?"):
        raise UsageError("Nothing was deleted.", f"pyml dev reset{name_option(home)} --yes")
    with output.steps() as on_event:
        up_and_down.reset(home, on_event)
    output.result(ResetView(home))


@app.command()
def doctor(sandbox: Sandbox = None, json: AsJson = False) -> None:
    """Check that this machine can run the sandbox. `pyml dev up` runs the same checks before it starts."""
    import os

    from pyml_cli.commands.dev.dev_views import DoctorView
    from pyml_sandbox.lifecycle import up_and_down

    view = DoctorView(up_and_down.examine(_home(sandbox), os.environ))
    choose_output(json).result(view)
    if view.failed:
        raise typer.Exit(SetupError.exit_code)


@app.command()
def env(sandbox: Sandbox = None, json: AsJson = False) -> None:
    """Print the addresses of the sandbox as shell variables, for eval "$(pyml dev env)"."""
    from pyml_cli.commands.dev.dev_views import EnvironmentView
    from pyml_sandbox.lifecycle.shell_environment import shell_environment

    choose_output(json).result(EnvironmentView(shell_environment(_home(sandbox))))


for command in (
    service_commands.status,
    service_commands.restart,
    sql_command.sql,
    table_commands.load,
    table_commands.tables,
):
    app.command()(command)


def _home(sandbox: str | None) -> SandboxHome:
    from pyml_sandbox.workspace.home import SandboxHome

    return SandboxHome.find(sandbox)


def _list_what_is_deleted(home: SandboxHome, output: Output) -> None:
    from pyml_sandbox.lifecycle import up_and_down
    from pyml_sandbox.workspace.events import Event, Progress

    with output.steps() as on_event:
        for line in up_and_down.what_is_deleted(home):
            on_event(Event("deletes", Progress.NOTE, line))
