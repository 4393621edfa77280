"""The rows of the user on which a new model is called: `--rows`, or the file that `pyml.toml` names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml.inference.describe import Signature
    from pyml.package.model_package import ModelPackage
    from pyml_sandbox.models.first_call import RowsFor

FIRST = 100
"""Rows that are predicted, at most."""
FirstRows = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="CSV, JSON Lines or Parquet rows that it must predict (default: [parity] rows, else made up).",
    ),
]


def rows_of_user(file: Path | None, folder: Path, package: ModelPackage) -> RowsFor | None:
    """What gives the first rows of a file for a signature; None if the user names no file.

    Args:
        file: of the option `--rows`; None for the file that `[parity] rows` names.
        folder: of the package, as the user has it.
        package: the same, with its settings.
    """
    named = file if file is not None else folder / package.settings.parity.rows
    if file is None and not package.settings.parity.rows:
        return None

    def rows_for(signature: Signature) -> pa.RecordBatch:
        from pyml.types.declared_rows import one_batch
        from pyml_sandbox.predict.file_formats.file_rows import read_rows

        return one_batch(read_rows(named, signature.inputs).slice(0, FIRST))

    return rows_for
