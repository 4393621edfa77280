"""What a user is told of an exception in a Spark worker: all of it, and nothing of Spark's around it."""

from __future__ import annotations

import pytest
from pyspark.errors import PySparkException

from pyml.offline.job import JobError, translated_errors

HEAD = """
  An exception was thrown from the Python worker. Please see the stack trace below.
[PYTHON_EXCEPTION] An exception was thrown from the Python worker: Traceback (most recent call last):
  File "/envs/1/lib/python3.11/site-packages/pyml/runner.py", line 133, in predict
    raise PredictError(f"predict raised {type(error).__name__}: {error}{place}") from error
pyml.errors.PredictError: """
CAUSE = """Traceback (most recent call last):
  File "/models/m/model.py", line 4, in predict
pyml.errors.SchemaError: of the model's own use of pyml

The above exception was the direct cause of the following exception:

"""
FRAMES = """
\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handlePythonException(PythonRunner.scala:581)
\tat java.base/java.lang.Thread.run(Thread.java:840)"""
ONE_LINE = "predict raised ValueError: boom (model.py:13 in predict)"
MANY_LINES = "predict raised ValueError: one\n\n  three\n\tat a tab\n\n\nlast (model.py:13 in predict)"


@pytest.mark.parametrize("message", [ONE_LINE, MANY_LINES])
@pytest.mark.parametrize("before", ["", CAUSE])
@pytest.mark.parametrize(
    "after", ["", "\n", "\n SQLSTATE: 38000", "\n SQLSTATE: 38000\n\nJVM stacktrace:\norg.x", FRAMES, "\n" + FRAMES]
)
def test_the_whole_exception_is_told(message: str, before: str, after: str) -> None:
    assert told(before + HEAD + message + after) == (message, "")


@pytest.mark.parametrize("after", ["", "\n SQLSTATE: 38000", FRAMES])
def test_the_hint_of_an_error_of_ours_stays_its_hint(after: str) -> None:
    assert told(f"{HEAD}3 rows in, 2 rows out\n  fix: return one row for each{after}") == (
        "3 rows in, 2 rows out",
        "return one row for each",
    )


def test_of_other_errors_the_first_line_is_told() -> None:
    assert told("[DIVIDE_BY_ZERO] Division by zero.\nmore") == (
        "the Spark job failed: [DIVIDE_BY_ZERO] Division by zero.",
        "pyml dev logs",
    )


def told(said: str) -> tuple[str, str]:
    with pytest.raises(JobError) as raised, translated_errors():
        raise PySparkException(said)
    return raised.value.message, raised.value.hint
