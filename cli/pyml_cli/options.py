"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pyml.errors import UsageError
from pyml_cli.completion import deployed_models, versions

KEY_HELP = "Key column; repeat for a composite key."

Sandbox = Annotated[
    str | None,
    typer.Option("--sandbox", metavar="NAME", help='Sandbox to use (default: $PYML_SANDBOX, else "default").'),
]
ModelDir = Annotated[
    Path,
    typer.Argument(
        metavar="FOLDER", help="Folder of the model package (default: the current folder).", show_default=False
    ),
]
ModelReference = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="Folder of a model package (default: the current folder), NAME@VERSION, or an image.",
        show_default=False,
        autocompletion=versions,
    ),
]
ModelId = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="NAME@VERSION as `pyml upload` prints it, or NAME for the latest upload.",
        autocompletion=versions,
    ),
]
ModelName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Name of a model, without a version.", autocompletion=deployed_models),
]
ClusterName = Annotated[
    str,
    typer.Option(
        "--cluster", metavar="NAME", help="Do it on this cluster of clusters.toml, here or in $PYML_HOME, instead."
    ),
]
Key = Annotated[list[str] | None, typer.Option("--key", metavar="COLUMN", help=KEY_HELP)]
Wheels = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        file_okay=False,
        metavar="FOLDER",
        help="Install packages from the wheels in this folder instead of a package index.",
    ),
]
CaBundle = Annotated[
    Path | None,
    typer.Option(
        exists=True, dir_okay=False, metavar="FILE", help="PEM file with the certificates to trust during the build."
    ),
]


def is_listing(context: typer.Context, *given: object) -> bool:
    """Whether a group that lists is asked itself, and not one of its commands.

    Args:
        context: of the group.
        given: options of the group; its commands have their own, and those of the group would be lost.

    Raises:
        UsageError: an option of the group stands before one of its commands.
    """
    if context.invoked_subcommand is None:
        return True
    if any(given):
        whole = f"{context.command_path} {context.invoked_subcommand}"
        raise UsageError(
            f"an option stands before {context.invoked_subcommand!r}", f"{whole} --help   options come last"
        )
    return False
