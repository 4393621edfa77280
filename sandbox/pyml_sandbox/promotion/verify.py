"""The other side: is an image in a registry one that was proven?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pyml.errors import ProofError, UsageError
from pyml_sandbox.promotion.gate import Admission, Gate
from pyml_sandbox.promotion.oci.attachments import attached
from pyml_sandbox.promotion.oci.image_repository import INDEX, Manifest, Repository
from pyml_sandbox.promotion.policy import Policy
from pyml_sandbox.proof.check_statement import Subject, json_object

DIGEST = "name the image by the digest that pyml promote printed"
LISTS = (INDEX, "application/vnd.docker.distribution.manifest.list.v2+json")


@dataclass(frozen=True)
class Verified:
    """An image that was proven.

    Attributes:
        name: host, repository and digest of its manifest.
        config_digest: of its configuration, `sha256:…`.
        admission: why it is admitted.
    """

    name: str
    config_digest: str
    admission: Admission


def verify(repository: Repository, policy: Policy, now: datetime) -> Verified:
    """Verify the image that a reference names by its digest. Blocks.

    Args:
        repository: its reference has a digest.
        policy: what its proof must say.
        now: the time, with a zone.

    Raises:
        UsageError: the reference has no digest.
        ProofError: the image is not there, or not admitted; says why.
        RegistryError: the registry does not answer, or refuses.
    """
    reference = repository.reference
    if not reference.digest:
        raise _without_digest(repository)
    manifest = repository.manifest(reference.digest)
    if manifest is None:
        raise ProofError(f"there is no image {reference.name}@{reference.digest}", DIGEST)
    config = config_digest_of(manifest)
    subject = Subject(reference.name, manifest.digest)
    admission = Gate(config, policy, now, subject).admit(attached(repository, manifest.digest))
    return Verified(f"{reference.name}@{manifest.digest}", config, admission)


def config_digest_of(manifest: Manifest) -> str:
    """The digest of the configuration of an image, which is the image's id on the machine that built it.

    Raises:
        ProofError: the manifest is not that of one image.
    """
    if manifest.media_type in LISTS:
        raise ProofError(f"{manifest.digest} is a list of images for several platforms", DIGEST)
    config = json_object(manifest.content, "the manifest").get("config")
    digest = config.get("digest") if isinstance(config, dict) else None
    if not isinstance(digest, str):
        raise ProofError(f"{manifest.digest} is not the manifest of an image", DIGEST)
    return digest


def _without_digest(repository: Repository) -> UsageError:
    """What to type instead of a tag: with the digest that it names now."""
    reference = repository.reference
    named = repository.manifest(reference.tag or "latest")
    now = f"{reference.name}@{named.digest}" if named else f"{reference.name}@sha256:…"
    return UsageError(f"{reference} names no digest, and a tag can be moved", f"pyml verify {now}")
