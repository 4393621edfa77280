"""The gate: do the proofs of an image say what a policy asks for? Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pyml.errors import ProofError
from pyml_sandbox.promotion.policy import Policy
from pyml_sandbox.proof.check_statement import Statement, Subject
from pyml_sandbox.proof.envelope import Envelope

AHEAD = timedelta(minutes=5)
"""How far the clocks of two machines may be apart."""
CHECK, PROMOTE = "pyml parity-check", "pyml promote"


@dataclass(frozen=True)
class Admission:
    """Why an image is admitted.

    Attributes:
        statement: the newest that counts.
        signed_by: the file or the id of the key that signed it.
    """

    statement: Statement
    signed_by: str


def admitted(
    image: str, proofs: Sequence[Envelope], policy: Policy, now: datetime, manifest: Subject | None = None
) -> Admission:
    """The statement by which an image is admitted: the newest one that a trusted key signed, if it says enough.

    A statement that no trusted key signed counts for nothing, neither for the image nor against it.

    Args:
        image: digest of its configuration, `sha256:…`.
        proofs: those that were found, in any order.
        policy: what they must say, and who must have signed.
        now: the time, with a zone.
        manifest: the repository and manifest under which the image was found; None for an image of this machine.

    Raises:
        ProofError: it is not admitted; each reason has its own sentence, and the command that mends it.
    """
    if not proofs:
        raise ProofError(f"nothing proves that the paths of {image} agree", CHECK)
    trusted, untrusted = _by_trust(proofs, policy, now)
    if not trusted:
        raise untrusted[0]
    about = [admission for admission in trusted if not _mismatch(admission.statement, image, manifest)]
    if not about:
        raise ProofError(_mismatch(trusted[0].statement, image, manifest), PROMOTE if manifest else CHECK)
    newest = max(about, key=lambda each: (each.statement.checked_at, each.statement.verdict != "PASS"))
    for problem in _problems(newest.statement, policy, now):
        raise problem
    return newest


def _mismatch(statement: Statement, image: str, manifest: Subject | None) -> str:
    """Why a statement is about something different; empty if it is not."""
    own = statement.image
    if own.digest != image:
        return f"the proof is of a different image, {own.digest} of {own.name}, not of {image}"
    if manifest is None:
        return ""
    if statement.manifest is None:
        return f"the proof speaks of an image on a laptop, and not of {manifest.name}"
    if statement.manifest.name != manifest.name:
        return f"the proof is of {statement.manifest.name}, and was found at {manifest.name}"
    if statement.manifest.digest != manifest.digest:
        return f"the proof is of the manifest {statement.manifest.digest}, not of {manifest.digest}"
    return ""


def _by_trust(proofs: Sequence[Envelope], policy: Policy, now: datetime) -> tuple[list[Admission], list[ProofError]]:
    trusted, untrusted = [], []
    for proof in proofs:
        try:
            trusted.append(Admission(proof.statement(), _signer(proof, policy, now)))
        except ProofError as error:
            untrusted.append(error)
    return trusted, untrusted


def _signer(proof: Envelope, policy: Policy, now: datetime) -> str:
    """The trusted key that signed, if it has not expired."""
    key = proof.signed_by([each.key for each in policy.keys])
    expires = next(each.expires for each in policy.keys if each.key is key)
    if expires is not None and now.date() >= expires:
        raise ProofError(f"the key {key.where} has expired on {expires}", "sign again with a key that counts")
    return key.where or key.keyid


def _problems(statement: Statement, policy: Policy, now: datetime) -> Iterator[ProofError]:
    """Why the newest statement does not admit the image."""
    when = f"{statement.checked_at:%Y-%m-%d %H:%M} UTC"
    if statement.checked_at > now + AHEAD:
        yield ProofError(f"the proof is of the future, {when}: a clock is wrong", f"set the clock, then {CHECK}")
    if statement.verdict == "FAIL":
        yield ProofError(f"the newest check of this image, of {when}, says FAIL", f"mend the model, then {CHECK}")
    if statement.verdict == "CANNOT-CERTIFY":
        yield ProofError(f"the newest check of this image, of {when}, could certify nothing", CHECK)
    if statement.level is None or statement.level < policy.level:
        earned = statement.level or "no level"
        yield ProofError(
            f"the image has earned {earned}, and {policy.level} is asked for", f"{CHECK} --level {policy.level}"
        )
    if not policy.checker.contains(statement.checker, prereleases=True):
        yield ProofError(
            f"the check was made by pyml {statement.checker}, and the policy takes {policy.checker}",
            f"pip install 'pyml-sandbox{policy.checker}', then {CHECK} --no-cache",
        )
    if policy.max_age is not None and now - statement.checked_at > policy.max_age:
        days = policy.max_age / timedelta(days=1)
        yield ProofError(f"the check is of {when}, and may be {days:g} days old at most", f"{CHECK} --no-cache")
