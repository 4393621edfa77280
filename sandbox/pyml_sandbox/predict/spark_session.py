"""Sessions on the sandbox's Spark, over Spark Connect."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import SandboxError, UsageError
from pyml.offline.cancellation import INTERRUPTIBLE
from pyml.probes import NotReadyError
from pyml.probes.spark_probe import SparkProbe
from pyml_sandbox.drivers.choice import driver_for
from pyml_sandbox.drivers.contract import OfflineTarget
from pyml_sandbox.predict.spark_watch import EVERY_S, PATIENCE_S, watched
from pyml_sandbox.services import spark as spark_service
from pyml_sandbox.services.runner_contract import ServiceState
from pyml_sandbox.services.spec import Probe
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.state import name_option, require_state

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from pyml_sandbox.services.remote_spark import RemoteAccess, RemoteSpark

LOG_LEVEL = "SPARK_CONNECT_LOG_LEVEL"
INTERRUPT_S = 10.0
RETRY_EVERY_S = 0.5


@contextlib.contextmanager
def session(home: SandboxHome, target: OfflineTarget | None = None) -> Iterator[SparkSession]:
    """Open a new session, and close it at the end; if the block is interrupted, so are its queries.

    Args:
        home: the sandbox.
        target: the Spark that runs the jobs of a model version; None for the sandbox's own Spark, which runs no model.

    Raises:
        SandboxError: Spark does not answer, at the beginning or for a minute meanwhile.
    """
    # The error that follows the retries tells of them again.
    warnings.filterwarnings("ignore", message=r"\[RETRIES_EXCEEDED\]", category=UserWarning)
    # PySpark warns at import under pandas 3; the Arrow path used here is not affected.
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
    from pyspark.errors import PySparkException

    address, probe = _place(home, target)
    try:
        spark = _connect(home, address, target)
    except SandboxError:
        if target is not None and target.remote is not None:
            raise
        _wait_until_back(home, probe)
        spark = _connect(home, address, target)
    is_interrupted = False
    try:
        with watched(probe, lambda: _give_up(spark), f"{_hint(home, target)}, then run it again"):
            yield spark
    except KeyboardInterrupt:
        is_interrupted = True
        in_time(spark.interruptAll)
        raise
    finally:
        if is_interrupted:
            in_time(spark.stop)  # a channel may wait for ever for the call that was interrupted
        else:
            with contextlib.suppress(PySparkException):
                spark.stop()


def _place(home: SandboxHome, target: OfflineTarget | None) -> tuple[str, Probe]:
    if target is not None:
        return target.connect, target.probe
    address = driver_for(home, require_state(home)).connect_address()
    host, _, port = address.rpartition(":")
    return address, SparkProbe(host, int(port))


def address_of(home: SandboxHome) -> str:
    """Where `session` opens a session that runs no model: host:port."""
    return _place(home, None)[0]


def interrupt_left(address: str, session_id: str, access: RemoteAccess | None = None) -> None:
    """Interrupt the queries of a session whose client was killed, as far as that loses nothing; see `interruptible`.

    Args:
        address: host:port.
        session_id: its id.
        access: how a Spark outside the sandbox is reached; None for the sandbox's own.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.client.retries import DefaultPolicy

    from pyml_sandbox.predict.spark_channel import connect

    spark = connect(address, session_id, access)
    spark.client.set_retry_policies([DefaultPolicy(max_retries=1)])
    try:
        with contextlib.suppress(PySparkException):
            spark.interruptTag(INTERRUPTIBLE)
    finally:
        spark.client.close()


def _wait_until_back(home: SandboxHome, probe: Probe) -> None:
    """Wait for a Spark that went away and is being started again; return at once where none is, or after a minute."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and _is_coming_back(home):
        with contextlib.suppress(NotReadyError):
            probe(EVERY_S)
            return
        time.sleep(RETRY_EVERY_S)


def _is_coming_back(home: SandboxHome) -> bool:
    live = driver_for(home, require_state(home)).runner.live()
    states = (ServiceState.RUNNING, ServiceState.FAILED)
    return any(service.name.startswith(spark_service.NAME) and service.state in states for service in live)


def _why(error: Exception) -> str:
    """Why Spark does not answer, without the page that gRPC and Spark write."""
    text = str(error)
    if "Connection refused" in text or "failed to connect" in text:
        return "nothing listens there"
    return next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)[:300]


def _give_up(spark: SparkSession) -> None:
    """Interrupt the queries; where Spark does not answer even that, end what waits for it."""
    if not in_time(spark.interruptAll):
        spark.client.close()


def in_time(act: Callable[[], object]) -> bool:
    """Do what may fail or never end in a thread, and whether it ended in time."""

    def quietly() -> None:
        with contextlib.suppress(Exception):
            act()

    thread = threading.Thread(target=quietly, daemon=True)
    thread.start()
    thread.join(INTERRUPT_S)
    return not thread.is_alive()


def _connect(home: SandboxHome, address: str, target: OfflineTarget | None) -> SparkSession:
    """Open a session.

    Raises:
        SandboxError: Spark does not answer.
    """
    if os.environ.get(LOG_LEVEL, "").upper() not in logging.getLevelNamesMapping():
        os.environ.pop(LOG_LEVEL, None)  # PySpark would not even be imported
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.client.retries import DefaultPolicy

    from pyml_sandbox.predict.spark_channel import connect

    # Errors are raised as well; the copy in PySpark's log is a page of JSON on the user's terminal.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    logging.getLogger("DataFrameQueryContextLogger").setLevel(logging.CRITICAL)
    remote = target.remote if target else None
    spark = connect(address, access=remote.access if remote else None)
    try:
        # The default policy retries for ten minutes when Spark is gone.
        spark.client.set_retry_policies([DefaultPolicy(max_retries=4)])
        if target is not None:
            spark.conf.set("spark.sql.execution.pyspark.python", target.environment.python)
        if remote is not None:
            _prepare(spark, remote)
    except UsageError:
        spark.client.close()
        raise
    except PySparkException as error:
        spark.client.close()  # at the end of Python, PySpark would wait for ever for the calls of a channel left open
        whose = f"Spark of the cluster {remote.name}" if remote else "Spark"
        message = f"{whose} does not answer on {address}: {_why(error)}"
        raise SandboxError(message, _hint(home, target), ErrorCode.SPARK_GONE) from error
    return spark


def _prepare(spark: SparkSession, remote: RemoteSpark) -> None:
    """What a session of a cluster needs before its first query: settings, and the archives that workers unpack."""
    from pyspark.errors import AnalysisException

    for name, value in remote.settings.items():
        try:
            spark.conf.set(name, value)
        except AnalysisException as error:
            message = f"Spark of the cluster {remote.name} takes no {name} for one session: {_why(error)}"
            raise UsageError(message, "leave it out of `spark` in clusters.toml") from error
    for folder, archive in remote.archives.items():
        spark.addArtifacts(f"{archive}#{folder}", archive=True)


def _hint(home: SandboxHome, target: OfflineTarget | None) -> str:
    if target is not None and target.remote is not None:
        return f"see whether {target.connect} is right in clusters.toml, and whether that Spark runs"
    return f"pyml dev up{name_option(home)}"
