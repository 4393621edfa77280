"""A repository of a real registry: digests are checked, and what is wrong with the registry is named."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyml.errors import ProofError, RegistryError, SetupError
from pyml_sandbox.promotion.oci import image_repository
from pyml_sandbox.promotion.oci.credentials import docker_credentials
from pyml_sandbox.promotion.oci.image_reference import Reference
from pyml_sandbox.promotion.oci.image_repository import Repository
from pyml_sandbox.proof.proof_store import digest_of
from support.free_ports import free_ports
from support.registries import docker_registry

NAME = "models/fare"


def test_bytes_are_found_by_their_digest(repository: Repository) -> None:
    digest = repository.put_blob(b"some bytes")
    assert digest == digest_of(b"some bytes")
    assert repository.put_blob(b"some bytes") == digest
    assert repository.blob(digest) == b"some bytes"


def test_what_is_not_there_is_none(repository: Repository) -> None:
    digest = digest_of(b"nothing")
    assert (repository.manifest("no-tag"), repository.manifest(digest), repository.blob(digest)) == (None, None, None)


def test_a_registry_that_answers_with_different_bytes_is_not_believed(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = repository.put_blob(b"some bytes")
    monkeypatch.setattr(Repository, "_whole", lambda *_: b"different bytes")  # whatever stands between
    with pytest.raises(ProofError, match="with bytes of sha256:"):
        repository.blob(digest)


def test_too_many_bytes_are_not_read(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = repository.put_blob(b"x" * 200)
    monkeypatch.setattr(image_repository, "MOST_BYTES", 100)
    with pytest.raises(ProofError, match="answered with more than"):
        repository.blob(digest)


def test_a_registry_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_repository, "PAUSES_S", (0.0,))
    host = f"127.0.0.1:{free_ports(1)[0]}"
    with Repository(Reference(host, NAME), plain_http=True) as away, pytest.raises(RegistryError) as refused:
        away.manifest("prod")
    assert f"the registry {host} does not answer" in refused.value.message


# ---- TLS and passwords


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The host of a registry with TLS and basic authentication (user `ann`, password `secret`), and its certificate."""
    folder = tmp_path_factory.mktemp("secured")
    certificate, private = folder / "registry.crt", folder / "registry.key"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=pyml test"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(private), "-out", str(certificate)]
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing")
    subprocess.run(made, check=True, capture_output=True)
    # As `htpasswd -B` writes it; docker-registry takes bcrypt alone.
    (folder / "users").write_text("ann:$2b$05$pLtVs7pvpZ3tTqRSFYcnKexsAIoysSW1Bep33dfSMsz/QV3KFMODK\n")
    tls = {"certificate": str(certificate), "key": str(private)}
    auth = {"htpasswd": {"realm": "pyml", "path": str(folder / "users")}}
    with docker_registry(folder, tls=tls, auth=auth) as process:
        yield process.host, certificate


def test_with_the_certificate_and_the_password_it_is_written_and_read(secured: tuple[str, Path]) -> None:
    host, certificate = secured
    with Repository(Reference(host, NAME), lambda _: ("ann", "secret"), ca_file=certificate) as opened:
        digest = opened.put_blob(b"{}")
        assert opened.blob(digest) == b"{}"


def test_without_the_certificate_it_is_not_trusted(secured: tuple[str, Path]) -> None:
    host, _ = secured
    with (
        Repository(Reference(host, NAME), lambda _: ("ann", "secret")) as opened,
        pytest.raises(RegistryError) as refused,
    ):
        opened.manifest("prod")
    assert "of no authority that is trusted" in refused.value.message
    assert "--ca-file" in refused.value.hint


@pytest.mark.parametrize("password", [None, "wrong"], ids=["nobody", "a wrong password"])
def test_without_the_password_it_is_refused(password: str | None, secured: tuple[str, Path]) -> None:
    host, certificate = secured
    own = None if password is None else ("ann", password)
    opened = Repository(Reference(host, NAME), lambda _: own, ca_file=certificate)
    with pytest.raises(RegistryError) as refused:
        opened.put_blob(b"{}")
    assert "refuses the credentials" in refused.value.message
    assert refused.value.hint == f"docker login {host}"


# ---- Docker's own configuration


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path / "config.json"


def test_a_password_of_docker_login_is_found(configured: Path) -> None:
    entry = {"auth": base64.b64encode(b"ann:secret").decode()}
    configured.write_text(json.dumps({"auths": {"registry.example:5000": entry}}))
    assert docker_credentials("registry.example:5000") == ("ann", "secret")
    assert docker_credentials("elsewhere.example") is None


def test_a_credential_helper_is_asked(configured: Path) -> None:
    helper = configured.parent / "docker-credential-vault"
    helper.write_text('#!/bin/sh\necho \'{"ServerURL": "registry.example", "Username": "ann", "Secret": "secret"}\'\n')
    helper.chmod(0o755)
    configured.write_text(json.dumps({"credHelpers": {"registry.example": "vault"}}))
    assert docker_credentials("registry.example") == ("ann", "secret")


def test_a_credential_helper_that_is_missing_is_named(configured: Path) -> None:
    configured.write_text(json.dumps({"credHelpers": {"registry.example": "gone"}}))
    with pytest.raises(SetupError, match=r"Docker's credentials for registry\.example cannot be read") as refused:
        docker_credentials("registry.example")
    assert refused.value.hint.startswith("docker login registry.example")


def test_a_token_is_not_taken_for_a_password(configured: Path) -> None:
    helper = configured.parent / "docker-credential-vault"
    helper.write_text('#!/bin/sh\necho \'{"ServerURL": "registry.example", "Username": "<token>", "Secret": "x"}\'\n')
    helper.chmod(0o755)
    configured.write_text(json.dumps({"credsStore": "vault"}))
    with pytest.raises(SetupError, match="Docker has a token for"):
        docker_credentials("registry.example")


def test_without_a_configuration_there_is_nobody(configured: Path) -> None:
    assert docker_credentials("registry.example") is None
