"""Promote an image: it goes to a registry with its proof, and the tag that was asked for comes last."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pyml.errors import ProofError, RegistryError, UsageError
from pyml_sandbox.promotion.gate import PROMOTE, Admission, Gate
from pyml_sandbox.promotion.oci.attachments import attach, attached
from pyml_sandbox.promotion.oci.image_reference import Reference
from pyml_sandbox.promotion.oci.image_repository import Manifest, Repository
from pyml_sandbox.promotion.policy import Policy
from pyml_sandbox.promotion.verify import config_digest_of
from pyml_sandbox.proof.check_statement import Statement, Subject
from pyml_sandbox.proof.envelope import Envelope
from pyml_sandbox.proof.proof_store import StoredProof
from pyml_sandbox.proof.signing_key import SigningKey
from pyml_sandbox.workspace.events import OnEvent, ignore, timed

OWN_TAG = re.compile(r"-[0-9a-f]{12}$")
"""How the own tag of a version ends."""
Push = Callable[[Reference, OnEvent], None]
"""Pushes the image under the tag of a reference, and returns once the registry has it."""


@dataclass(frozen=True)
class Candidate:
    """An image of this machine that is to be promoted.

    Attributes:
        model_id: `NAME@VERSION` of its model.
        image: digest of its configuration, `sha256:…`.
        proofs: what was left for it, in any order.
        push: pushes it.
        settings: digest of the settings of its parity check, those of `pyml.toml`; empty for any.
    """

    model_id: str
    image: str
    proofs: Sequence[StoredProof]
    push: Push
    settings: str = ""

    @property
    def own_tags(self) -> tuple[str, str]:
        """The tag of this version; and that of this image, for a version whose image was built again elsewhere."""
        own = self.model_id.replace("@", "-")
        return own, f"{own}-{self.image.removeprefix('sha256:')[:12]}"


@dataclass(frozen=True)
class Promotion:
    """An image that was promoted.

    Attributes:
        reference: host, repository, the tag that was asked for, and the digest of the manifest.
        own_tag: the tag of the version, which is never moved.
        admission: why it was let through.
    """

    reference: Reference
    own_tag: str
    admission: Admission


def admission_of(candidate: Candidate, policy: Policy, now: datetime) -> Admission:
    """Why a candidate may be promoted.

    Raises:
        ProofError: it may not; says why, and which command mends it.
    """
    proofs = [proof.envelope() for proof in candidate.proofs]
    return Gate(candidate.image, policy, now, settings=candidate.settings).admit(proofs)


def promote(
    candidate: Candidate,
    repository: Repository,
    policy: Policy,
    key: SigningKey,
    now: datetime,
    on_event: OnEvent = ignore,
) -> Promotion:
    """Push an image, attach its proof, and put the tag that was asked for on it. Blocks.

    What breaks half-way can be repeated: the tag that was asked for never names an image without its proof.

    Args:
        candidate: the image.
        repository: where it goes; the tag of its reference is put on it in the end.
        policy: what its proofs must say.
        key: signs the statement for the manifest, which exists once the image is in the registry.
        now: the time, with a zone.
        on_event: called at each step.

    Raises:
        ProofError: the image may not be promoted, or the registry has a different one.
        UsageError: the key that signs is none of those that the policy trusts.
        RegistryError: the registry does not answer, or refuses.
        SandboxError: the engine does not answer.
    """
    admission = admission_of(candidate, policy, now)
    _refuse_untrusted(key, policy, now)
    reference = repository.reference
    _refuse_tag_of_others(repository, candidate)
    own_tag, known = _own_tag(repository, candidate)
    own = replace(reference, tag=own_tag, digest="")
    with timed("push", on_event, str(own)) as done:
        manifest = known or _pushed(repository, own, candidate, on_event)
        done(f"{own}, which was there already" if known else f"{own}@{manifest.digest}")
    subject = Subject(reference.name, manifest.digest)
    with timed("proof", on_event, "attached to the image") as done:
        proof = _sealed(repository, replace(admission.statement, manifest=subject), key)
        attach(repository, manifest, proof)
        if proof not in attached(repository, manifest.digest):
            raise RegistryError(f"{own} has lost the proof that was attached to it", f"{PROMOTE}, again")
        done(f"signed with {key.where}")
    tag = reference.tag or own.tag
    if tag != own.tag:
        with timed("tag", on_event, tag) as done:
            repository.put_manifest(tag, manifest.content, manifest.media_type)
            done(f"{reference.name}:{tag}")
    return Promotion(replace(reference, tag=tag, digest=manifest.digest), own.tag, admission)


def _refuse_untrusted(key: SigningKey, policy: Policy, now: datetime) -> None:
    """A proof that whoever verifies it would refuse is not written."""
    known = [each for each in policy.keys if each.key.keyid == key.public.keyid]
    if not any(each.expires is None or now.date() < each.expires for each in known):
        why = "has expired" if known else "is none of those that the policy trusts"
        raise UsageError(f"the key {key.where} {why}", "sign with one that counts: PYML_SIGNING_KEY")


def _refuse_tag_of_others(repository: Repository, candidate: Candidate) -> None:
    """The tags of proofs, and the own tag of a different version, are not moved."""
    tag = repository.reference.tag
    if tag.startswith("sha256-"):
        raise UsageError(f"the tag {tag} is one of those under which proofs are attached", "choose a different tag")
    if tag in candidate.own_tags or not OWN_TAG.search(tag):
        return
    known = repository.manifest(tag)
    if known is not None and config_digest_of(known) != candidate.image:
        raise UsageError(f"the tag {tag} belongs to a different version, and is never moved", "choose a different tag")


def _sealed(repository: Repository, statement: Statement, key: SigningKey) -> Envelope:
    """The statement, signed; the one that is attached already if this key signed it: no two signatures are equal."""
    about = statement.manifest
    known = attached(repository, about.digest) if about else []
    own = (each for each in known if each.payload == statement.to_json() and each.is_signed_by(key.public))
    return next(own, None) or Envelope.seal(statement, key)


def _own_tag(repository: Repository, candidate: Candidate) -> tuple[str, Manifest | None]:
    """The tag of the version, or of the image where a different one has it, and is kept; and what stands there."""
    of_version, of_image = candidate.own_tags
    known = repository.manifest(of_version)
    if known is None or config_digest_of(known) == candidate.image:
        return of_version, known
    known = repository.manifest(of_image)
    return of_image, known and _proven(known, f"{repository.reference.name}:{of_image}", candidate)


def _pushed(repository: Repository, own: Reference, candidate: Candidate, on_event: OnEvent) -> Manifest:
    """Push the image; its manifest as the registry has it then."""
    candidate.push(own, on_event)
    manifest = repository.manifest(own.tag)
    if manifest is None:
        raise ProofError(f"{own} is not there, though it was pushed", f"{PROMOTE}, again")
    return _proven(manifest, str(own), candidate)


def _proven(manifest: Manifest, name: str, candidate: Candidate) -> Manifest:
    """The manifest, which must be that of the proven image."""
    found = config_digest_of(manifest)
    if found != candidate.image:
        message = f"{name} is a different image, {found}, and not the one that was proven, {candidate.image}"
        raise ProofError(message, "look who else pushes there, and choose a different repository")
    return manifest
