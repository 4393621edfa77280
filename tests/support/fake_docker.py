"""A Docker engine without containers: what its client is asked for by pyml, kept in memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import docker.errors

from pyml_sandbox.drivers.container.engine import labels
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, EngineFacts

FACTS = EngineFacts("Docker Engine", "28.1", "1.49", "x86_64", 4, 16_000_000_000, "/nowhere/docker", is_rootless=False)
CREATED = "2026-11-25T10:00:00.123456789Z"


@dataclass
class FakeContainer:
    """One container.

    Attributes:
        labels, status, ports, attrs: as the SDK has them.
        said: its log.
        inside: exit code and output of each command that is run in it, by the command's first word.
        memory: what `stats` says of its memory.
        is_gone: another command has removed it since it was listed.
        done: what was done to it, in order.
        put: what was written into it, by path.
    """

    id: str
    labels: Mapping[str, str]
    status: str = "running"
    ports: Mapping[str, Sequence[Mapping[str, str]] | None] = field(default_factory=dict)
    attrs: dict[str, object] = field(default_factory=dict)
    said: bytes = b""
    inside: Mapping[str, tuple[int, bytes]] = field(default_factory=dict)
    memory: Mapping[str, object] = field(default_factory=dict)
    is_gone: bool = False
    done: list[str] = field(default_factory=list)
    put: dict[str, bytes] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As Compose would call it."""
        return f"{self.labels[labels.SANDBOX]}-{self.labels[labels.SERVICE]}-1"

    def stop(self) -> None:
        """Stop it."""
        self._do("stop")
        self.status = "exited"

    def remove(self, *, force: bool, v: bool) -> None:
        """Remove it, with its anonymous volumes."""
        assert force
        assert v
        self._do("remove")

    def logs(self, tail: int) -> bytes:
        """The end of its log."""
        self._do(f"logs {tail}")
        return self.said

    def stats(self, *, stream: bool, one_shot: bool) -> Mapping[str, object]:
        """What it uses now."""
        assert one_shot
        assert not stream
        return {"memory_stats": self.memory}

    def exec_run(self, command: Sequence[str]) -> tuple[int, bytes]:
        """Run a command in it."""
        return self.inside[command[0]]

    def put_archive(self, path: str, data: bytes) -> None:
        """Write an archive into it."""
        self.put[path] = data

    def _do(self, what: str) -> None:
        if self.is_gone:
            raise docker.errors.NotFound("No such container")
        self.done.append(what)


@dataclass
class FakeThing:
    """A network or a volume, which can only be removed."""

    name: str
    is_removed: bool = False

    def remove(self, *, force: bool = False) -> None:
        """Remove it."""
        self.is_removed = True


@dataclass
class FakeDocker:
    """What the SDK's client is asked for.

    Attributes:
        made: every container, of whatever sandbox.
        owned_networks, owned_volumes: of the sandbox.
        died: exit codes that the engine's events hold, by container; None where the engine was asked to end it.
        disk: what `docker system df` says of volumes.
        asked_events: what events were asked for.
        error: raised instead of any list.
        api: the client below, with the timeout of its requests.
        timeouts: those that lists of containers were asked for with.
    """

    made: list[FakeContainer] = field(default_factory=list)
    owned_networks: list[FakeThing] = field(default_factory=list)
    owned_volumes: list[FakeThing] = field(default_factory=list)
    died: Mapping[str, Sequence[int | None]] = field(default_factory=dict)
    disk: Sequence[Mapping[str, object]] | None = None
    asked_events: list[Mapping[str, object]] = field(default_factory=list)
    error: Exception | None = None
    api: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(timeout=120))
    timeouts: list[float] = field(default_factory=list)

    @property
    def containers(self) -> SimpleNamespace:
        """Containers, by label."""
        return SimpleNamespace(list=self._list)

    @property
    def networks(self) -> SimpleNamespace:
        """Networks."""
        return SimpleNamespace(list=lambda filters: self.owned_networks)

    @property
    def volumes(self) -> SimpleNamespace:
        """Volumes."""
        return SimpleNamespace(list=lambda filters: self.owned_volumes)

    def events(self, *, since: str, until: str, filters: Mapping[str, str], decode: bool) -> Iterator[object]:
        """What happened to a container."""
        self.asked_events.append({"since": since, "until": until, **filters})
        return iter(
            {"Action": "kill"} if code is None else {"Action": "die", "Actor": {"Attributes": {"exitCode": str(code)}}}
            for code in self.died.get(filters["container"], ())
        )

    def df(self) -> Mapping[str, object]:
        """Sizes."""
        return {"Volumes": self.disk}

    def engine(self, facts: EngineFacts = FACTS) -> Engine:
        """An engine with this client."""
        engine = Engine("unix:///nowhere/docker.sock", {})
        vars(engine).update(client=self, facts=facts)  # both are cached: nothing is asked
        return engine

    def _list(
        self, *, filters: Mapping[str, str | Sequence[str]], ignore_removed: bool, all: bool = False
    ) -> list[FakeContainer]:
        self.timeouts.append(self.api.timeout)
        if self.error is not None:
            raise self.error
        wanted = filters.get("label", [])
        named = [wanted] if isinstance(wanted, str) else list(wanted)
        found = [container for container in self.made if all or container.status == "running"]
        return [container for container in found if all_match(container.labels, named)]


def all_match(found: Mapping[str, str], wanted: Sequence[str]) -> bool:
    """Whether labels are those that are wanted: `name`, or `name=value`."""
    pairs = [each.partition("=") for each in wanted]
    return all(name in found and (not has_value or found[name] == value) for name, has_value, value in pairs)


_ids = itertools.count(1)


def container(project: str, service: str, status: str = "running", **more: object) -> FakeContainer:
    """A container of a service; further labels by the names of `containers.labels`, in lower case.

    Also `digest`, `image`, `created`, `started`, `exit_code`, `restarts`, `oom`, `networks`: what the engine says of it.
    """
    says = {
        name: more.pop(name, default)
        for name, default in (
            ("digest", "d1"), ("image", "sha256:aa"), ("created", CREATED), ("started", CREATED), ("exit_code", 0), ("restarts", 0), ("oom", False), ("networks", ("sandbox",)),
        )
    }  # fmt: skip
    own = {labels.SANDBOX: project, labels.SERVICE: service, labels.DIGEST: str(says["digest"])}
    own |= {str(getattr(labels, name.upper())): str(value) for name, value in more.items()}
    is_running = status in ("running", "paused")
    attrs: dict[str, object] = {
        "Created": says["created"],
        "Image": says["image"],
        "RestartCount": says["restarts"],
        "NetworkSettings": {"Networks": {name: {} for name in cast("Sequence[str]", says["networks"])}},
        "State": {
            "Running": is_running or status == "restarting",
            "Restarting": status == "restarting",
            "Pid": 42 if is_running else 0,
            "StartedAt": says["started"],
            "ExitCode": says["exit_code"],
            "OOMKilled": says["oom"],
        },
    }
    return FakeContainer(f"{next(_ids):012x}{'0' * 52}", own, status, attrs=attrs)
