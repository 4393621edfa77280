"""`pyml console`: the sandbox in a browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from pyml_cli.options import Sandbox
from pyml_cli.output import AsJson, choose_output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyml_cli.console.access import Access
    from pyml_sandbox.workspace.events import JSON


def console(
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65_535, metavar="PORT", help="Port on 127.0.0.1 (default: 8480, else a free one)."),
    ] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Open no browser.")] = False,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Show the sandbox in a browser: see and do what the command line can. Runs until Ctrl-C."""
    import webbrowser
    from threading import Thread

    from pyml_cli.console.serve_console import serve
    from pyml_sandbox.workspace.home import SandboxHome

    output = choose_output(json)
    home = SandboxHome.find(sandbox)

    def started(access: Access) -> None:
        output.result(ConsoleView(home.name, access.address))
        if not no_open:
            Thread(target=webbrowser.open, args=(access.address_once,), daemon=True).start()

    serve(home, port, started)
    output.result(StoppedView(home.name))


@dataclass(frozen=True)
class ConsoleView:
    """Where the console is."""

    sandbox: str
    address: str

    @property
    def json(self) -> Mapping[str, JSON]:
        """Sandbox and address; the address has the token."""
        return {"sandbox": self.sandbox, "address": self.address}

    @property
    def text(self) -> str:
        """The address, and how to end it."""
        return f" Console:  {self.address}\n Stop:     Ctrl-C      (the sandbox runs on)"


@dataclass(frozen=True)
class StoppedView:
    """The console has ended."""

    sandbox: str

    @property
    def json(self) -> Mapping[str, JSON]:
        """The sandbox."""
        return {"sandbox": self.sandbox, "stopped": True}

    @property
    def text(self) -> str:
        """One line."""
        return "\n Stopped. The sandbox is as it was:  pyml dev status"
