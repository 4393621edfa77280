"""The Spark of a cluster, ready for the jobs of one model version."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pyml.errors import UsageError
from pyml.probes.grpc_call import check_listening
from pyml.probes.spark_probe import SparkProbe
from pyml_sandbox.clusters.cluster import Cluster
from pyml_sandbox.clusters.environment_archive import (
    ENVIRONMENT,
    LAUNCHER,
    PACKAGE,
    environment_archive,
    package_archive,
)
from pyml_sandbox.clusters.own_driver import own_driver
from pyml_sandbox.drivers.contract import OfflineTarget
from pyml_sandbox.models import registry
from pyml_sandbox.models.environment import Environment
from pyml_sandbox.services.inside_paths import MODEL_PACKAGE, MODEL_PYTHON
from pyml_sandbox.services.remote_spark import RemoteAccess, RemoteSpark
from pyml_sandbox.services.spark import ONE_TIME_ZONE
from pyml_sandbox.workspace.events import OnEvent, ignore
from pyml_sandbox.workspace.home import SandboxHome

if TYPE_CHECKING:
    from pyml_sandbox.client import Client
    from pyml_sandbox.models.version import ModelVersion
    from pyml_sandbox.services.spec import Probe

HERE = "."
"""The folder of the model package, as workers see it: the launcher goes there."""


@contextmanager
def cluster_spark(
    client: Client, version: ModelVersion, cluster: Cluster, on_event: OnEvent = ignore
) -> Iterator[OfflineTarget]:
    """Where the jobs of a version run on a cluster, while a block runs. Blocks until they can.

    Args:
        client: of the sandbox that has the version.
        version: predicts the rows.
        cluster: runs the jobs.
        on_event: called at each step.

    Raises:
        UsageError: a token or a file that the cluster needs is missing.
        SetupError, SandboxError: the environment could not be packed, or the driver could not be started.
    """
    access, home = access_of(cluster), _home(client, cluster)
    environment, archives = _environment(client, version, cluster, on_event)
    if cluster.connect:
        yield _target(cluster, cluster.connect, environment, archives, access, home)
        return
    with own_driver(cluster, home, on_event) as connect:
        yield _target(cluster, connect, environment, archives, RemoteAccess(), home)


def spark_without_model(client: Client, cluster: Cluster) -> OfflineTarget:
    """The Spark Connect server of a cluster, to read tables there: no model and no environment goes with it.

    Raises:
        UsageError: the cluster has none, or a token or a file that it needs is missing.
    """
    if not cluster.connect:
        hint = 'connect = "HOST:PORT" in clusters.toml'
        raise UsageError(f"the cluster {cluster.name} has no Spark Connect server to read tables with", hint)
    nothing = Environment("", "python3", "")
    return _target(cluster, cluster.connect, nothing, {}, access_of(cluster), _home(client, cluster))


def access_of(cluster: Cluster, environ: Mapping[str, str] | None = None) -> RemoteAccess:
    """How the servers of a cluster are reached.

    Raises:
        UsageError: its token or its certificates are missing.
    """
    return RemoteAccess(cluster.tls, cluster.certificates(), cluster.token(os.environ if environ is None else environ))


def _home(client: Client, cluster: Cluster) -> SandboxHome:
    """Where the notes about the jobs of a cluster are, apart from those of the sandbox."""
    home = SandboxHome(client.home.folder / "clusters", cluster.name)
    home.create()
    return home


def _environment(
    client: Client, version: ModelVersion, cluster: Cluster, on_event: OnEvent
) -> tuple[Environment, Mapping[str, Path]]:
    """The version's environment as the workers of the cluster see it, and the archives that they unpack for it."""
    if cluster.workers == "image":
        return Environment(version.version, MODEL_PYTHON, MODEL_PACKAGE), {}
    builder = client.driver.builder
    made = registry.prepare(version, builder, on_event)
    kept = client.home.root / "cache" / "archives"
    key = made.key.removeprefix("sha256:")[:16]
    archives = {
        ENVIRONMENT: environment_archive(builder.files(made), kept / f"environment-{key}.tgz", on_event),
        PACKAGE: package_archive(version.package, kept / f"package-{version.name}-{version.version}.tgz"),
    }
    return Environment(made.key, LAUNCHER, HERE, made.note), archives


def _target(
    cluster: Cluster,
    connect: str,
    environment: Environment,
    archives: Mapping[str, Path],
    access: RemoteAccess,
    home: SandboxHome,
) -> OfflineTarget:
    settings = {**ONE_TIME_ZONE, **(cluster.spark if cluster.connect else {})}
    remote = RemoteSpark(cluster.name, access, archives, settings, home)
    return OfflineTarget(connect, environment, _probe(connect, access), remote)


def _probe(connect: str, access: RemoteAccess) -> Probe:
    """Asks whether Spark answers; over TLS or with a token, whether anything listens there."""
    host, _, port = connect.rpartition(":")
    if access.tls or access.token:
        return lambda timeout_s: check_listening(connect, timeout_s)
    return SparkProbe(host, int(port))
