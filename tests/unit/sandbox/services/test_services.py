"""The specs of real services as data, and the bytes that probes send."""

from __future__ import annotations

import shlex
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyml.probes import NotAnsweringError, NotListeningError
from pyml.probes.gateway_probe import says_ready
from pyml.probes.grpc_call import message
from pyml.probes.metastore_probe import MetastoreProbe, check_reply
from pyml.probes.spark_probe import SparkProbe, session_fields, sql_request, version_request
from pyml_sandbox.drivers.process.java import Java
from pyml_sandbox.drivers.process.service_specs import gateway_spec, mark_scratch, metastore_spec, spark_spec
from pyml_sandbox.services.spark import connect_settings
from pyml_sandbox.services.spark_home import SparkHome
from pyml_sandbox.services.spec import ServiceSpec
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import HOST, Ports


@pytest.fixture
def home(tmp_path: Path) -> SandboxHome:
    return SandboxHome(tmp_path / "with space & <sign>")


def all_specs(home: SandboxHome) -> list[ServiceSpec]:
    spark_home, java = SparkHome.find(), Java(Path("/java"), 17, "test")
    return [
        metastore_spec(home, spark_home, java, "/loopback.jar", 9083),
        spark_spec(home, spark_home, java, Ports()),
        gateway_spec(home, Ports()),
    ]


def test_the_same_sandbox_always_gives_the_same_specs(home: SandboxHome) -> None:
    assert [spec.digest for spec in all_specs(home)] == [spec.digest for spec in all_specs(home)]


def test_settings_travel_as_whole_arguments_whatever_they_hold(home: SandboxHome) -> None:
    metastore, spark, _ = all_specs(home)
    assert f"-Dhive.metastore.warehouse.dir={home.data / 'warehouse'}" in metastore.command
    assert f"spark.sql.warehouse.dir={home.data / 'warehouse'}" in spark.command


@pytest.mark.parametrize("folder", ["/tmp/jo é", "/tmp/o'd", '/tmp/a "b" c', "/tmp/$x %d #h", "/plain/path-1_2.3"])
def test_sparks_launcher_reads_the_temporary_folder_as_one_option(folder: str) -> None:
    options = connect_settings(2, "127.0.0.1:1", "/w", folder)["spark.driver.extraJavaOptions"]
    assert f"-Djava.io.tmpdir={folder}" in shlex.split(
        options
    )  # CommandBuilderUtils.parseOptionString splits as a shell


def test_java_reads_paths_as_utf8_whatever_the_locale_of_the_shell(home: SandboxHome) -> None:
    assert all(spec.environment["LC_ALL"] == "C.UTF-8" for spec in all_specs(home) if "JAVA_HOME" in spec.environment)


def test_protobuf_messages_are_what_protobuf_makes_of_them() -> None:
    from google.protobuf import wrappers_pb2

    for text in ("", "x", "y" * 127, "y" * 128, "z" * 20_000):
        expected = wrappers_pb2.StringValue(value=text).SerializeToString()
        assert message({1: text.encode()} if text else {}) == expected


def test_requests_to_spark_are_what_pyspark_would_send() -> None:
    from pyspark.sql.connect.proto import base_pb2

    version = base_pb2.AnalyzePlanRequest.FromString(version_request("s"))
    assert (version.session_id, version.user_context.user_id) == ("s", "pyml")
    assert version.WhichOneof("analyze") == "spark_version"
    sql = base_pb2.ExecutePlanRequest.FromString(sql_request("s", "SELECT 1"))
    assert (sql.session_id, sql.plan.root.sql.query) == ("s", "SELECT 1")
    release = base_pb2.ReleaseSessionRequest.FromString(message(session_fields("s")))
    assert (release.session_id, release.user_context.user_id) == ("s", "pyml")


@pytest.mark.parametrize(("reply", "ready"), [(b"\x08\x01", True), (b"\x08\x00", False), (b"", False)])
def test_readiness_replies(reply: bytes, ready: bool) -> None:
    assert says_ready(reply) is ready


GOOD = b"\x80\x01\x00\x02\x00\x00\x00\x01m\x00\x00\x00\x01"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (b"", "closed the connection"),
        (b"\x80\x01\x00\x03\x00\x00\x00\x01m", "a Thrift exception or not Thrift"),
        (b"HTTP/1.1 400 Bad Request", "a Thrift exception or not Thrift"),
    ],
)
def test_replies_that_are_no_answer_of_a_metastore(reply: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_reply(reply, "m")


def test_the_reply_of_a_metastore_is_taken() -> None:
    check_reply(GOOD, "m")


@pytest.fixture
def mute_server() -> Iterator[int]:
    """Accepts connections and closes them without a word."""
    with socket.create_server((HOST, 0)) as server:

        def serve() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("probe", [MetastoreProbe, SparkProbe])
def test_probes_tell_not_listening_from_not_answering(
    probe: type[MetastoreProbe] | type[SparkProbe], mute_server: int
) -> None:
    with pytest.raises(NotAnsweringError, match=f"listening on {HOST}:{mute_server} but not answering"):
        probe(HOST, mute_server)(2)
    with socket.create_server((HOST, 0)) as server:
        free = server.getsockname()[1]
    with pytest.raises(NotListeningError, match=f"not listening yet on {HOST}:{free}"):
        probe(HOST, free)(2)


def test_spark_is_a_new_process_where_its_temporary_files_were_deleted(tmp_path: Path) -> None:
    """Spark makes its own folders in there once."""
    home = SandboxHome(tmp_path)
    home.create()

    def digest() -> str:
        mark_scratch(home)
        return spark_spec(home, SparkHome.find(), Java(Path("/java"), 17, "test"), Ports()).digest

    first = digest()
    assert digest() == first
    shutil.rmtree(home.scratch)
    home.create()
    assert digest() != first
