"""Rows with exactly the declared columns and types, as an Arrow batch; it needs no pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from pyml.errors import InputError
from pyml.types.conversion.declared_column import as_declared, fitted, refuse_missing, undeclared_problems
from pyml.types.conversion.row_source import RowSource
from pyml.types.field import Field

if TYPE_CHECKING:
    from pyml.types.schema import Schema


def conform(batch: pa.RecordBatch, schema: Schema, source: RowSource = RowSource.ARROW) -> pa.RecordBatch:
    """The same rows with exactly the declared columns and Arrow types, in declared order.

    A column of a different type is converted if nothing is lost (`pyml.types.conversion.lossless`); one of the declared
    type is neither copied nor looked at.

    Args:
        batch: the columns of `schema`, by name, in any order; additional columns are refused.
        schema: the model's declared inputs.
        source: where the rows come from, for the hints of an error.

    Raises:
        InputError: a column is missing, not declared, of a type that is not converted, holds a value that its declared
            type cannot hold, or holds null though NOT NULL; lists every such column.
    """
    if batch.schema.equals(schema.arrow) and not any(
        column.null_count for column, field in zip(batch.columns, schema.fields, strict=True) if not field.nullable
    ):
        return batch
    columns, problems = fitted(schema.fields, lambda field: as_declared(_column(batch, field, source), field, source))
    problems += undeclared_problems(batch.schema.names, schema.names, source)
    if problems:
        raise InputError("the rows do not fit the model's inputs", problems)
    return pa.RecordBatch.from_arrays(columns, schema=schema.arrow)


def _column(batch: pa.RecordBatch, field: Field, source: RowSource) -> pa.Array:
    refuse_missing(batch.schema.names, field, source, declared=f"; declared {field.ddl_type}")
    return batch.column(field.name)


def one_batch(table: pa.Table) -> pa.RecordBatch:
    """All rows of a table as one batch; an empty table gives an empty batch."""
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)
