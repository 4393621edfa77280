"""A new package for the columns of a file or a table, with a `predict` that runs and is to be replaced."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.errors import InputError, Problem, UsageError
from pyml.types.dtypes import dtype_of
from pyml.types.field import Field
from pyml.types.schema import Schema
from pyml_sandbox.models.sources.arrow_columns import declared
from pyml_sandbox.models.sources.package_draft import PackageDraft, declaration

if TYPE_CHECKING:
    import pyarrow as pa

FIRST_ROWS = 1000
"""Rows of the file or table that become the rows of the parity check."""
DEFAULT_OUTPUT = "prediction DOUBLE NOT NULL"
_VALUES = {
    "BOOLEAN": "False",
    "FLOAT": "0.0",
    "DOUBLE": "0.0",
    "DECIMAL": "Decimal(0)",
    "STRING": '""',
    "BINARY": 'b""',
    "DATE": 'pd.Timestamp("2024-01-01")',
    "TIMESTAMP": 'pd.Timestamp("2024-01-01", tz="UTC")',
    "TIMESTAMP_NTZ": 'pd.Timestamp("2024-01-01")',
    "ARRAY": "[]",
    "MAP": "{}",
}


def first_rows(file: Path) -> pa.Table:
    """The first rows of a Parquet file, with the schema of the file.

    Args:
        file: a Parquet file.

    Raises:
        UsageError: there is no such file, or it has no rows.
        InputError: it is not a Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not file.is_file():
        raise UsageError(f"there is no file {file}", "--from-parquet FILE.parquet")
    try:
        with pq.ParquetFile(file) as parquet:
            schema = parquet.schema_arrow
            batch = next(parquet.iter_batches(batch_size=FIRST_ROWS), None)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{file} cannot be read", [Problem(str(error), "give a Parquet file")]) from error
    if batch is None or not batch.num_rows:
        raise UsageError(f"{file} has no rows, which the parity check needs", "give a file with rows")
    return pa.Table.from_batches([batch], schema=schema)


def column_package(rows: pa.Table, excluded: Collection[str], outputs: str, source: str) -> PackageDraft:
    """The package of a model that takes the columns of a table.

    Args:
        rows: the first rows; the schema says which columns may hold null.
        excluded: names of columns that are not inputs.
        outputs: the outputs in Spark DDL; empty for one number.
        source: the file or table, for the docstring.

    Raises:
        UsageError, InputError: as `declared`.
        SchemaError: the outputs are not Spark DDL.
    """
    inputs, notes = declared(rows.schema, excluded)
    answers = Schema(outputs or DEFAULT_OUTPUT)
    if not answers.fields:
        raise UsageError("the model has no output", f"--output '{DEFAULT_OUTPUT}'")
    if not outputs:
        notes += (f"the output is assumed to be `{DEFAULT_OUTPUT}`; declare yours by --output 'NAME TYPE'",)
    kept = rows.select(list(inputs.names))
    notes += (f"the parity check predicts the first {kept.num_rows:,} rows (rows.parquet), numbered",)
    return PackageDraft(_model(inputs, answers, source), ("pandas",), kept, notes)


def _model(inputs: Schema, outputs: Schema, source: str) -> str:
    columns = "".join(f"                {field.name!r}: {_series(field)},\n" for field in outputs.fields)
    decimal = "from decimal import Decimal\n\n" if "Decimal(" in columns else ""
    title = source.replace("\\", "/").replace('"', "'")
    return f'''"""A model over the columns of {title}."""

{decimal}import pandas as pd

from pyml import DataFrameModel, Schema


class Model(DataFrameModel):
    inputs = {declaration(inputs)}
    outputs = {declaration(outputs)}

    def __init__(self, parameters):
        # REPLACE: load your model from the folder, such as joblib.load(parameters / "model.joblib").
        self.model = None

    def predict(self, frame):
        # REPLACE: these predictions are constants. `frame` holds the columns of `inputs`, in their order.
        return pd.DataFrame(
            {{
{columns}            }},
            index=frame.index,
        )
'''


def _series(field: Field) -> str:
    return f"pd.Series([{_value(field)}] * len(frame), index=frame.index, dtype={dtype_of(field)!r})"


def _value(field: Field) -> str:
    if field.base_type != "STRUCT":
        return _VALUES.get(field.base_type, "0")
    kind = field.arrow.type
    names = [kind.field(number).name for number in range(kind.num_fields)]
    return "{" + ", ".join(f"{name!r}: None" for name in names) + "}"
