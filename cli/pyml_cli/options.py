"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Sandbox = Annotated[str | None, typer.Option("--sandbox", help="Which sandbox; $PYML_SANDBOX or 'default' else.")]
ModelDir = Annotated[Path, typer.Argument(help="The model package; default this folder.", show_default=False)]
ModelReference = Annotated[
    str, typer.Argument(help="A model package (default this folder), name@version, or an image.", show_default=False)
]
ModelId = Annotated[str, typer.Argument(help="name@version as `pyml upload` prints it, or a name alone.")]
Key = Annotated[list[str] | None, typer.Option("--key", help="A column that names a row; give it once for each.")]
