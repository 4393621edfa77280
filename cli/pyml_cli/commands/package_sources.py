"""What `pyml init` makes a package from, as its options say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyml.errors import UsageError

if TYPE_CHECKING:
    from pyml_sandbox.models.sources.package_draft import PackageDraft

FromParquet = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Parquet file whose columns are the inputs of the model.")
]
FromTable = Annotated[
    str, typer.Option(metavar="TABLE", help="Hive table of the running sandbox whose columns are the inputs.")
]
FromMlflow = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Model folder of MLflow (with the file MLmodel) to load and call.")
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="Column that is no input, such as a key or the label; repeat for several."),
]
Outputs = Annotated[
    list[str] | None,
    typer.Option(
        "--output", metavar="DDL", help="Output of the model, such as 'fare DOUBLE NOT NULL'; repeat for more."
    ),
]


@dataclass(frozen=True)
class Sources:
    """The options of `pyml init` that name a source.

    Attributes:
        parquet: a Parquet file; None for none.
        table: a Hive table; empty for none.
        mlflow: a model folder of MLflow; None for none.
        excluded: columns that are not inputs.
        outputs: outputs in Spark DDL.
        template: a template; empty for none.
    """

    parquet: Path | None
    table: str
    mlflow: Path | None
    excluded: Sequence[str] = ()
    outputs: Sequence[str] = ()
    template: str = ""

    def draft(self, sandbox: str | None = None) -> PackageDraft | None:
        """The package that is to be written; None if no source is given.

        Args:
            sandbox: name of the sandbox that holds the table.

        Raises:
            UsageError: several sources are given, or an option that belongs to none of them.
            PymlError: the source cannot be read, or has types that Hive lacks.
        """
        self._refuse_contradictions()
        outputs = ", ".join(self.outputs)
        if self.mlflow is not None:
            from pyml_sandbox.models.sources.mlflow_package import mlflow_package

            return mlflow_package(self.mlflow, outputs)
        if self.parquet is None and not self.table:
            return None
        from pyml_sandbox.models.sources.column_package import FIRST_ROWS, column_package, first_rows

        if self.parquet is not None:
            return column_package(first_rows(self.parquet), self.excluded, outputs, self.parquet.name)
        from pyml_sandbox.predict.hive_rows import first_rows_of_table
        from pyml_sandbox.workspace.home import SandboxHome

        rows = first_rows_of_table(SandboxHome.find(sandbox), self.table, FIRST_ROWS)
        return column_package(rows, self.excluded, outputs, self.table)

    def _refuse_contradictions(self) -> None:
        named = {"--from-parquet": self.parquet, "--from-table": self.table, "--from-mlflow": self.mlflow}
        given = [name for name, value in named.items() if value]
        if self.template and given:
            raise UsageError(f"--template and {given[0]} are given", "keep one of them")
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} are given", "keep one of them")
        if self.excluded and given not in (["--from-parquet"], ["--from-table"]):
            raise UsageError("--exclude belongs to --from-parquet and --from-table", "leave it out")
        if self.outputs and not given:
            raise UsageError("--output belongs to --from-parquet, --from-table and --from-mlflow", "add one of them")
