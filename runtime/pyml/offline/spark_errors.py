"""Spark's exceptions, translated into those of pyml."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pyml.error_code import ErrorCode
from pyml.errors import SandboxError, UsageError
from pyml.offline.job import JobError
from pyml.offline.worker_error import reported_error_in


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Translate Spark's exceptions into ours, keeping the message of the model or of Spark.

    Raises:
        UsageError: Spark cannot parse or resolve the query.
        SandboxError: Spark itself went away, or the metastore does not answer it.
        JobError: any other failure; if the worker reported an error, with its message.
    """
    from pyspark.errors import AnalysisException, ParseException, PySparkException

    try:
        yield
    except (ParseException, AnalysisException) as error:
        if _has_no_metastore(error):
            raise _no_metastore() from error
        raise UsageError(
            f"Spark cannot run the query: {_first_paragraph(error)}", "fix the SQL or the names in it", ErrorCode.QUERY
        ) from error
    except PySparkException as error:
        if _has_no_metastore(error):
            raise _no_metastore() from error
        if _is_gone(error):
            raise SandboxError(
                "Spark went away during the job; the target table is unchanged", _AGAIN_HINT, ErrorCode.SPARK_GONE
            ) from error
        raise _job_error(str(error)) from error


def _has_no_metastore(error: Exception) -> bool:
    """True if Hive's client in Spark cannot reach the metastore: Spark calls even that an error of the query."""
    first_lines = str(error)[:2000]  # a model's own error, further down, may name anything
    return any(
        name in first_lines for name in ("TTransportException", "Could not connect to meta store", "MetaStoreClient")
    )


def _no_metastore() -> SandboxError:
    return SandboxError("Spark cannot reach the metastore.", _AGAIN_HINT, ErrorCode.METASTORE_GONE)


def _is_gone(error: Exception) -> bool:
    """True if Spark itself went away, or came back without this session."""
    message = f"{type(error).__name__} {error}"
    return any(name in message for name in ("RetriesExceeded", "UNAVAILABLE", "INVALID_HANDLE", "NO_ACTIVE_SESSION"))


def _job_error(text: str) -> JobError:
    reported = reported_error_in(text)
    if reported is not None:
        return JobError(reported.message, reported.hint, *reported.codes)
    if _WORKER_ENDED in text:
        return JobError(
            "the model ended the Python of its Spark worker, while it was loaded or in predict; Spark has no exit code",
            _ENDED_HINT,
            ErrorCode.WORKER_DIED,
        )
    return JobError(
        f"the Spark job failed: {text.strip().splitlines()[0] if text.strip() else 'no reason given'}", _LOG_HINT
    )


_AGAIN_HINT = "pyml dev up, then run it again"
_LOG_HINT = "pyml dev logs"
_WORKER_ENDED = "Python worker exited unexpectedly"
_ENDED_HINT = (
    "pyml dev logs spark has its last output; if the model calls os._exit, have it raise an error; if it crashes below "
    "Python, try a different version of the library; if memory is short, give Spark batches of fewer rows"
)


def _first_paragraph(error: Exception) -> str:
    return str(error).split(";\n")[0].split("\n\n")[0].split("\nJVM stacktrace")[0].strip()
