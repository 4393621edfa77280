"""The Python client of a sandbox: upload, deploy, predict online, predict offline."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.error_code import ErrorCode
from pyml.errors import UsageError
from pyml.offline.cancellation import Cancellation
from pyml.package.model_package import ModelPackage
from pyml.package.settings import Settings
from pyml.types.schema import Schema
from pyml_sandbox.models import registry
from pyml_sandbox.predict.offline_jobs.job_interrupter import JobInterrupter
from pyml_sandbox.predict.offline_jobs.job_record import JobRecord, JobState
from pyml_sandbox.predict.offline_jobs.living_process import start_of_this_process
from pyml_sandbox.predict.offline_jobs.running_job import RunningJob
from pyml_sandbox.predict.request_limits import TIMEOUT_S, request_batches
from pyml_sandbox.workspace.events import Event, OnEvent, Progress, ignore
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.record_folder import new_record_id
from pyml_sandbox.workspace.state import require_state

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from pyml.offline.job import JobResult, OfflineJob
    from pyml_sandbox.drivers.contract import Driver, OfflineTarget
    from pyml_sandbox.models.first_call import RowsFor
    from pyml_sandbox.models.version import ModelVersion
    from pyml_sandbox.predict.online import OnlineModel
    from pyml_sandbox.predict.user_rows import Rows
    from pyml_sandbox.proof.signing_key import SigningKey

INTERRUPT_EVERY_S = 0.1
"""How often a job that is being cancelled has its queries interrupted: it may start a new one after each interrupt."""


class Client:
    """A running sandbox.

    Args:
        sandbox: name or home of the sandbox; None for `$PYML_SANDBOX`, else "default".

    Raises:
        SandboxError: the sandbox does not exist yet; `pyml dev up` makes it.
    """

    def __init__(self, sandbox: str | SandboxHome | None = None) -> None:
        self.home = sandbox if isinstance(sandbox, SandboxHome) else SandboxHome.find(sandbox)
        self.state = require_state(self.home)

    @cached_property
    def driver(self) -> Driver:
        """The driver of the sandbox, as its recorded state names it; built once, on first use.

        Raises:
            SetupError: it needs a Docker engine, and none answers.
        """
        from pyml_sandbox.drivers.choice import driver_for

        return driver_for(self.home, self.state)

    def signing_key(self, ask: Callable[[str], str] = lambda _: "") -> SigningKey | None:
        """The key that signs proofs of images; None if there is none, or if versions have no images in this sandbox.

        Args:
            ask: asks a person for the passphrase of the key that it gets the name of; empty if it cannot.

        Raises:
            UsageError: the key cannot be read, others can read it, or its passphrase is wrong or missing
                (`PassphraseMissingError`).
        """
        from pyml_sandbox.proof.signing_key import find_signing_key

        return find_signing_key(self.home.root, ask=ask) if self.state.driver == "container" else None

    def upload_model(
        self,
        package: ModelPackage,
        on_event: OnEvent = ignore,
        *,
        wheels: Path | None = None,
        ca_bundle: Path | None = None,
        rows_for: RowsFor | None = None,
    ) -> str:
        """Store a model package as a version, and make its environment or image.

        Args:
            package: folder with the four artifacts.
            on_event: called with each step.
            wheels: folder of wheels to install from, instead of any package index; containers only.
            ca_bundle: PEM file of certificates to trust while the image is built; containers only.
            rows_for: gives rows for the model's signature, which it must predict; None for none.

        Returns:
            The model id, `name@version`; the same package gives the same id.

        Raises:
            PackageError: the package is invalid, its requirements cannot be resolved, or the model does not load.
            PredictError: the model does not predict the rows of `rows_for`.
        """
        builder = self.driver.builder.with_inputs(wheels, ca_bundle)
        return registry.upload(self.home, package, builder, on_event, rows_for).model_id

    def deploy_model(self, model_id: str, on_event: OnEvent = ignore) -> None:
        """Start the model's server and route the model's name to it. Blocks until the server answers.

        Raises:
            UsageError: the version does not exist.
            ServiceFailedError: the server did not become ready.
        """
        from pyml_sandbox.lifecycle.deployment import deploy

        deploy(self.home, model_id, on_event)

    def undeploy_model(self, name: str) -> Sequence[str]:
        """Stop the model's servers and remove its name from the routes; uploaded versions are kept.

        Args:
            name: of the model, without a version. Does nothing if the model is not deployed.

        Returns:
            The ids of the versions that were served.

        Raises:
            UsageError: the name includes a version.
        """
        from pyml_sandbox.lifecycle.deployment import undeploy

        return undeploy(self.home, name)

    def rows(self, model_id: str, values: Sequence[Mapping[str, object]]) -> pa.Table:
        """Rows in the types that a model declares, from plain Python values, as the snippets of a report use them.

        Args:
            model_id: `name@version`, or a name alone.
            values: one mapping for each row, with a value for every input column; a map is a dict, null is None.

        Returns:
            Table of shape (rows, inputs), in the model's Arrow types.

        Raises:
            UsageError: the version does not exist.
            InputError: a value does not fit its column; names every such column, and the row.
        """
        import pyarrow as pa

        from pyml.types.conversion.caller_rows import batch_from_values

        inputs = registry.find_version(self.home, model_id).signature.inputs
        columns = {name: [row.get(name) for row in values] for name in inputs.names}
        return pa.Table.from_batches([batch_from_values(columns, inputs)])

    def predict_online(self, model_id: str, rows: Rows, batch_rows: int = 1000, timeout_s: float = TIMEOUT_S) -> Rows:
        """Predict through the gateway.

        Args:
            model_id: `name@version`, or a name alone for the version that is deployed.
            rows: a pandas frame, an Arrow table, or a dict of columns or tensors (lists or arrays), with exactly the
                model's inputs. A value of a different type is converted if nothing is lost.
            batch_rows: most rows in one request, fewer if they do not fit into one; named tensors are always one
                request.
            timeout_s: deadline of each request, in seconds.

        Returns:
            The predictions, row for row, as the same kind of object as `rows`: for a dict of columns, lists of plain
            values by name.

        Raises:
            InputError: the rows do not fit the model's inputs.
            OnlineError: the gateway or the model refused the request or failed.
            SandboxError: the gateway cannot be reached.
        """
        import pyarrow as pa

        from pyml_sandbox.predict.user_rows import batch_of, like

        version = registry.find_version(self.home, model_id)
        batch = batch_of(rows, version.signature)
        size = max(batch.num_rows, 1) if version.signature.kind == "tensor" and isinstance(rows, dict) else batch_rows
        with self.online(version, timeout_s) as model:
            limit_mb = model.max_request_mb
            parts = request_batches(pa.Table.from_batches([batch]), size, limit_mb) if batch.num_rows else [batch]
            predictions = pa.Table.from_batches(list(model.predict(parts)), version.signature.outputs.arrow)
        predicted: Rows = like(rows, predictions, version.signature)
        return predicted

    def predict_offline(
        self,
        model_id: str,
        query: str,
        table: str,
        key: Sequence[str] = (),
        inputs: Schema | None = None,
        *,
        allow_empty: bool = False,
        partition: Mapping[str, object] | None = None,
        append: bool = False,
        target: OfflineTarget | None = None,
        on_event: OnEvent = ignore,
    ) -> Job:
        """Start a Spark job that predicts the rows of a query into a Hive table.

        Args:
            model_id: `name@version`, or a name alone for the version uploaded last.
            query: SQL; its columns are checked against the model's inputs before anything runs.
            table: target, `database.table`. It is replaced if the job succeeds, and left unchanged otherwise.
            key: key columns, written beside the predictions; by default every column that is not an input.
            inputs: columns and types that the caller expects the model to take; None skips this check.
            allow_empty: whether a query without rows is allowed; the table is then empty.
            partition: values of the partition columns by name, such as `{"ds": "2026-11-28"}`: only this partition is
                replaced. A table that does not exist is created with these partition columns, as STRING.
            append: whether the rows are added to those that stand there; the same job again adds them once more.
            target: the Spark that runs it, such as that of a cluster (`pyml_sandbox.clusters`); None for the sandbox's.
            on_event: called for each part of Spark that has to be started first.

        Raises:
            UsageError: the version does not exist, its inputs differ from `inputs`, or the table or the partition has a
                name or value that Hive does not have.
            SandboxError: Spark does not answer.
        """
        from pyml.offline.job import OfflineJob
        from pyml.offline.targets.partition import partition_of
        from pyml.offline.targets.table_swap import split_table_name

        split_table_name(table)
        values = partition_of(partition or {})
        version = registry.find_version(self.home, model_id)
        signature = version.signature
        _refuse_other_inputs(signature.inputs, inputs)
        target = target or self.offline(version, on_event)
        folder = target.environment.package
        job = OfflineJob(
            folder,
            signature.inputs,
            signature.outputs,
            query,
            table,
            tuple(key),
            allow_empty,
            partition=values,
            append=append,
        )
        return Job(self, version, target, job, on_event)

    def offline(self, version: ModelVersion, on_event: OnEvent = ignore) -> OfflineTarget:
        """Start what the offline jobs of a version need, and say where they run. Blocks until it is ready.

        Args:
            version: predicts the rows.
            on_event: called for each part of Spark that has to be started first.

        Raises:
            SandboxError: the sandbox is not up.
            ServiceFailedError: a part of its Spark did not become ready.
        """
        environment = registry.prepare(version, self.driver.builder, on_event)
        return self.driver.offline(version, environment, on_event)

    def online(self, version: ModelVersion, timeout_s: float = TIMEOUT_S) -> OnlineModel:
        """A connection to one model version through the gateway. Requests are repeated while a service comes back.

        Args:
            version: answers the requests.
            timeout_s: deadline of each request, in seconds.
        """
        from pyml_sandbox.lifecycle.deployment import is_coming_back, raise_why_away
        from pyml_sandbox.predict.online import OnlineModel

        return OnlineModel(
            f"127.0.0.1:{self.state.ports.gateway}",
            version.name,
            version.version,
            version.signature,
            timeout_s,
            Settings.load(version.package).serving.max_request_mb,
            lambda: is_coming_back(self.home, self.driver.runner, version.name, version.version),
            lambda seconds: raise_why_away(self.driver.runner, version.name, version.version, seconds),
        )


class Job:
    """An offline job that runs in the background.

    Args:
        client: of the sandbox in which it runs.
        version: predicts the rows.
        target: the Spark that runs it, and the environment of its workers.
        job: query, target table and key.
        on_event: called with what the user should know before the rows are predicted.

    Attributes:
        cancellation: tells the job to stop.
    """

    def __init__(
        self,
        client: Client,
        version: ModelVersion,
        target: OfflineTarget,
        job: OfflineJob,
        on_event: OnEvent = ignore,
    ) -> None:
        self._on_event = on_event
        self.cancellation = Cancellation()
        self._interrupter = JobInterrupter(self.cancellation)
        begun = _begun(version, target, job)
        self._running = RunningJob(client.home, begun, self._step_of_cancel, on_event)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pyml-offline")
        run = partial(self._run, client, version, target, job)
        self._result: Future[JobResult] = self._executor.submit(self._running.run, run)
        self._executor.shutdown(wait=False)

    def wait(self, timeout_s: float | None = None) -> JobResult:
        """Block until the job ends.

        Ctrl-C cancels the job; the target table is left unchanged.

        Raises:
            UsageError, InputError: Spark cannot read the query, or its columns do not fit the model.
            JobError: the job failed or was cancelled; the target table is unchanged.
            TimeoutError: the job is still running, and goes on.
        """
        try:
            return self._result.result(timeout_s)
        except FutureTimeoutError as error:
            raise TimeoutError(f"the job is still running after {timeout_s} s") from error
        except KeyboardInterrupt:
            self.cancel()
            raise

    @property
    def job_id(self) -> str:
        """The id of the job in the history of the sandbox: `pyml jobs show ID`."""
        return self._running.job_id

    @property
    def is_done(self) -> bool:
        """Whether the job has ended, successfully or not."""
        return self._result.done()

    def cancel(self) -> None:
        """Cancel the job at any stage, and block until it has cleaned up; the target table is left unchanged.

        A job that is already replacing the table finishes that step, and `wait` returns its result. Where Spark does
        not stop a query, its session is closed; the next job cleans up what was written.
        """
        while not self._result.done():
            self._step_of_cancel()
            wait([self._result], INTERRUPT_EVERY_S)

    def _step_of_cancel(self) -> None:
        """Do what can be done now to end the job."""
        self.cancellation.ask()
        self._interrupter.step()

    def _note(self, text: str) -> None:
        self._on_event(Event("offline", Progress.NOTE, text))

    def _run(self, client: Client, version: ModelVersion, target: OfflineTarget, job: OfflineJob) -> JobResult:
        from pyml.offline.job_run import run
        from pyml_sandbox.predict.offline_jobs.job_image import check_image
        from pyml_sandbox.predict.table_writes import begin_writing, writing

        audit = partial(check_image, client.driver, target.environment)
        home, access = (target.remote.home, target.remote.access) if target.remote else (client.home, None)
        with (
            writing(home, job.table, lambda: self._interrupter.gave_up),
            self._session(client, target, job.table) as spark,
        ):
            with self.cancellation.whole():
                begin_writing(spark, home, job.table, target.connect, access)
            return run(spark, job, audit, self.cancellation, self._note)

    @contextmanager
    def _session(self, client: Client, target: OfflineTarget, table: str) -> Iterator[SparkSession]:
        """The session of the job; an error of a session that was given up is that of a cancelled job."""
        from pyml.offline.job import JobError
        from pyml_sandbox.predict.spark_session import session

        try:
            with session(client.home, target) as spark:
                self._interrupter.follow(spark)
                self._running.follow(spark)
                yield spark
        except Exception as error:
            if not self._interrupter.gave_up:
                raise
            message = (
                f"the job was cancelled; {table} is unchanged, but Spark goes on with a query that it did not stop"
            )
            hint = "" if target.remote else "pyml dev down; pyml dev up  # ends it"
            raise JobError(message, hint, ErrorCode.JOB_CANCELLED) from error


def _begun(version: ModelVersion, target: OfflineTarget, job: OfflineJob) -> JobRecord:
    """The record of a job that begins in this process."""
    now = time.time()
    return JobRecord(
        job_id=new_record_id(now),
        state=JobState.RUNNING,
        model_id=version.model_id,
        query=job.query,
        table=job.table,
        started_at=now,
        pid=os.getpid(),
        process_started_at=start_of_this_process(),
        image=target.environment.image,
        spark=target.connect,
        partition=dict(job.partition),
        append=job.append,
    )


def _refuse_other_inputs(declared: Schema, expected: Schema | None) -> None:
    if expected is not None and expected != declared:
        raise UsageError(
            f"the model takes {declared.ddl}, not {expected.ddl}", "give the model's own inputs, or a different version"
        )
