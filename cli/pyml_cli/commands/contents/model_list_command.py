"""`pyml models`: the versions of a sandbox, one of them in detail, and the end of those that nobody needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from pyml.command_line import command
from pyml.errors import UsageError
from pyml_cli.completion import versions
from pyml_cli.options import ModelId, Sandbox, is_listing
from pyml_cli.output import AsJson, Output, choose_output, progress
from pyml_cli.rich_table import table_text
from pyml_cli.time_words import moment

if TYPE_CHECKING:
    from pyml_sandbox.lifecycle.removal import StoredSize
    from pyml_sandbox.listings.model_list import VersionRow
    from pyml_sandbox.workspace.events import JSON

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def models(context: typer.Context, sandbox: Sandbox = None, json: AsJson = False) -> None:
    """List the uploaded versions: size, level that the last check earned, and whether they are deployed."""
    if not is_listing(context, sandbox, json):
        return
    from pyml_sandbox.listings.model_list import list_versions
    from pyml_sandbox.workspace.home import SandboxHome

    choose_output(json).result(VersionsView(list_versions(SandboxHome.find(sandbox))))


@app.command()
def show(model_id: ModelId, sandbox: Sandbox = None, json: AsJson = False) -> None:
    """Show one version: its contract, environment and size, what its last check said, and where it lies."""
    from pyml_sandbox.listings.model_list import list_versions
    from pyml_sandbox.models.registry import find_version
    from pyml_sandbox.workspace.home import SandboxHome

    home = SandboxHome.find(sandbox)
    version = find_version(home, model_id)
    (row,) = (row for row in list_versions(home, version.name) if row.version.version == version.version)
    choose_output(json).result(VersionView(row))


@app.command()
def delete(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="NAME@VERSION, or NAME for all its versions.", autocompletion=versions),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Delete an uploaded version, or all of a model. Says what goes and asks first; a deployed version is refused."""
    from pyml_sandbox.lifecycle.removal import delete_versions, versions_to_delete
    from pyml_sandbox.workspace.home import SandboxHome
    from pyml_sandbox.workspace.state import name_option

    output, home = choose_output(json), SandboxHome.find(sandbox)
    doomed = versions_to_delete(home, model)
    _list_what_goes(doomed, output)
    if not yes and not output.confirm(f"Delete {_counted(doomed)} of {model.partition('@')[0]}?"):
        raise UsageError("Nothing was deleted.", f"{command('pyml models delete', model)}{name_option(home)} --yes")
    with progress() as on_event:
        deleted = delete_versions(home, model, on_event)
    output.result(DeletedView(deleted))


def _list_what_goes(doomed: Sequence[StoredSize], output: Output) -> None:
    from rich.filesize import decimal

    from pyml_sandbox.workspace.events import Event, Progress

    with output.steps() as on_event:
        for each in doomed:
            on_event(Event("deletes", Progress.NOTE, f"{decimal(each.size_bytes):>9}  {each.model_id}"))


def _counted(doomed: Sequence[StoredSize]) -> str:
    return "1 version" if len(doomed) == 1 else f"{len(doomed)} versions"


@dataclass(frozen=True)
class VersionsView:
    """The versions of a sandbox."""

    rows: Sequence[VersionRow]

    @property
    def json(self) -> Mapping[str, JSON]:
        """All facts of every version."""
        return {"models": [row.json for row in self.rows]}

    @property
    def text(self) -> str:
        """One line for each version, then what is damaged."""
        from rich.filesize import decimal

        if not self.rows:
            return "There are no models.\nNext:   pyml upload FOLDER"
        columns = ("model", "uploaded", "package", "environment", "verdict", "level", "deployed")
        lines = [
            (
                row.version.model_id,
                moment(row.version.uploaded_at),
                decimal(row.size_bytes),
                environment_text(row),
                row.verdict,
                level_text(row),
                deployed_text(row),
            )
            for row in self.rows
        ]
        damaged = [f"x {row.version.model_id} cannot be used: {row.error}" for row in self.rows if row.error]
        return "\n".join([table_text(columns, lines, ("package", "environment")), *damaged])


@dataclass(frozen=True)
class VersionView:
    """One version."""

    row: VersionRow

    @property
    def json(self) -> Mapping[str, JSON]:
        """All its facts."""
        return {**self.row.json, "folder": str(self.row.version.folder)}

    @property
    def text(self) -> str:
        """One line for each fact, and the command that lists its reports."""
        from rich.filesize import decimal

        row, version = self.row, self.row.version
        signature = version.signature
        checked = (
            f"{row.verdict}, {level_text(row) or 'no level'}, {moment(row.checked_at)}" if row.verdict else "never"
        )
        facts = {
            "kind": signature.kind,
            "inputs": signature.inputs.ddl,
            "outputs": signature.outputs.ddl,
            "uploaded": moment(version.uploaded_at),
            "package": f"{decimal(row.size_bytes)} in {version.folder}",
            "needs": environment_text(row),
            "image": row.image or "",
            "checked": checked,
            "deployed": deployed_text(row) or "no",
        }
        lines = [f" {name:<9} {value}" for name, value in facts.items() if value]
        more = command("pyml reports", model=version.model_id) if row.verdict else "pyml parity-check"
        return "\n".join([version.model_id, *lines, f"Next:   {more}"])


@dataclass(frozen=True)
class DeletedView:
    """The versions that were deleted."""

    deleted: Sequence[StoredSize]

    @property
    def json(self) -> Mapping[str, JSON]:
        """Their ids, and the disk space that this freed."""
        ids: list[JSON] = [each.model_id for each in self.deleted]
        return {"deleted": ids, "freed_bytes": sum(each.size_bytes for each in self.deleted)}

    @property
    def text(self) -> str:
        """One line."""
        from rich.filesize import decimal

        freed = decimal(sum(each.size_bytes for each in self.deleted))
        return f" Deleted {', '.join(each.model_id for each in self.deleted)} ({freed}). Environments stay for reuse."


def environment_text(row: VersionRow) -> str:
    """The size of a version's environment; empty if it is not known."""
    return "" if row.environment_mb is None else f"{row.environment_mb:,.0f} MB"


def level_text(row: VersionRow) -> str:
    """The level that a version earned, and the one that was asked for if it is higher."""
    if not row.level or row.level == row.level_asked or not row.level_asked:
        return row.level
    return f"{row.level}, asked {row.level_asked}"


def deployed_text(row: VersionRow) -> str:
    """Whether a version is deployed, and is the one that a name alone means."""
    return "default" if row.is_default else "yes" if row.is_deployed else ""
