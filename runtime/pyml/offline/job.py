"""An offline job as data: what to predict and where to write it, its result, and its error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyml.error_code import ErrorCode
from pyml.errors import PymlError
from pyml.inference.worker_info import Worker
from pyml.types.schema import Schema


class JobError(PymlError):
    """The offline job failed; the target table is unchanged."""

    general_code = ErrorCode.JOB


@dataclass(frozen=True)
class OfflineJob:
    """What to predict, with which model, and which table to write.

    Attributes:
        folder: the model package, on the workers' disk.
        inputs: the model's declared inputs.
        outputs: the model's declared outputs.
        query: SQL whose rows are predicted.
        table: target Hive table, `database.table`; its database is created if it does not exist.
        key: columns that identify a row, kept beside the predictions; if none are given, every column of the query that
            is not an input is kept.
        allow_empty: whether a query without rows gives an empty table instead of an error.
        partition: values of the partition columns by name, as texts that Spark casts to their types; if there are any,
            only this partition of the table is replaced.
        append: whether the rows are added to the table or partition, which keeps those that it has.
        recorded: whether the table also gets a record of what `predict` got and returned (`pyml.inference.digests`).
    """

    folder: str
    inputs: Schema
    outputs: Schema
    query: str
    table: str
    key: tuple[str, ...] = ()
    allow_empty: bool = False
    recorded: bool = False
    partition: Mapping[str, str] = field(default_factory=dict)
    append: bool = False


@dataclass(frozen=True)
class JobResult:
    """The result of a job.

    Attributes:
        table: the Hive table that holds the key and the predictions.
        rows: number of rows.
        key: the columns kept beside the predictions.
        seconds: wall time of each step, in seconds.
        workers: the workers that predicted, as they described themselves; none if there were no rows.
        partition: values of the partition columns that were written; empty for a whole table.
        append: whether the rows were added to those that stood there.
    """

    table: str
    rows: int
    key: tuple[str, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)
    workers: tuple[Worker, ...] = ()
    partition: Mapping[str, str] = field(default_factory=dict)
    append: bool = False
