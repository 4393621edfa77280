"""`pyml dev status` and `pyml dev restart`: how the services are, once or all the time, and one of them anew."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from pyml.errors import SandboxError
from pyml_cli.completion import services
from pyml_cli.options import Sandbox
from pyml_cli.output import AsJson, choose_output

if TYPE_CHECKING:
    from pyml_sandbox.lifecycle.status import SandboxStatus
    from pyml_sandbox.workspace.events import JSON


def status(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it again and again, until Ctrl-C.")] = False,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Show the state, address, uptime and memory of every service. Ends with 3 if one is neither ready nor idle.

    With --watch and --json: one object for each change of a service's state; uptime and memory are no change.
    """
    from pyml_cli.commands.dev.dev_views import StatusView
    from pyml_sandbox.lifecycle.status import changes, each_status
    from pyml_sandbox.lifecycle.status import status as ask
    from pyml_sandbox.workspace.home import SandboxHome

    home = SandboxHome.find(sandbox)
    if watch and sys.stdout.isatty() and not json:
        _show_live(each_status(home))
    elif watch:
        for found in changes(each_status(home)):
            choose_output(json).result(StatusView(found))
    else:
        found = ask(home)
        choose_output(json).result(StatusView(found))
        if not found.is_up:
            raise typer.Exit(SandboxError.exit_code)


def _show_live(statuses: Iterator[SandboxStatus]) -> None:
    """Show each status in place of the one before."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from pyml_cli.commands.dev.dev_views import StatusView

    with Live(console=Console(highlight=False), auto_refresh=False) as live:
        for found in statuses:
            live.update(Text(StatusView(found).text, no_wrap=True, overflow="ellipsis"), refresh=True)


def restart(
    name: Annotated[
        str,
        typer.Argument(
            metavar="SERVICE",
            help="Service to restart, as `pyml dev status` names it; for a model server the model is enough.",
            autocompletion=services,
        ),
    ],
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Stop one service, start it again, and wait until it answers a real request. All others go on."""
    from pyml_sandbox.lifecycle.restart import restart as restart_service
    from pyml_sandbox.workspace.home import SandboxHome

    output = choose_output(json)
    with output.steps() as on_event:
        restarted = restart_service(SandboxHome.find(sandbox), name, on_event)
    output.result(RestartView(restarted))


@dataclass(frozen=True)
class RestartView:
    """The result of `restart`."""

    service: str

    @property
    def json(self) -> Mapping[str, JSON]:
        """The name of the service."""
        return {"restarted": self.service}

    @property
    def text(self) -> str:
        """One line."""
        return f" Restarted {self.service}."
