"""Proofs attached to an image in real registries, and read by cosign and oras, which are not ours."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pyml.errors import ProofError
from pyml_sandbox.promotion.oci.attachments import attach, attached
from pyml_sandbox.promotion.oci.image_repository import INDEX, MANIFEST, Manifest, Repository
from pyml_sandbox.proof.check_statement import PREDICATE_TYPE, Statement, Subject
from pyml_sandbox.proof.envelope import Envelope
from pyml_sandbox.proof.proof_store import digest_of
from pyml_sandbox.proof.signing_key import SigningKey
from support.proofs import PASSED
from support.registries import tool

CONFIG = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()


@pytest.fixture
def image(repository: Repository) -> Manifest:
    """An image without layers, under the tag `1`."""
    config = {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": repository.put_blob(CONFIG),
        "size": len(CONFIG),
    }
    content = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}).encode()
    repository.put_manifest("1", content, MANIFEST)
    found = repository.manifest("1")
    assert found == Manifest(content, MANIFEST)
    return found


def statement(repository: Repository, image: Manifest, minutes: int = 0) -> Statement:
    return replace(
        PASSED,
        image=Subject(PASSED.image.name, digest_of(CONFIG)),
        manifest=Subject(repository.reference.name, image.digest),
        checked_at=PASSED.checked_at + timedelta(minutes=minutes),
    )


def test_what_is_attached_is_found_once(repository: Repository, image: Manifest, key: SigningKey) -> None:
    assert attached(repository, image.digest) == []
    proof = Envelope.seal(statement(repository, image), key)
    for _ in range(2):
        attach(repository, image, proof)
        assert attached(repository, image.digest) == [proof]


def test_a_second_proof_goes_beside_the_first(repository: Repository, image: Manifest, key: SigningKey) -> None:
    proofs = [Envelope.seal(statement(repository, image, minutes), key) for minutes in range(3)]
    for proof in proofs:
        attach(repository, image, proof)
    assert set(attached(repository, image.digest)) == set(proofs)


@pytest.mark.usefixtures("many_writers")
def test_none_of_eight_at_once_is_lost(repository: Repository, image: Manifest, key: SigningKey) -> None:
    proofs = [Envelope.seal(statement(repository, image, minutes), key) for minutes in range(8)]

    def attach_one(proof: Envelope) -> None:
        with Repository(repository.reference, plain_http=True) as own:
            attach(own, image, proof)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(attach_one, proofs))
    assert set(attached(repository, image.digest)) == set(proofs)


def test_of_a_different_image_nothing_is_found(repository: Repository, image: Manifest, key: SigningKey) -> None:
    attach(repository, image, Envelope.seal(statement(repository, image), key))
    assert attached(repository, digest_of(b"different")) == []


@pytest.mark.parametrize(("tag", "media_type"), [("{}.att", MANIFEST), ("{}", INDEX)], ids=["layers", "bundle"])
def test_a_proof_in_one_form_alone_is_found(
    tag: str, media_type: str, repository: Repository, image: Manifest, key: SigningKey
) -> None:
    """Whatever one of the two forms has lost: a registry that was copied without it."""
    proof = Envelope.seal(statement(repository, image), key)
    attach(repository, image, proof)
    name = tag.format(image.digest.replace(":", "-"))
    known = repository.manifest(name)
    if known is not None:  # a registry that lists referrers has no index
        emptied = json.loads(known.content) | ({"layers": []} if media_type == MANIFEST else {"manifests": []})
        repository.put_manifest(name, json.dumps(emptied).encode(), media_type)
    assert attached(repository, image.digest) == [proof]


def test_a_layer_that_is_cut_off_is_refused(repository: Repository, image: Manifest, key: SigningKey) -> None:
    attach(repository, image, Envelope.seal(statement(repository, image), key))
    cut = Envelope.seal(statement(repository, image), key).to_json().encode()[:-9]
    layer = {"mediaType": "application/vnd.dsse.envelope.v1+json", "digest": repository.put_blob(cut), "size": len(cut)}
    tag = f"{image.digest.replace(':', '-')}.att"
    known = repository.manifest(tag)
    assert known is not None
    document = json.loads(known.content)
    document["layers"].append(layer)
    repository.put_manifest(tag, json.dumps(document).encode(), MANIFEST)
    with pytest.raises(ProofError, match="the envelope is not whole"):
        attached(repository, image.digest)


# ---- readers that are not ours


def said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def cosign(repository: Repository, image: Manifest, public: Path) -> Sequence[str]:
    return (
        tool("cosign"),
        "verify-attestation",
        "--key",
        str(public),
        "--insecure-ignore-tlog=true",
        "--allow-http-registry",
        "--type",
        PREDICATE_TYPE,
        f"{repository.reference.name}@{image.digest}",
    )


def test_cosign_verifies_what_is_attached(
    repository: Repository, image: Manifest, key: SigningKey, tmp_path: Path
) -> None:
    public = tmp_path / "signing.pub"
    public.write_text(key.public.pem)
    proof = Envelope.seal(statement(repository, image), key)
    attach(repository, image, proof)
    found = json.loads(said(*cosign(repository, image, public)))
    assert Envelope.from_json(json.dumps(found).encode()) == proof


def test_cosign_refuses_what_a_different_key_signed(
    repository: Repository, image: Manifest, key: SigningKey, tmp_path: Path
) -> None:
    from pyml_sandbox.proof.signing_key import create_key_pair

    create_key_pair(tmp_path)
    attach(repository, image, Envelope.seal(statement(repository, image), key))
    command = cosign(repository, image, tmp_path / "keys" / "signing.pub")
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode != 0


def test_oras_lists_what_is_attached(repository: Repository, image: Manifest, key: SigningKey) -> None:
    attach(repository, image, Envelope.seal(statement(repository, image), key))
    reference = f"{repository.reference.name}@{image.digest}"
    found = json.loads(said(tool("oras"), "discover", "--plain-http", "--format", "json", reference))
    (entry,) = found["manifests"]
    assert entry["artifactType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"


def test_what_cosign_attaches_is_read(repository: Repository, image: Manifest, key: SigningKey, tmp_path: Path) -> None:
    """A statement of ours, signed and attached by cosign with a key of its own."""
    from pyml_sandbox.proof.public_key import PublicKey

    told = statement(repository, image)
    predicate = tmp_path / "predicate.json"
    predicate.write_text(json.dumps(json.loads(told.to_json())["predicate"]))
    environment = {"COSIGN_PASSWORD": "", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    run = {"cwd": tmp_path, "env": environment, "capture_output": True, "timeout": 60, "check": True}
    subprocess.run([tool("cosign"), "generate-key-pair"], **run)  # type: ignore[call-overload]
    command = [tool("cosign"), "attest", "--key", "cosign.key", "--tlog-upload=false", "--allow-http-registry", "--yes"]
    command += ["--predicate", str(predicate), "--type", PREDICATE_TYPE, f"{repository.reference.name}@{image.digest}"]
    subprocess.run(command, **run)  # type: ignore[call-overload]
    (found,) = attached(repository, image.digest)
    assert found.signed_by([PublicKey.from_file(tmp_path / "cosign.pub")])
    assert json.loads(found.payload)["predicate"] == json.loads(told.to_json())["predicate"]
