"""What the docker SDK raises, translated: in one place for the gateway and for everyone else who asks an engine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from pyml.errors import PymlError

_INNERMOST = ("permission denied", "connection refused", "no such file or directory", "timed out")


@contextlib.contextmanager
def docker_errors(refused: Callable[[str], PymlError], no_answer: Callable[[str], PymlError]) -> Iterator[None]:
    """Translate exceptions of the docker SDK in this context into the caller's errors, with the original as cause.

    Args:
        refused: makes the error for a request that the engine refused, from the engine's message.
        no_answer: makes the error for an engine that does not answer, from the reason.

    Raises:
        PymlError: what `refused` or `no_answer` returned.
    """
    import docker.errors
    import requests.exceptions
    import urllib3.exceptions

    try:
        yield
    except docker.errors.APIError as error:
        raise refused(str(error.explanation or error).strip()) from error
    except (
        docker.errors.DockerException,
        docker.errors.StreamParseError,
        requests.exceptions.RequestException,
        urllib3.exceptions.HTTPError,  # of what is read as a stream
        OSError,
    ) as error:
        raise no_answer(_reason(error)) from error


def _reason(error: Exception) -> str:
    """The innermost message: the SDK wraps a refused connection five times."""
    message = str(error)
    first_line = message.partition("\n")[0] or type(error).__name__
    return next((reason for reason in _INNERMOST if reason in message.lower()), first_line)
