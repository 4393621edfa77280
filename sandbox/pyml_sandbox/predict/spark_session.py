"""Sessions on the sandbox's Spark, over Spark Connect."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyml.errors import SandboxError
from pyml_sandbox.drivers.choice import driver_for
from pyml_sandbox.drivers.contract import OfflineTarget
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.state import name_option, require_state

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOG_LEVEL = "SPARK_CONNECT_LOG_LEVEL"


@contextlib.contextmanager
def session(home: SandboxHome, target: OfflineTarget | None = None) -> Iterator[SparkSession]:
    """Open a new session, and close it at the end; if the block is interrupted, so are its queries.

    Args:
        home: the sandbox.
        target: the Spark that runs the jobs of a model version; None for the sandbox's own Spark, which runs no model.

    Raises:
        SandboxError: Spark does not answer.
    """
    # The error that follows the retries tells of them again.
    warnings.filterwarnings("ignore", message=r"\[RETRIES_EXCEEDED\]", category=UserWarning)
    # PySpark warns at import under pandas 3; the Arrow path used here is not affected.
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
    from pyspark.errors import PySparkException

    spark = _connect(home, target)
    try:
        yield spark
    except KeyboardInterrupt:
        spark.interruptAll()
        raise
    finally:
        with contextlib.suppress(PySparkException):
            spark.stop()


def _connect(home: SandboxHome, target: OfflineTarget | None) -> SparkSession:
    """Open a session.

    Raises:
        SandboxError: Spark does not answer.
    """
    if os.environ.get(LOG_LEVEL, "").upper() not in logging.getLevelNamesMapping():
        os.environ.pop(LOG_LEVEL, None)  # PySpark would not even be imported
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.client.retries import DefaultPolicy

    from pyml_sandbox.predict.spark_channel import connect

    address = driver_for(home, require_state(home)).connect_address() if target is None else target.connect
    # Errors are raised as well; the copy in PySpark's log is a page of JSON on the user's terminal.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    logging.getLogger("DataFrameQueryContextLogger").setLevel(logging.CRITICAL)
    try:
        spark = connect(address)
        # The default policy retries for ten minutes when Spark is gone.
        spark.client.set_retry_policies([DefaultPolicy(max_retries=4)])
        if target is None:
            _ = spark.version  # asks Spark: without a request, the first error would be that of the caller's query
        else:
            spark.conf.set("spark.sql.execution.pyspark.python", target.environment.python)
    except PySparkException as error:
        raise SandboxError(f"Spark does not answer on {address}.", f"pyml dev up{name_option(home)}") from error
    return spark
