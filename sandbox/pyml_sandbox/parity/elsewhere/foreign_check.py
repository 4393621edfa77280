"""The parity check of a system that is not ours: a table of predictions against a server of the protocol."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.errors import UsageError
from pyml.package.settings import LEVELS, ParitySettings
from pyml_sandbox.compare import Tolerances
from pyml_sandbox.parity import cache
from pyml_sandbox.parity.decisions.evidence import Evidence, compared_run, results_of
from pyml_sandbox.parity.decisions.pairings import OFFLINE, ONLINE_BATCHES
from pyml_sandbox.parity.failures import merged
from pyml_sandbox.parity.fixture_paths import FixturePaths
from pyml_sandbox.parity.report import report_history
from pyml_sandbox.parity.report.document import Report
from pyml_sandbox.parity.report.samples import points_of
from pyml_sandbox.parity.rows.row_files import write
from pyml_sandbox.parity.rows.snapshot import Snapshot
from pyml_sandbox.parity.run import Run, only_run
from pyml_sandbox.parity.verdict_rules import decide
from pyml_sandbox.predict.foreign_model import ForeignModel
from pyml_sandbox.predict.online import OnlineError
from pyml_sandbox.services.remote_spark import RemoteAccess
from pyml_sandbox.workspace.events import OnEvent, ignore

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from pyml_sandbox.workspace.home import SandboxHome

LEVEL = LEVELS[0]
FILE = ".parquet"


@dataclass(frozen=True)
class Foreign:
    """A system whose two paths are asked.

    Attributes:
        table: its predictions offline: a Hive table `database.table`, or a Parquet file, with the key and one column
            for each output.
        endpoint: host:port of the server that predicts online, its gRPC side.
        model: name of the model there.
        sql: query that gives the key and the model's inputs.
        key: columns that identify a row.
        version: of the model there; empty for its default.
        access: how the server is reached.
        settings: number of rows in one request, and of rows that are sent one by one.
    """

    table: str
    endpoint: str
    model: str
    sql: str
    key: tuple[str, ...]
    version: str = ""
    access: RemoteAccess = field(default_factory=RemoteAccess)
    settings: ParitySettings = field(default_factory=ParitySettings)


def foreign_check(home: SandboxHome, spark: SparkSession, foreign: Foreign, on_event: OnEvent = ignore) -> Report:
    """Ask a server for the rows of a query, and compare its answers with a table of predictions. Blocks.

    Args:
        home: the sandbox, for the files of the check.
        spark: a session that reads the query and the table, such as the sandbox's own.
        foreign: the system.
        on_event: called at each step.

    Returns:
        The report, at level P1: whether rows, types and values agree, in batches and one by one, and twice.

    Raises:
        UsageError: the query or the table cannot be read, or their columns do not fit one another or the model.
        SandboxError: Spark or the server does not answer.
    """
    if not foreign.key:
        raise UsageError("a parity check joins both sides by a key, and no key column is given", "--key COLUMN")
    with only_run(home, foreign.model, on_event):
        return _ForeignCheck(home, foreign, on_event).report(spark)


class _ForeignCheck:
    """One check of one system."""

    def __init__(self, home: SandboxHome, foreign: Foreign, on_event: OnEvent) -> None:
        self._home, self._foreign = home, foreign
        self._run = Run.begin(home, foreign.model, on_event, where="endpoint")
        self._paths = FixturePaths(foreign.settings, self._run, lambda: None)
        self._tolerances = Tolerances()

    def report(self, spark: SparkSession) -> Report:
        run, foreign = self._run, self._foreign
        with run.step("freeze", "the rows of the query") as done:
            snapshot = self._snapshot(_read(spark, foreign.sql))
            done(f"{snapshot.rows:,} rows")
        with run.step("offline", f"the predictions in {foreign.table}") as done:
            predicted = self._offline(spark, snapshot)
            done(f"{predicted.num_rows:,} rows")
        if not snapshot.inconclusive:
            self._ask(snapshot, predicted.column_names[len(foreign.key) :])
            self._write_comparable(predicted)
        with run.step("compare", "joined by key") as done:
            comparisons = () if snapshot.inconclusive else self._paths.compared(snapshot, self._tolerances)
            done(f"{sum(comparison.matched for comparison in comparisons):,} pairs of rows")
        failures = merged(run.failures)
        decision = decide(comparisons, snapshot.inconclusive, failures=failures)
        compared = compared_run(snapshot.rows, sum(step.seconds for step in run.steps), comparisons, run.failures)
        report = Report(
            decision=decision,
            model=f"{foreign.model}@{foreign.version}" if foreign.version else foreign.model,
            sandbox=self._home.name,
            driver=f"endpoint {foreign.endpoint}",
            rows=snapshot.rows,
            fixture_digest=f"sha256:{snapshot.digest}",
            comparisons=comparisons,
            tolerances=self._tolerances,
            steps=tuple(run.steps),
            declared_level=LEVEL,
            checks=() if snapshot.inconclusive else results_of(Evidence(), compared, decision.findings),
            failures=failures,
            points=points_of(run.file(OFFLINE), run.file(ONLINE_BATCHES), snapshot.key),
            checked_at=datetime.now(UTC).isoformat(),
            elsewhere={"folder": str(run.folder)},
        )
        cache.write(run.folder, report)
        report_history.keep(self._home, report, run.seconds)
        return report

    def _snapshot(self, rows: pa.Table) -> Snapshot:
        """The rows of the query, which both sides have predicted; more rows than one of a key decide nothing."""
        key = _columns(rows.column_names, "the query", self._foreign.key)
        inputs = [name for name in rows.column_names if name not in key]
        if not inputs:
            raise UsageError("the query gives no column beside the key", "select the model's inputs, too")
        file = self._run.file("rows")
        write(rows.select([*key, *inputs]), file)
        distinct = rows.select(list(key)).group_by(list(key)).aggregate([]).num_rows
        reasons = [] if rows.num_rows else ["the query gives no rows"]
        if distinct < rows.num_rows:
            reasons.append(f"the key {', '.join(key)} names {rows.num_rows - distinct:,} rows more than once")
        return Snapshot("", file, rows.num_rows, key, tuple(reasons))

    def _offline(self, spark: SparkSession, snapshot: Snapshot) -> pa.Table:
        """The predictions of the rows of the query; the table may have more."""
        import pyarrow.parquet as pq

        table, asked = self._foreign.table, pq.read_table(snapshot.file, columns=list(snapshot.key))
        is_file = table.endswith(FILE)
        found = _read_file(Path(table)) if is_file else _of_hive(spark, table, asked)
        key = _columns(found.column_names, table, snapshot.key)
        outputs = [name for name in found.column_names if name not in key]
        if not outputs:
            raise UsageError(f"{table} has no column beside the key", "name a table with predictions")
        keyed = found.rename_columns(dict(zip(key, snapshot.key, strict=True))).select([*snapshot.key, *outputs])
        for at, name in enumerate(snapshot.key):
            keyed = keyed.set_column(at, name, _as_key(keyed[name], asked.field(at), table))
        return _asked_rows(keyed, asked) if is_file else keyed

    def _ask(self, snapshot: Snapshot, outputs: Sequence[str]) -> None:
        import pyarrow.parquet as pq

        foreign = self._foreign
        inputs = [name for name in pq.read_schema(snapshot.file).names if name not in snapshot.key]
        place = (foreign.endpoint, foreign.model, foreign.version)
        with ForeignModel(*place, inputs, outputs, foreign.access) as model:
            model.describe()  # a server without this model is no difference of two paths
            rows = pq.read_table(snapshot.file, columns=inputs)
            for batch in rows.to_batches():
                model.tensors(batch)  # what no tensor carries is a fault of the query, not of a path
            _refuse_misfit(model, rows)
            self._paths.online(model, snapshot)

    def _write_comparable(self, predicted: pa.Table) -> None:
        """Write the table in the types of the answers, where nothing is lost: servers have their own numbers.

        Where one side is FLOAT and one DOUBLE, both are compared as FLOAT holds them.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        online = self._run.file(ONLINE_BATCHES)
        answered = pq.read_schema(online) if online.exists() else pa.schema([])
        mixed = {}
        for name in [each for each in predicted.column_names if each in answered.names]:
            at, wanted = predicted.column_names.index(name), answered.field(name).type
            if {predicted[name].type, wanted} == {pa.float32(), pa.float64()}:
                mixed[name] = self._tolerances.single
            predicted = predicted.set_column(at, name, _as(predicted[name], wanted))
        self._tolerances = replace(self._tolerances, columns=mixed)
        write(predicted, self._run.file(OFFLINE))


