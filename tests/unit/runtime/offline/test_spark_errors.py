"""What a user is told of an exception in a Spark worker: all of it, and nothing of Spark's around it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.errors import AnalysisException, ParseException, PySparkException

from pyml.error_code import ErrorCode
from pyml.errors import OutputError, PredictError, Problem, PymlError, SandboxError, UsageError
from pyml.offline.batches import predict_or_report
from pyml.offline.job import JobError
from pyml.offline.spark_errors import translated_errors
from pyml.offline.worker_error import WorkerError, line_of, reported_error_in, reported_to_job

HEAD = """
  An exception was thrown from the Python worker. Please see the stack trace below.
[PYTHON_EXCEPTION] An exception was thrown from the Python worker: Traceback (most recent call last):
  File "/envs/1/lib/python3.11/site-packages/pyml/offline/worker_error.py", line 53, in told_to_the_job
    raise WorkerError(line_of(error)) from None
pyml.offline.worker_error.WorkerError: """
FRAMES = """
\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:581)
\tat java.base/java.lang.Thread.run(Thread.java:840)"""
MANY_LINES = (
    "predict raised ValueError: one\n\n  three\n\tat a tab\n  fix: the model said so\n\nlast (model.py:13 in predict)"
)
ERRORS = [
    PredictError("predict raised ValueError: boom (model.py:13 in predict)"),
    PredictError(MANY_LINES),
    PredictError("größer 日本 \u2028 \x00"),
    PredictError(f"it says {line_of(PredictError('another'))} itself"),
    PymlError("3 rows in, 2 rows out", "return one row for each", ErrorCode.ROW_COUNT),
    OutputError("no", [Problem("a", "b", ErrorCode.COLUMN_TYPE), Problem("c", "d", ErrorCode.ROW_COUNT)]),
]


@pytest.mark.parametrize("error", ERRORS, ids=range(len(ERRORS)))
@pytest.mark.parametrize(
    "after", ["", "\n", "\n SQLSTATE: 38000", " SQLSTATE: 38000\n\nJVM stacktrace:\norg.x", FRAMES, "\n" + FRAMES]
)
def test_the_whole_error_of_a_worker_is_told(error: PymlError, after: str) -> None:
    found = told(HEAD + line_of(error) + after)
    assert (found.message, found.hint, found.codes) == (error.message, error.hint, error.codes)


def test_the_line_is_one_line() -> None:
    assert all(len(line_of(error).splitlines()) == 1 for error in ERRORS)


@pytest.mark.parametrize(
    "said", ["", "pyml-error: ", "pyml-error: {", "pyml-error: []", 'pyml-error: {"message": "m"}']
)
def test_where_there_is_no_whole_line_no_worker_told_anything(said: str) -> None:
    assert reported_error_in(said) is None


def test_of_other_errors_the_first_line_is_told() -> None:
    found = told("[DIVIDE_BY_ZERO] Division by zero.\nmore")
    assert found.message == "the Spark job failed: [DIVIDE_BY_ZERO] Division by zero."
    assert (found.hint, found.codes) == ("pyml dev logs", (ErrorCode.JOB,))


def test_a_worker_that_the_model_ended_is_told_in_our_words() -> None:
    spark = (
        "Lost task 1.0: org.apache.spark.SparkException: Python worker exited unexpectedly (crashed). Consider setting"
    )
    found = told(f"Job aborted due to stage failure: {spark} 'spark.python.worker.faulthandler.enabled'")
    assert found.message.startswith("the model ended the Python of its Spark worker")
    assert "os._exit" in found.hint
    assert found.codes == (ErrorCode.WORKER_DIED,)


def told(said: str) -> JobError:
    with pytest.raises(JobError) as raised, translated_errors():
        raise PySparkException(said)
    return raised.value


def test_a_worker_raises_the_line_and_logs_how_the_error_came_about(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(WorkerError) as raised, reported_to_job():
        raise ERRORS[0]
    assert str(raised.value) == line_of(ERRORS[0])
    assert raised.value.__suppress_context__
    assert caplog.records[0].exc_info is not None


def test_errors_that_are_not_ours_are_left_to_spark() -> None:
    with pytest.raises(MemoryError), reported_to_job():
        raise MemoryError


def test_a_model_that_cannot_be_loaded_is_told_to_the_job(tmp_path: Path) -> None:
    batches = predict_or_report(
        iter([pa.RecordBatch.from_pydict({"id": [1]})]), str(tmp_path / "nowhere"), 1, inputs=[]
    )
    with pytest.raises(WorkerError) as raised:
        next(iter(batches))
    found = reported_error_in(str(raised.value))
    assert found is not None
    assert found.codes == (ErrorCode.PACKAGE,)


@pytest.mark.parametrize("kind", [AnalysisException, ParseException, PySparkException])
@pytest.mark.parametrize(
    "message",
    [
        "org.apache.hadoop.hive.ql.metadata.HiveException: MetaException(message:Could not connect to meta store using "
        "any of the URIs provided. Most recent failure: org.apache.thrift.transport.TTransportException: "
        "java.net.ConnectException: Connection refused\n\tat org.apache.thrift.transport.TSocket.open(TSocket.java:255)",
        "org.apache.hadoop.hive.ql.metadata.HiveException: Unable to fetch table t1. Unable to instantiate "
        "org.apache.hadoop.hive.ql.metadata.SessionHiveMetaStoreClient",
        "org.apache.hadoop.hive.ql.metadata.HiveException: org.apache.thrift.transport.TTransportException",
    ],
)
def test_a_metastore_that_is_gone_is_an_error_of_the_sandbox_and_not_of_the_query(
    kind: type[PySparkException], message: str
) -> None:
    with pytest.raises(SandboxError) as raised, translated_errors():
        raise kind(message)
    assert (raised.value.code, raised.value.exit_code) == (ErrorCode.METASTORE_GONE, 3)
    assert raised.value.hint.startswith("pyml dev up")
    assert "TTransport" not in str(raised.value)


def test_a_spark_that_is_gone_is_an_error_of_the_sandbox() -> None:
    with pytest.raises(SandboxError, match=r"went away .* target table is unchanged") as raised, translated_errors():
        raise PySparkException("UNAVAILABLE: failed to connect to all addresses")
    assert (raised.value.code, raised.value.exit_code) == (ErrorCode.SPARK_GONE, 3)


def test_an_error_of_hive_about_the_query_is_one_of_the_query() -> None:
    with pytest.raises(UsageError), translated_errors():
        raise AnalysisException("HiveException: MetaException(message:Invalid column name é)")
