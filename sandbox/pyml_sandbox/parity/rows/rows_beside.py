"""The rows of a check in a file beside `pyml.toml`: read in the declared types, with the key columns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pyml.command_line import command
from pyml.errors import UsageError
from pyml.package.settings import FILE_NAME, ParitySettings
from pyml_sandbox.predict.file_formats.file_rows import read_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from pyml.inference.describe import Signature

SETTING = f"`rows` in table [parity] of {FILE_NAME}"


def rows_beside(settings: ParitySettings, folder: Path | None, signature: Signature) -> pa.Table | None:
    """The rows in the file that the settings name; None if they name none.

    Args:
        settings: name the file, and the key.
        folder: that of `pyml.toml`, as the user has it; None for a stored version, of which the file is no part.
        signature: of the model.

    Returns:
        Shape (rows, key columns and inputs), the inputs in their declared types.

    Raises:
        UsageError: the file does not exist, lacks a key column, or there is no folder.
        InputError: the rows do not fit the model's inputs; names column and row of each misfit.
    """
    if not settings.rows:
        return None
    file = Path(settings.rows)
    if folder is None and not file.is_absolute():
        raise rows_not_beside(settings)
    file = (folder or Path()) / file
    if not file.is_file():
        raise UsageError(f"there is no file {file}, which is {SETTING}", "name a file that lies beside pyml.toml")
    rows = read_rows(file, signature.inputs)
    return _with_keys(rows, file, [name for name in settings.key if name not in rows.column_names])


def rows_not_beside(settings: ParitySettings) -> UsageError:
    """The error of a check of a stored version whose `pyml.toml` names a file beside it."""
    return UsageError(
        f"{settings.rows}, which is {SETTING}, lies in the model's folder and is no part of an uploaded version",
        f"check the folder: {command('pyml parity-check', 'FOLDER')}; or give --table TABLE or --sql QUERY",
    )


def _with_keys(rows: pa.Table, file: Path, keys: list[str]) -> pa.Table:
    """The rows with key columns that are not inputs; only Parquet has the types of columns that nothing declares."""
    import pyarrow.parquet as pq

    if not keys:
        return rows
    if file.suffix.lower() != ".parquet":
        raise UsageError(
            f"{file} has no types for the key columns {', '.join(keys)}, which are not inputs of the model",
            "leave out `key`, so that the rows are numbered; or write the rows as Parquet",
        )
    names = pq.read_schema(file).names
    missing = [name for name in keys if names.count(name) != 1]
    if missing:
        raise UsageError(f"{file} has no key column {', '.join(missing)}", f"it has: {', '.join(names)}")
    found = pq.read_table(file, columns=keys)
    for number, name in enumerate(keys):
        rows = rows.add_column(number, found.schema.field(name), found[name])
    return rows
