"""What the docker SDK raises becomes the caller's error, with the reason that a user can act on."""

from __future__ import annotations

import docker.errors
import pytest
import requests.exceptions
import urllib3.exceptions

from pyml.errors import SandboxError, UsageError
from pyml.gateway.scaling.docker_errors import docker_errors

WRAPPED = "Error while fetching server API version: ('Connection aborted.', ConnectionRefusedError(111, 'Connection refused'))"


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (
            docker.errors.APIError("409 Client Error", explanation="  the name is in use\n"),
            UsageError,
            "the name is in use",
        ),
        (docker.errors.NotFound("no such image"), UsageError, "no such image"),
        (docker.errors.DockerException(WRAPPED), SandboxError, "connection refused"),
        (docker.errors.StreamParseError("not JSON"), SandboxError, "not JSON"),
        (requests.exceptions.ReadTimeout("Read timed out. (read timeout=30)"), SandboxError, "timed out"),
        (urllib3.exceptions.ProtocolError("the stream broke\nand more"), SandboxError, "the stream broke"),
        (PermissionError(13, "Permission denied"), SandboxError, "permission denied"),
        (OSError(), SandboxError, "OSError"),
    ],
)
def test_an_error_of_the_sdk_is_a_refusal_or_no_answer(error: Exception, kind: type[Exception], message: str) -> None:
    with (
        pytest.raises(kind) as caught,
        docker_errors(lambda said: UsageError(said, ""), lambda why: SandboxError(why, "")),
    ):
        raise error
    assert (str(caught.value.args[0]), caught.value.__cause__) == (message, error)


def test_other_errors_pass() -> None:
    with pytest.raises(KeyError), docker_errors(lambda said: UsageError(said, ""), lambda why: SandboxError(why, "")):
        raise KeyError("State")
