"""The channel to the sandbox's Spark: what a shell sets for a Spark or a proxy elsewhere does not matter."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from pyml_sandbox.services.remote_spark import RemoteAccess

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pyml_sandbox.predict.spark_channel import LoopbackChannelBuilder, RemoteChannelBuilder, connect

ELSEWHERE = {
    **dict.fromkeys(("http_proxy", "https_proxy", "grpc_proxy", "all_proxy", "HTTP_PROXY"), "http://127.0.0.1:9"),
    "MASTER": "yarn",
    "SPARK_REMOTE": "sc://elsewhere:1",
    "SPARK_API_MODE": "classic",
    "SPARK_CONNECT_AUTHENTICATE_TOKEN": "secret",
    "SPARK_CONNECT_USER_AGENT": "x" * 3000,
    "PYSPARK_REMOTE_INIT_CONF_LEN": "7",
}


@pytest.fixture
def address() -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_CONNECT_MODE_ENABLED", "1")  # which connect sets: restored after the test
    monkeypatch.delenv("no_proxy", raising=False)
    for name, value in ELSEWHERE.items():
        monkeypatch.setenv(name, value)


def test_the_channel_reaches_spark_without_a_proxy_and_without_tls(address: str) -> None:
    builder = LoopbackChannelBuilder(address)
    with builder.toChannel() as channel:
        grpc.channel_ready_future(channel).result(10)
    assert (builder.secure, builder.token, builder.userAgent.split()[0]) == (False, None, "pyml")


def test_a_session_needs_nothing_of_the_shell(address: str) -> None:
    session = connect(address)
    session.release_session_on_close = False  # type: ignore[attr-defined]
    session.stop()


def test_a_channel_to_a_cluster_has_its_own_token_and_not_that_of_the_shell() -> None:
    builder = RemoteChannelBuilder("127.0.0.1:15002", RemoteAccess(token="of the cluster"))
    assert dict(builder.metadata())["authorization"] == "Bearer of the cluster"
    assert "authorization" not in dict(RemoteChannelBuilder("127.0.0.1:15002", RemoteAccess()).metadata())


def test_over_tls_the_token_is_part_of_the_credentials() -> None:
    builder = RemoteChannelBuilder("spark.example:15002", RemoteAccess(tls=True, token="of the cluster"))
    assert "authorization" not in dict(builder.metadata())
    builder.toChannel().close()
