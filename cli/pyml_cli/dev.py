"""`pyml dev`: the sandbox's commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from pyml_cli.output import AsJson, choose_output

if TYPE_CHECKING:
    from pyml_sandbox.bringup import Summary
    from pyml_sandbox.events import JSON

app = typer.Typer(rich_markup_mode=None)

Sandbox = Annotated[str | None, typer.Option("--sandbox", help="Which sandbox; $PYML_SANDBOX or 'default' else.")]
Port = Annotated[int | None, typer.Option(min=1, max=65_535, help="Port on 127.0.0.1, remembered from then on.")]


@app.callback()
def dev() -> None:
    """Bring the sandbox up and down, and look at it."""


@app.command()
def up(
    driver: Annotated[str | None, typer.Option(help="How services run: process or container.")] = None,
    gateway_port: Port = None,
    rest_port: Port = None,
    metastore_port: Port = None,
    spark_port: Port = None,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Start every service and wait until each has answered a real request. Running already: the same summary."""
    from pyml_sandbox import bringup
    from pyml_sandbox.home import SandboxHome
    from pyml_sandbox.ports import PortChoices

    output = choose_output(json)
    options = bringup.Options(driver, PortChoices(gateway_port, rest_port, metastore_port, spark_port))
    with output.steps() as on_event:
        summary = bringup.up(SandboxHome.find(sandbox), options, on_event)
    output.result(UpView(summary))


@app.command()
def down(sandbox: Sandbox = None, json: AsJson = False) -> None:
    """Stop every service. Data is kept."""
    from pyml_sandbox import bringup
    from pyml_sandbox.home import SandboxHome

    output = choose_output(json)
    with output.steps() as on_event:
        bringup.down(SandboxHome.find(sandbox), on_event)


@dataclass(frozen=True)
class UpView:
    """The summary of `up`."""

    summary: Summary

    @property
    def json(self) -> Mapping[str, JSON]:
        """See `Summary.json`."""
        return self.summary.json

    @property
    def text(self) -> str:
        """How long it took and what to do next."""
        return f"\n Ready in {self.summary.elapsed_s:.1f}s.\n"
