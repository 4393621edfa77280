"""Promote an image: it goes to a registry with its proof, and the tag that was asked for comes last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pyml.errors import ProofError, UsageError
from pyml_sandbox.promotion.gate import Admission, admitted
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
    """

    model_id: str
    image: str
    proofs: Sequence[StoredProof]
    push: Push

    @property
    def own_tag(self) -> str:
        """The tag that belongs to this version alone."""
        return self.model_id.replace("@", "-")


@dataclass(frozen=True)
class Promotion:
    """An image that was promoted.

    Attributes:
        reference: host, repository, the tag that was asked for, and the digest of the manifest.
        own_tag: the tag of the version.
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
    return admitted(candidate.image, proofs, policy, now)


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
    _refuse_untrusted(key, policy)
    reference = repository.reference
    own = replace(reference, tag=candidate.own_tag, digest="")
    with timed("push", on_event, str(own)) as done:
        known = repository.manifest(own.tag)
        if known is None:
            candidate.push(own, on_event)
        manifest = _pushed(repository, own, candidate)
        done("it was there already" if known else manifest.digest)
    subject = Subject(reference.name, manifest.digest)
    with timed("proof", on_event, "attached to the image") as done:
        attach(repository, manifest, _sealed(repository, replace(admission.statement, manifest=subject), key))
        done(f"signed with {key.where}")
    tag = reference.tag or own.tag
    if tag != own.tag:
        with timed("tag", on_event, tag) as done:
            repository.put_manifest(tag, manifest.content, manifest.media_type)
            done(f"{reference.name}:{tag}")
    return Promotion(replace(reference, tag=tag, digest=manifest.digest), own.tag, admission)


def _refuse_untrusted(key: SigningKey, policy: Policy) -> None:
    """A proof that whoever verifies it would refuse is not written."""
    if key.public.keyid not in {each.key.keyid for each in policy.keys}:
        message = f"the key {key.where} is none of those that the policy trusts"
        raise UsageError(message, "sign with one that it names: PYML_SIGNING_KEY")


def _sealed(repository: Repository, statement: Statement, key: SigningKey) -> Envelope:
    """The statement, signed; the one that is attached already if this key signed it: no two signatures are equal."""
    about = statement.manifest
    known = attached(repository, about.digest) if about else []
    own = (each for each in known if each.payload == statement.to_json() and each.is_signed_by(key.public))
    return next(own, None) or Envelope.seal(statement, key)


def _pushed(repository: Repository, own: Reference, candidate: Candidate) -> Manifest:
    """The manifest of the pushed image, which must be the proven one: the version's own tag is never moved."""
    manifest = repository.manifest(own.tag)
    if manifest is None:
        raise ProofError(f"{own} is not there, though it was pushed")
    found = config_digest_of(manifest)
    if found != candidate.image:
        raise ProofError(
            f"{own} is a different image, {found}, and not the one that was proven, {candidate.image}",
            "promote to a different repository, or upload the model again for a new version",
        )
    return manifest
