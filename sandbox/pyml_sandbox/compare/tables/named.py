"""Sides as a user names them: Parquet files, or Hive tables of the running sandbox."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.command_line import command
from pyml.errors import SandboxError, UsageError
from pyml.types.spark_types import quoted
from pyml_sandbox.compare.tables.source import GLOB_CHARACTERS
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.state import load_state, name_option

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TABLE = re.compile(r"\w+\.\w+")


@contextmanager
def parquet_sides(names: Sequence[str], home: SandboxHome) -> Iterator[list[Path]]:
    """Give every side as Parquet. Blocks while Spark reads tables; without a table no sandbox is needed.

    The rows of a table go through the memory of this process, into a folder that is gone after the block.

    Args:
        names: each a Parquet file, a folder of them or a glob, else `database.table`; an existing file is preferred.
        home: the sandbox that has the tables.

    Raises:
        UsageError: a name is neither, or there is no such table.
        SandboxError: a name is a table, and there is no sandbox, or its Spark does not answer.
        JobError: Spark failed to read a table.
    """
    tables = [name for name in names if is_table(name)]
    if not tables:
        yield [Path(name) for name in names]
        return
    with tempfile.TemporaryDirectory(prefix="pyml-compare-") as folder:
        files = _exported(tables, home, Path(folder))
        yield [files.get(name, Path(name)) for name in names]


def is_table(name: str) -> bool:
    """Whether a name is that of a table: no file has this name, and it does not look like a file's.

    Raises:
        UsageError: it cannot be the name of a table either.
    """
    path = Path(name)
    if path.exists() or len(path.parts) > 1 or path.suffix == ".parquet" or GLOB_CHARACTERS.search(name):
        return False
    if TABLE.fullmatch(name):
        return True
    raise UsageError(
        f"{name!r} is neither a Parquet file nor a table",
        "give a file, a folder, a glob in quotes, or database.table of a running sandbox",
    )


def _exported(tables: Sequence[str], home: SandboxHome, folder: Path) -> dict[str, Path]:
    """Each table as a file in `folder`, by its name; all read in one session."""
    from pyml.offline.spark_errors import translated_errors
    from pyml_sandbox.predict.spark_session import session
    from pyml_sandbox.predict.table_parts import PartsFile, table_parts

    if load_state(home) is None:
        raise SandboxError(
            f"there is no file {tables[0]}, and no sandbox {home.name!r} that could have a table of this name",
            f"pyml dev up{name_option(home)}",
        )
    files = {name: folder / f"{name}.parquet" for name in tables}
    with session(home) as spark, translated_errors():
        for name, file in files.items():
            _require_table(spark, name, home)
            with PartsFile(file) as written:
                for part in table_parts(spark, name):
                    written.write(part)
    return files


def _require_table(spark: SparkSession, name: str, home: SandboxHome) -> None:
    if not spark.catalog.tableExists(name):
        show = command("pyml dev sql", f"SHOW TABLES IN {quoted(name.partition('.')[0])}")
        raise UsageError(
            f"there is no file {name} and no table of this name in sandbox {home.name!r}",
            f"{show}{name_option(home)}   lists what is there",
        )
