"""The gate: do the proofs of an image say what a policy asks for? Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pyml.errors import ProofError
from pyml_sandbox.promotion.policy import Policy, TrustedKey
from pyml_sandbox.proof.check_statement import Statement, Subject
from pyml_sandbox.proof.envelope import Envelope

AHEAD = timedelta(minutes=5)
"""How far the clocks of two machines may be apart."""
CHECK, AGAIN, PROMOTE = "pyml parity-check", "pyml parity-check --no-cache", "pyml promote"


@dataclass(frozen=True)
class Admission:
    """Why an image is admitted.

    Attributes:
        statement: the one that counts.
        signed_by: the file or the id of the key that signed it.
    """

    statement: Statement
    signed_by: str


@dataclass(frozen=True)
class Gate:
    """Decides whether an image is admitted.

    Attributes:
        image: digest of its configuration, `sha256:…`.
        policy: what proofs must say, and who must have signed.
        now: the time, with a zone.
        manifest: the repository and manifest under which the image was found; None for an image of this machine.
        settings: digest of the settings that a check must have had, such as its query and tolerances; empty for any.
    """

    image: str
    policy: Policy
    now: datetime
    manifest: Subject | None = None
    settings: str = ""

    def admit(self, proofs: Sequence[Envelope]) -> Admission:
        """The newest statement that a trusted key signed and that says enough.

        Each kind of check, which is one with the same settings, is a story of its own, and none may end with a FAIL. A
        statement that no trusted key signed counts for nothing, neither for the image nor against it.

        Args:
            proofs: those that were found, in any order.

        Raises:
            ProofError: the image is not admitted; each reason has its own sentence, and the command that mends it.
        """
        if not proofs:
            raise ProofError(f"nothing proves that the paths of {self.image} agree", CHECK)
        stories = self._stories(self._about(self._trusted(proofs)))
        for story in stories.values():
            if story[0].statement.verdict == "FAIL":
                raise ProofError(f"the check of this image of {_when(story[0].statement)} says FAIL", MEND)
        story = stories.get(self.settings, []) if self.settings else max(stories.values(), key=_age, default=[])
        if not story:
            raise ProofError(OTHER_SETTINGS, CHECK)
        return self._best(story)

    def _trusted(self, proofs: Sequence[Envelope]) -> list[Admission]:
        """What trusted keys signed. Of an expired key, and of the future, only what speaks against the image counts."""
        trusted: list[Admission] = []
        against: list[ProofError] = []
        for proof in proofs:
            try:
                key = self._signer(proof)
                statement = proof.statement()
            except ProofError as error:
                against.append(error)
                continue
            problem = next(self._untimely(key, statement), None)
            if problem is None or statement.verdict != "PASS":
                trusted.append(Admission(statement, key.key.where or key.key.keyid))
            else:
                against.append(problem)
        if not trusted:
            raise against[0]
        return trusted

    def _signer(self, proof: Envelope) -> TrustedKey:
        signed_by = proof.signed_by([each.key for each in self.policy.keys])
        return next(each for each in self.policy.keys if each.key is signed_by)

    def _untimely(self, key: TrustedKey, statement: Statement) -> Iterator[ProofError]:
        if key.expires is not None and self.now.date() >= key.expires:
            yield ProofError(f"the key {key.key.where} has expired on {key.expires}", "sign with a key that counts")
        if statement.checked_at > self.now + AHEAD:
            when = _when(statement)
            yield ProofError(f"the proof is of the future, {when}: a clock is wrong", f"set the clock, then {AGAIN}")

    def _about(self, trusted: Sequence[Admission]) -> list[Admission]:
        """Those that are about this image, at this place."""
        about = [each for each in trusted if not self._mismatch(each.statement)]
        if not about:
            raise ProofError(self._mismatch(trusted[0].statement), PROMOTE if self.manifest else CHECK)
        return about

    def _mismatch(self, statement: Statement) -> str:
        """Why a statement is about something different; empty if it is not."""
        own, found, expected = statement.image, statement.manifest, self.manifest
        if own.digest != self.image:
            return f"the proof is of a different image, {own.digest} of {own.name}, not of {self.image}"
        if expected is None:
            return ""
        if found is None:
            return f"the proof speaks of an image on a laptop, and not of {expected.name}"
        if found.name != expected.name:
            return f"the proof is of {found.name}, and was found at {expected.name}"
        if found.digest != expected.digest:
            return f"the proof is of the manifest {found.digest}, not of {expected.digest}"
        return ""

    def _stories(self, about: Sequence[Admission]) -> dict[str, list[Admission]]:
        """The statements by the settings of their check, the newest first; of one moment, one that failed first."""
        stories: dict[str, list[Admission]] = {}
        for each in sorted(about, key=_age_of_one, reverse=True):
            stories.setdefault(each.statement.settings_digest, []).append(each)
        return stories

    def _best(self, story: Sequence[Admission]) -> Admission:
        """The newest that says enough, of those since the last that did not pass."""
        newest = story[0].statement
        if newest.verdict != "PASS":
            raise ProofError(f"the check of this image of {_when(newest)} could certify nothing", AGAIN)
        for each in story:
            if each.statement.verdict != "PASS":
                break
            if next(self._too_little(each.statement), None) is None:
                return each
        raise next(self._too_little(newest))

    def _too_little(self, statement: Statement) -> Iterator[ProofError]:
        """Why a statement that passed says less than the policy asks for."""
        policy, when = self.policy, _when(statement)
        if statement.level is None or statement.level < policy.level:
            earned = statement.level or "no level"
            message = f"the image has earned {earned}, and {policy.level} is asked for"
            yield ProofError(message, f"{AGAIN} --level {policy.level}")
        if not policy.checker.contains(statement.checker, prereleases=True):
            message = f"the check was made by pyml {statement.checker}, and the policy takes {policy.checker}"
            yield ProofError(message, f"pip install 'pyml-sandbox{policy.checker}', then {AGAIN}")
        if policy.max_age is not None and self.now - statement.checked_at > policy.max_age:
            days = policy.max_age / timedelta(days=1)
            yield ProofError(f"the check is of {when}, and may be {days:g} days old at most", AGAIN)


MEND = f"mend the model and upload it; if it was not the model's fault: {AGAIN}, with the same rows and settings"
OTHER_SETTINGS = "every check of this image had different rows or settings than pyml.toml names"


def _age_of_one(each: Admission) -> tuple[datetime, bool]:
    return each.statement.checked_at, each.statement.verdict != "PASS"


def _age(story: Sequence[Admission]) -> tuple[datetime, bool]:
    return _age_of_one(story[0])


def _when(statement: Statement) -> str:
    return f"{statement.checked_at:%Y-%m-%d %H:%M} UTC"