def _columns(there: Sequence[str], where: str, names: Sequence[str]) -> tuple[str, ...]:
    """Columns by their names in any case, as Hive has them.

    Raises:
        UsageError: one of them is not there.
    """
    found = {name.lower(): name for name in there}
    lacking = [name for name in names if name.lower() not in found]
    if lacking:
        raise UsageError(f"{where} has no column {lacking[0]}", f"it has {', '.join(there)}")
    return tuple(found[name.lower()] for name in names)


def _refuse_misfit(model: ForeignModel, rows: pa.Table) -> None:
    """Ask for one row: columns that fit neither the server nor the table are a fault of the command, not of a path.

    Raises:
        UsageError, InputError: they do not fit.
    """
    with contextlib.suppress(OnlineError):  # refused by the server: that is what the check reports
        list(model.predict(rows.slice(0, 1).to_batches()))


def _as(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    """A column of numbers in a different type, if that holds all its values or rounds them; else as it is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = column.type
    if found == wanted or not (_is_number(found) and _is_number(wanted)):
        return column
    try:
        converted = pc.cast(column, wanted)
        back = pc.cast(converted, found)
    except pa.ArrowInvalid:
        return column
    if pa.types.is_floating(found) and pa.types.is_floating(wanted):
        is_held = pc.equal(pc.is_inf(column), pc.is_inf(converted))  # a large value would become one
        return converted if pc.all(is_held).as_py() is not False else column
    return converted if back.equals(column) else column


def _as_key(column: pa.ChunkedArray, wanted: pa.Field, table: str) -> pa.ChunkedArray:
    """A key column in the type of the query's.

    Raises:
        UsageError: it has values that this type does not hold, or values of a different kind.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.type == wanted.type:
        return column
    are_texts = all(map(_is_text, (column.type, wanted.type)))
    are_numbers = all(map(pa.types.is_integer, (column.type, wanted.type)))
    with contextlib.suppress(pa.ArrowInvalid):
        if are_texts or are_numbers:
            return pc.cast(column, wanted.type)
    message = f"key column {wanted.name} is {column.type} in {table}, and {wanted.type} in the query"
    raise UsageError(message, f"CAST({wanted.name} AS …) in the query")


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _of_hive(spark: SparkSession, table: str, asked: pa.Table) -> pa.Table:
    """The rows of a Hive table whose key is asked for: a table may have a billion more.

    Raises:
        UsageError: there is no such table, or it lacks a key column.
    """
    from pyml.offline.spark_errors import translated_errors
    from pyml.offline.targets.table_swap import split_table_name
    from pyml_sandbox.hive_tables.hive_writer import ddl_of

    split_table_name(table)
    with translated_errors():
        keys = spark.createDataFrame(asked, ddl_of(asked.schema))
        whole = spark.table(table)
        _columns(whole.columns, table, asked.column_names)
        return whole.join(keys, on=asked.column_names, how="left_semi").toArrow()


def _asked_rows(whole: pa.Table, asked: pa.Table) -> pa.Table:
    """The rows of a table whose key is asked for; both have the key columns in one type."""
    import pyarrow as pa

    names = asked.column_names
    numbered = whole.select(names).append_column("__row", pa.array(range(whole.num_rows), pa.int64()))
    kept = numbered.join(asked, names, join_type="left semi")["__row"]
    return whole.take(kept.combine_chunks().sort())


def _read(spark: SparkSession, query: str) -> pa.Table:
    from pyml.offline.spark_errors import translated_errors

    with translated_errors():
        return spark.sql(query.strip().rstrip(";")).toArrow()


def _read_file(file: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(file)
    except (OSError, pa.ArrowInvalid) as error:
        raise UsageError(
            f"{file} cannot be read: {error}", "--offline-table FILE.parquet, or DATABASE.TABLE"
        ) from error
