"""`python -m pyml.offline`: an offline job as the program of `spark-submit`, where workers have the model."""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from pyml.errors import PymlError
from pyml.offline.offline_options import OfflineOptions

if TYPE_CHECKING:
    from pyml.offline.job import JobResult

log = logging.getLogger("pyml.offline")


def predict(options: OfflineOptions) -> JobResult:
    """Run the job in the session that `spark-submit` configured. Blocks.

    Raises:
        PackageError: the model cannot be loaded.
        UsageError, InputError, JobError, SandboxError: as of `pyml.offline.job_run.run`.
    """
    from pyspark.sql import SparkSession

    from pyml.inference.describe import Signature
    from pyml.inference.runner import Runner
    from pyml.offline.job import OfflineJob
    from pyml.offline.job_run import run
    from pyml.offline.targets.partition import parse_partition

    signature = Signature.of(Runner.load(options.package))
    job = OfflineJob(
        str(options.package),
        signature.inputs,
        signature.outputs,
        options.sql,
        options.table,
        options.key,
        options.allow_empty,
        partition=parse_partition(options.partition),
        append=options.append,
    )
    spark = SparkSession.builder.appName(f"pyml {options.table}").enableHiveSupport().getOrCreate()
    try:
        return run(spark, job, on_note=log.info)
    finally:
        spark.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one job and return its exit code. The last line on stdout is its result as JSON, on stderr its error."""
    options = OfflineOptions.parse(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    log.setLevel(logging.INFO)  # Spark's own part of Python tells at this level of each connection
    signal.signal(signal.SIGTERM, _stop)  # where the signal reaches Python, the staging table is dropped
    try:
        result = predict(options)
    except PymlError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    workers = len({worker.host for worker in result.workers})
    print(json.dumps({"table": result.table, "rows": result.rows, "seconds": result.seconds, "workers": workers}))
    return 0


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
