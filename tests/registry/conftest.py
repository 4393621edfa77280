"""The two kinds of registries: with the list of referrers, and without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pyml_sandbox.promotion.oci import attachments
from pyml_sandbox.promotion.oci.image_reference import Reference
from pyml_sandbox.promotion.oci.image_repository import Repository
from pyml_sandbox.proof.signing_key import SigningKey
from support.proofs import key_in
from support.registries import docker_registry, registry_with_referrers


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The hosts of both, by kind."""
    folder = tmp_path_factory.mktemp("registry")
    with docker_registry(folder) as debian, registry_with_referrers() as listing:
        yield {"docker-registry": debian.host, "with referrers": listing}


@pytest.fixture(params=["docker-registry", "with referrers"])
def host(request: pytest.FixtureRequest, hosts: dict[str, str]) -> str:
    return hosts[request.param]


@pytest.fixture
def repository(host: str, tmp_path: Path) -> Iterator[Repository]:
    """A repository that nobody else uses."""
    with Repository(Reference(host, f"models/{tmp_path.name.lower().strip('_')}"), plain_http=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return key_in(tmp_path_factory.mktemp("key"))


@pytest.fixture(autouse=True)
def looks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """One look at what was attached is enough, but where a test has many writers."""
    if "many_writers" not in request.fixturenames:
        monkeypatch.setattr(attachments, "LOOKS_S", (0.0,))


@pytest.fixture
def many_writers() -> None:
    """Asked for by tests that write the same tags at the same time."""
