"""Both real paths for single rows: small Spark jobs, and requests through the gateway."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import InputError, OutputError, PymlError, SandboxError
from pyml.harness.session_messages import Refusal
from pyml_sandbox.hive_tables.hive_writer import write_table
from pyml_sandbox.models.model_session import NoAnswerError
from pyml_sandbox.parity.harness_process import Output
from pyml_sandbox.parity.noise.noise_model import Row, rows_of
from pyml_sandbox.parity.paths.wire_formats import wire_formats_of
from pyml_sandbox.parity.rows.numbered import ROW, numbered
from pyml_sandbox.parity.rows.snapshot import DATABASE
from pyml_sandbox.parity.rows.synthetic import InputRow, batch_of
from pyml_sandbox.predict.online import OnlineError
from pyml_sandbox.predict.request_limits import is_limit

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from pyml_sandbox.models.version import ModelVersion
    from pyml_sandbox.predict.online import OnlineModel

LOST = Refusal("JobError", "the row is not in the target table")
BATCH_ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"


@dataclass
class RealPaths:
    """Both real paths of one model version.

    Attributes:
        spark: a session whose workers run in the model's environment.
        model: the version behind the gateway.
        version: the same version.
        folder: of the model package, as Spark's workers see it.
        rest: address of the gateway's REST side.
        name: part of the names of the tables that are made here.
        tables: how many tables have been made.
    """

    spark: SparkSession
    model: OnlineModel
    version: ModelVersion
    folder: str
    rest: str
    name: str
    tables: int = field(default=0)

    def offline(
        self, rows: Sequence[InputRow], *, batch_rows: int | None = None, is_reversed: bool = False
    ) -> list[Output]:
        """The outputs of rows from a Spark job that reads one Hive table and writes another. Blocks.

        Args:
            rows: in the order in which the workers get them.
            batch_rows: how many rows the workers get at once; None for all.
            is_reversed: whether the table has the columns in reverse order, and their names in upper case.

        Returns:
            One output for each row. If the job fails, a refusal with its message for each row.
        """
        self.tables += 1
        source, target = (f"{DATABASE}.{kind}_{self.name}_{self.tables}" for kind in ("asked", "answered"))
        asked = self._keyed(rows)
        write_table(self.spark, _reversed(asked) if is_reversed else asked, source)
        before = self.spark.conf.get(BATCH_ROWS)
        try:
            self.spark.conf.set(BATCH_ROWS, str(batch_rows or max(len(rows), 1)))
            self._run(source, target)
            answered = self.spark.table(target).toArrow()
        except SandboxError:
            raise
        except PymlError as error:
            return [Refusal.of(error, "JobError")] * len(rows)
        finally:
            self.spark.conf.set(BATCH_ROWS, str(before))
            for table in (source, target):
                self.spark.sql(f"DROP TABLE IF EXISTS {table} PURGE")
        found = dict(zip(answered[ROW].to_pylist(), rows_of(answered.drop_columns([ROW])), strict=True))
        return [found.get(number, LOST) for number in range(len(rows))]

    def _run(self, source: str, target: str) -> None:
        from pyml.offline.job import OfflineJob
        from pyml.offline.job_run import run

        signature = self.version.signature
        query = f"SELECT * FROM {source}"
        run(self.spark, OfflineJob(self.folder, signature.inputs, signature.outputs, query, target, (ROW,), True))

    def _keyed(self, rows: Sequence[InputRow]) -> pa.Table:
        import pyarrow as pa

        return numbered(pa.Table.from_batches([batch_of(rows, self.version.signature.inputs)]))

    def online(
        self, calls: Sequence[Sequence[InputRow]], *, threads: int = 1, is_reversed: bool = False
    ) -> list[list[Output]]:
        """The outputs of calls through the gateway. Blocks.

        Args:
            calls: rows of each request.
            threads: how many requests are sent at the same time.
            is_reversed: whether the columns are sent in reverse order.

        Raises:
            NoAnswerError: a request exceeded a limit of size or time, so that its outputs are not known.
        """

        def request(rows: Sequence[InputRow]) -> list[Output]:
            return self._request(rows, is_reversed=is_reversed)

        if threads == 1:
            return [request(rows) for rows in calls]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(request, calls))

    def is_answered_online(self, row: InputRow, *, without: str = "", beside: str = "") -> bool:
        """Whether a request gets predictions although its columns differ from the model's inputs.

        Args:
            row: the row to send.
            without: name of a column to leave out; empty for none.
            beside: name of a column to add; empty for none.

        Raises:
            NoAnswerError: as of `online`.
        """
        import pyarrow as pa

        batch = batch_of([row], self.version.signature.inputs)
        if without:
            batch = batch.drop_columns([without])
        if beside:
            batch = batch.append_column(beside, pa.array([1.0]))
        try:
            list(self.model.predict([batch], recorded=True))
        except SandboxError:
            raise
        except PymlError as error:
            _refuse_limit(error)
            return False
        return True

    def in_wire_formats(self, rows: Sequence[InputRow]) -> dict[str, list[Output]]:
        """The outputs of rows that are sent together, by wire format; formats that cannot hold them are left out."""
        batch = batch_of(rows, self.version.signature.inputs)
        found: dict[str, list[Output]] = {}
        for form, ask in wire_formats_of(self.model, self.rest).items():
            try:
                found[form] = _of_each(rows, list(rows_of(ask(batch))))
            except (OnlineError, OutputError) as error:
                if {ErrorCode.CANNOT_CARRY, ErrorCode.REQUEST_TOO_LARGE}.isdisjoint(error.codes):
                    _refuse_limit(error)
                    found[form] = [Refusal.of(error, "OnlineError")] * len(rows)
            except (InputError, ValueError):  # of this process: the format cannot hold the rows, or the predictions
                continue
        return found

    def _request(self, rows: Sequence[InputRow], *, is_reversed: bool) -> list[Output]:
        batch = batch_of(rows, self.version.signature.inputs)
        try:
            (answer,) = self.model.predict([batch.select(batch.schema.names[::-1]) if is_reversed else batch])
        except SandboxError:
            raise
        except PymlError as error:
            _refuse_limit(error)
            refusal = Refusal.of(error, "OnlineError")
            return [refusal] * max(len(rows), 1)
        return _of_each(rows, list(rows_of(answer)))


def _refuse_limit(error: PymlError) -> None:
    """A limit that a request of the check exceeds says nothing about the rows.

    Raises:
        NoAnswerError: the error is of a limit.
    """
    if is_limit(error.code):
        raise NoAnswerError(f"a request of the check exceeds a limit: {error.message}", []) from error


def _of_each(rows: Sequence[InputRow], answered: list[Row]) -> list[Output]:
    """One output for each row; a refusal for each if the response has a different number of rows."""
    if len(answered) == len(rows):
        return list(answered)
    message = f"{len(rows)} rows in, {len(answered)} rows out"
    return [Refusal("OnlineError", message, (ErrorCode.ROW_COUNT,))] * len(rows)


def _reversed(table: pa.Table) -> pa.Table:
    """The same rows with the columns in reverse order, and their names in upper case: one name to Hive and Spark."""
    reordered = table.select(table.column_names[::-1])
    return reordered.rename_columns([name if name == ROW else _in_upper_case(name) for name in reordered.column_names])


def _in_upper_case(name: str) -> str:
    """The name in upper case, if that is the same name to Spark: it is not for `ß`, which becomes `SS`."""
    return name.upper() if name.upper().lower() == name.lower() else name
