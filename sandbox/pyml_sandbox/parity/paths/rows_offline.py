"""Rows that a caller holds in memory, predicted by the model's Spark job."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from pyml.types.spark_types import quoted
from pyml_sandbox.parity.rows.numbered import ROW, numbered

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from pyml.types.schema import Schema
    from pyml_sandbox.client import Client
    from pyml_sandbox.predict.user_rows import Rows


def predict_rows_offline(client: Client, model_id: str, rows: Rows, database: str) -> Rows:
    """Predict rows with the model's Spark job, and drop both tables afterwards. Blocks.

    Args:
        client: client of a running sandbox.
        model_id: id of the model, `name@version`.
        rows: a pandas frame, an Arrow table, or a dict of columns or tensors, with exactly the model's inputs.
        database: of both tables; it is created if it is missing.

    Returns:
        The predictions in the type of the rows, one for each row.

    Raises:
        InputError: the rows do not fit the model's inputs.
        PymlError: the model or the job failed.
    """
    import pyarrow as pa

    from pyml_sandbox.models import registry
    from pyml_sandbox.predict.offline_jobs.job_history import forget
    from pyml_sandbox.predict.spark_session import session
    from pyml_sandbox.predict.user_rows import batch_of, like

    signature = registry.find_version(client.home, model_id).signature
    table = numbered(pa.Table.from_batches([batch_of(rows, signature)]))
    name = uuid.uuid4().hex[:12]
    source, target = f"{database}.rows_{name}", f"{database}.predictions_{name}"
    with session(client.home) as spark:
        try:
            _write(spark, table, signature.inputs, source)
            job = client.predict_offline(model_id, f"SELECT * FROM {source}", target, [ROW], allow_empty=True)
            try:
                job.wait()
            finally:
                forget(client.home, job.job_id)  # nobody looks for a table that is dropped here
            stored = spark.table(target).orderBy(ROW).drop(ROW).toArrow()
        finally:
            for written in (source, target):
                spark.sql(f"DROP TABLE IF EXISTS {written} PURGE")
    answer: Rows = like(rows, stored.cast(signature.outputs.arrow), signature)
    return answer


def _write(spark: SparkSession, table: pa.Table, inputs: Schema, name: str) -> None:
    columns = [f"{ROW} BIGINT", *(f"{quoted(field.name)} {field.ddl_type}" for field in inputs.fields)]
    spark.sql(f"CREATE DATABASE IF NOT EXISTS {name.partition('.')[0]}")
    spark.createDataFrame(table, schema=", ".join(columns)).write.format("parquet").saveAsTable(name)
