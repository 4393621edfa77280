"""A pod as a Docker engine runs it: the containers of a rendered specification, one network and its volumes among them."""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from docker.models.containers import Container

from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from support.waiting import wait_for

LABEL = "io.pyml.test-pod"
READY_S = 120


@dataclass(frozen=True)
class Pod:
    """A pod that runs.

    Attributes:
        containers: by name.
        ports: on 127.0.0.1, by the port of the pod.
    """

    containers: Mapping[str, Container]
    ports: Mapping[int, int]

    def answers(self, probe: Mapping[str, Any]) -> bool:
        """Whether a probe succeeds, as a kubelet asks it."""
        asked = probe["httpGet"]
        url = f"http://127.0.0.1:{self.ports[asked['port']]}{asked['path']}"
        try:
            with urllib.request.urlopen(url, timeout=float(probe["timeoutSeconds"])) as response:
                return int(response.status) == 200
        except (urllib.error.URLError, OSError):
            return False

    def wait_until_ready(self, spec: Mapping[str, Any]) -> None:
        """Wait for every probe of the specification."""
        names = ("startupProbe", "readinessProbe", "livenessProbe")
        for probe in (each[name] for each in spec["containers"] for name in names if name in each):
            wait_for(partial(self.answers, probe), str(probe["httpGet"]), READY_S)


@contextmanager
def running(engine: Engine, spec: Mapping[str, Any]) -> Iterator[Pod]:
    """Run the containers of a pod, from images that the engine pulls; removed in the end.

    The first container has the network, and the others are in it, as the containers of a pod are. A volume `emptyDir` is a
    volume in memory that belongs to the group `fsGroup`.
    """
    name, client = f"pyml-pod-{uuid.uuid4().hex[:8]}", engine.client
    made = []
    try:
        for volume in spec["volumes"]:
            group, size = spec["securityContext"]["fsGroup"], volume["emptyDir"]["sizeLimit"]
            options = {"type": "tmpfs", "device": "tmpfs", "o": f"size={size},mode=2777,gid={group}"}
            made.append(client.volumes.create(f"{name}-{volume['name']}", driver_opts=options, labels={LABEL: name}))
        first, containers = "", {}
        ports = {f"{each['containerPort']}/tcp": ("127.0.0.1", None) for each in spec["containers"][0]["ports"]}
        for container in spec["containers"]:
            place = {"network_mode": f"container:{first}"} if first else {"ports": ports}
            containers[container["name"]] = _run(engine, name, spec, container, place)
            first = first or f"{name}-{container['name']}"
        leader = next(iter(containers.values()))
        leader.reload()
        published = {int(port.partition("/")[0]): int((to or [{}])[0]["HostPort"]) for port, to in leader.ports.items()}
        yield Pod(containers, published)
    finally:
        for each in client.containers.list(all=True, filters={"label": f"{LABEL}={name}"}):
            each.remove(force=True, v=True)
        for volume in made:
            with contextlib.suppress(Exception):
                volume.remove()


def _run(
    engine: Engine, name: str, spec: Mapping[str, Any], container: Mapping[str, Any], place: Mapping[str, Any]
) -> Container:
    identity, limits = spec["securityContext"], container["resources"]["limits"]
    own = container["securityContext"]
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert own["allowPrivilegeEscalation"] is False
    return engine.client.containers.run(
        container["image"],
        entrypoint=container["command"],
        name=f"{name}-{container['name']}",
        environment={each["name"]: each["value"] for each in container["env"]},
        user=f"{identity['runAsUser']}:{identity['runAsGroup']}",
        group_add=[str(identity["fsGroup"])],
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
        read_only=own["readOnlyRootFilesystem"],
        mem_limit=limits["memory"].replace("Mi", "m"),
        nano_cpus=int(float(limits["cpu"]) * 1e9),
        volumes={f"{name}-{each['name']}": {"bind": each["mountPath"]} for each in container["volumeMounts"]},
        labels={LABEL: name},
        detach=True,
        **place,
    )
