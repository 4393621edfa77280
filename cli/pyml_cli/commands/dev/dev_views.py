"""The output of the `pyml dev` commands, as text and as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.filesize import decimal

from pyml.command_line import command
from pyml_cli.output import event_mark
from pyml_cli.time_words import age
from pyml_sandbox.lifecycle.status import SandboxStatus, ServiceStatus
from pyml_sandbox.lifecycle.up_and_down import Stopped, Summary
from pyml_sandbox.services.machine_check import MachineFinding, MachineVerdict
from pyml_sandbox.workspace.events import JSON
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import HOST
from pyml_sandbox.workspace.state import name_option


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
        """The time it took, and the next commands."""
        option = name_option(self.summary.home)
        ready = f" Ready in {self.summary.elapsed_s:.1f}s."
        to_try = command_to_try(self.summary.models, self.summary.state.ports.rest, Path.cwd())
        return "\n".join(
            [
                "",
                f"{ready:<18}Try:   {to_try}",
                f"{'':<18}See:   pyml console{option}",
                f"{'':<18}Logs:  pyml dev logs -f{option}",
                f"{'':<18}Stop:  pyml dev down{option}      (data is kept; --volumes deletes it)",
            ]
        )


def command_to_try(models: Sequence[str], rest_port: int, folder: Path) -> str:
    """The command to try next: query a deployed model, upload the model in the folder, or create one.

    Args:
        models: names of the deployed models.
        rest_port: the gateway's REST port on 127.0.0.1.
        folder: the current folder.
    """
    if models:
        return command("curl -s", f"http://{HOST}:{rest_port}/v2/models/{models[0]}")
    if (folder / "model.py").exists():
        return "pyml upload ."
    return "pyml init my_model"


@dataclass(frozen=True)
class DownView:
    """The result of `down`."""

    home: SandboxHome
    stopped: Stopped
    kept: bool

    @property
    def json(self) -> Mapping[str, JSON]:
        """The services that were stopped, and whether data was kept."""
        return {"sandbox": self.home.name, "stopped": list(self.stopped.services), "data_kept": self.kept}

    @property
    def text(self) -> str:
        """One line."""
        what = "Stopped" if self.stopped.services else "Nothing was running"
        if not self.stopped.data:
            return f" {what}."
        return f" {what}. Data {f'is kept in {self.stopped.data}' if self.kept else 'was deleted'}."


@dataclass(frozen=True)
class StatusView:
    """The status of a sandbox."""

    status: SandboxStatus

    @property
    def json(self) -> Mapping[str, JSON]:
        """See `SandboxStatus.json`."""
        return self.status.json

    @property
    def text(self) -> str:
        """The sandbox in one line, one line per service, and how each deployed version predicts."""
        status = self.status
        head = [
            f" sandbox  {status.home.name}, {status.state.driver} driver, "
            f"pyml {status.state.pyml_version}, Spark {status.state.spark_version}",
            f" data     {decimal(status.data.size_bytes)} in {status.data.description}",
        ]
        busy = [f" busy     {status.busy}"] if status.busy else []
        width = max(len(service.name) for service in status.services)
        lost = [f" x {lost.model_id}  cannot be served: {lost.error}" for lost in status.lost]
        batching = [f"   {model_id}  {found.words}" for model_id, found in status.batching.items()]
        services = [_service_line(service, width) for service in status.services]
        return "\n".join([*head, *busy, "", *services, *lost, *batching])


_USED_WIDTH = 30


def _service_line(service: ServiceStatus, width: int) -> str:
    used = " " * _USED_WIDTH
    if service.pid:
        used = f"{age(service.uptime_s):>7} {decimal(service.memory_bytes):>9} {service.threads:>4} threads"
    last = f", last: {service.last_exit}" if service.last_exit else ""
    came_back = f"  (ended {service.restarts}x{last}; came back)" if service.restarts and service.pid else ""
    health = f"{event_mark(str(service.health))} {service.name:<{width}}  {service.health:<13}"
    return f" {health} {used}  {service.detail or service.address}{came_back}".rstrip()


@dataclass(frozen=True)
class LogLine:
    """One line of a service's log."""

    service: str
    line: str
    with_service: bool

    @property
    def json(self) -> Mapping[str, JSON]:
        """Service and line."""
        return {"service": self.service, "line": self.line}

    @property
    def text(self) -> str:
        """The line, after the service's name if the command shows several services."""
        return f"{self.service:<10} | {self.line}" if self.with_service else self.line


@dataclass(frozen=True)
class ResetView:
    """The result of `reset`."""

    home: SandboxHome

    @property
    def json(self) -> Mapping[str, JSON]:
        """The name of the deleted sandbox."""
        return {"sandbox": self.home.name, "deleted": str(self.home.folder)}

    @property
    def text(self) -> str:
        """One line."""
        return f" Deleted. Start anew:  pyml dev up{name_option(self.home)}"


@dataclass(frozen=True)
class DoctorView:
    """The findings of the checks."""

    findings: Sequence[MachineFinding]

    @property
    def failed(self) -> Sequence[MachineFinding]:
        """The checks that failed."""
        return [finding for finding in self.findings if finding.verdict is MachineVerdict.FAILED]

    @property
    def json(self) -> Mapping[str, JSON]:
        """All findings, and whether the sandbox can start."""
        return {"ok": not self.failed, "checks": [finding.json for finding in self.findings]}

    @property
    def text(self) -> str:
        """One line for each check, then the fix for the first that failed."""
        lines = [f" {event_mark(str(each.verdict))} {each.check:<8}  {each.detail}" for each in self.findings]
        remedy = [f"\n fix:  {self.failed[0].hint}"] if self.failed else ["\n All checks passed:  pyml dev up"]
        return "\n".join(lines + remedy)


@dataclass(frozen=True)
class EnvironmentView:
    """A sandbox's addresses as environment variables."""

    variables: Mapping[str, str]

    @property
    def json(self) -> Mapping[str, JSON]:
        """The variables."""
        return dict(self.variables)

    @property
    def text(self) -> str:
        """Shell commands that set the variables."""
        return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in self.variables.items())
