"""The gate: one proof admits an image, and everything that is wrong with the proofs has its own sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import pytest
from packaging.specifiers import SpecifierSet

from pyml.errors import ProofError
from pyml_sandbox.promotion.gate import Admission, Gate
from pyml_sandbox.promotion.policy import Policy, TrustedKey
from pyml_sandbox.proof.check_statement import Statement, Subject
from pyml_sandbox.proof.envelope import Envelope
from pyml_sandbox.proof.signing_key import SigningKey
from support.proofs import FAILED, IMAGE, PASSED, key_in

NOW = PASSED.checked_at + timedelta(hours=1)
LATER, EARLIER = PASSED.checked_at + timedelta(minutes=1), PASSED.checked_at - timedelta(minutes=1)
ANOTHER = Subject("fare@0123456789ab", "sha256:" + "f" * 64)


@dataclass(frozen=True)
class Keys:
    """Who may sign, and who may not."""

    own: SigningKey
    stranger: SigningKey

    def sealed(self, *statements: Statement) -> list[Envelope]:
        return [Envelope.seal(statement, self.own) for statement in statements]

    @property
    def policy(self) -> Policy:
        return Policy.of_key(self.own.public)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys(key_in(tmp_path_factory.mktemp("own")), key_in(tmp_path_factory.mktemp("stranger")))


def admitted(image: str, proofs: Sequence[Envelope], policy: Policy, now: datetime, settings: str = "") -> Admission:
    return Gate(image, policy, now, settings=settings).admit(proofs)


def test_a_proof_that_passed_admits_its_image(keys: Keys) -> None:
    found = admitted(IMAGE, keys.sealed(PASSED), keys.policy, NOW)
    assert (found.statement, found.signed_by) == (PASSED, keys.own.where)


def test_the_newest_counts(keys: Keys) -> None:
    passed_again = replace(PASSED, checked_at=LATER, level="P4")
    failed_first = replace(FAILED, checked_at=EARLIER)
    proofs = keys.sealed(PASSED, passed_again, failed_first)
    assert admitted(IMAGE, proofs, keys.policy, NOW).statement == passed_again


def test_what_a_stranger_says_counts_for_nothing(keys: Keys) -> None:
    against = Envelope.seal(replace(FAILED, checked_at=LATER), keys.stranger)
    assert admitted(IMAGE, [against, *keys.sealed(PASSED)], keys.policy, NOW).statement == PASSED


OTHER = "sha256:" + "5" * 64
"""Digest of different settings."""


def test_a_lower_level_that_was_asked_later_takes_nothing_away(keys: Keys) -> None:
    proofs = keys.sealed(PASSED, replace(PASSED, level="P1", asked="P1", checked_at=LATER))
    assert admitted(IMAGE, proofs, replace(keys.policy, level="P3"), NOW).statement == PASSED


def test_a_pass_after_a_fail_with_the_same_settings_opens_the_gate_again(keys: Keys) -> None:
    again = replace(PASSED, checked_at=LATER, level="P3")
    proofs = keys.sealed(replace(PASSED, checked_at=EARLIER), FAILED, again)
    assert admitted(IMAGE, proofs, keys.policy, NOW).statement == again
    with pytest.raises(ProofError, match="the image has earned P3, and P4 is asked for"):
        admitted(IMAGE, proofs, replace(keys.policy, level="P4"), NOW)


def test_a_pass_with_different_settings_does_not_make_a_fail_good(keys: Keys) -> None:
    proofs = keys.sealed(FAILED, replace(PASSED, settings_digest=OTHER, checked_at=LATER))
    for settings in ("", FAILED.settings_digest, OTHER):
        with pytest.raises(ProofError, match="says FAIL"):
            admitted(IMAGE, proofs, keys.policy, NOW, settings)


def test_the_settings_of_the_model_must_have_been_checked(keys: Keys) -> None:
    proofs = keys.sealed(replace(PASSED, settings_digest=OTHER))
    assert admitted(IMAGE, proofs, keys.policy, NOW)
    with pytest.raises(ProofError, match="had different rows or settings"):
        admitted(IMAGE, proofs, keys.policy, NOW, PASSED.settings_digest)


def test_a_check_with_different_settings_that_could_certify_nothing_does_not_matter(keys: Keys) -> None:
    none = replace(FAILED, verdict="CANNOT-CERTIFY", settings_digest=OTHER, checked_at=LATER)
    assert admitted(IMAGE, keys.sealed(PASSED, none), keys.policy, NOW, PASSED.settings_digest).statement == PASSED


def test_of_the_future_only_what_speaks_against_the_image_counts(keys: Keys) -> None:
    ahead = NOW + timedelta(days=1)
    assert admitted(IMAGE, keys.sealed(PASSED, replace(PASSED, checked_at=ahead)), keys.policy, NOW).statement == PASSED
    with pytest.raises(ProofError, match="says FAIL"):
        admitted(IMAGE, keys.sealed(PASSED, replace(FAILED, checked_at=ahead)), keys.policy, NOW)


def test_of_a_key_that_has_expired_only_what_speaks_against_the_image_counts(keys: Keys) -> None:
    expired = TrustedKey(keys.stranger.public, date(2026, 11, 1))
    policy = replace(keys.policy, keys=(*keys.policy.keys, expired))
    for statement in (PASSED, FAILED):
        against = Envelope.seal(replace(statement, checked_at=LATER), keys.stranger)
        proofs = [against, *keys.sealed(PASSED)]
        if statement is PASSED:
            assert admitted(IMAGE, proofs, policy, NOW).signed_by == keys.own.where
        else:
            with pytest.raises(ProofError, match="says FAIL"):
                admitted(IMAGE, proofs, policy, NOW)


Proofs = Callable[[Keys], Sequence[Envelope]]
REFUSED: dict[str, tuple[Proofs, str]] = {
    "no proof": (lambda keys: [], "nothing proves that the paths of"),
    "an unsigned one": (lambda keys: [Envelope.seal(PASSED, None)], "the proof is not signed"),
    "one that a stranger signed": (lambda keys: [Envelope.seal(PASSED, keys.stranger)], "of no key that is trusted"),
    "one of a different image": (lambda keys: keys.sealed(replace(PASSED, image=ANOTHER)), "is of a different image"),
    "one that failed": (lambda keys: keys.sealed(FAILED), "says FAIL"),
    "one that failed after one that passed": (lambda keys: keys.sealed(PASSED, replace(FAILED, checked_at=LATER)), "says FAIL"),
    "one that failed beside one that passed": (lambda keys: keys.sealed(FAILED, PASSED), "says FAIL"),
    "one that could certify nothing": (lambda keys: keys.sealed(PASSED, replace(FAILED, verdict="CANNOT-CERTIFY", checked_at=LATER)), "could certify nothing"),
    "a passed one of a different image after a failed one": (lambda keys: keys.sealed(FAILED, replace(PASSED, image=ANOTHER, checked_at=LATER)), "says FAIL"),
    "one of tomorrow": (lambda keys: keys.sealed(replace(PASSED, checked_at=NOW + timedelta(days=1))), "the proof is of the future"),
    "a payload that was changed": (lambda keys: [replace(keys.sealed(PASSED)[0], payload=replace(PASSED, level="P1").to_json())], "or the proof was changed"),
    "one without a level": (lambda keys: keys.sealed(replace(PASSED, level=None)), "the image has earned no level, and P1 is asked for"),
}  # fmt: skip


@pytest.mark.parametrize(("proofs", "words"), REFUSED.values(), ids=REFUSED)
def test_everything_else_is_refused(proofs: Proofs, words: str, keys: Keys) -> None:
    with pytest.raises(ProofError) as refused:
        admitted(IMAGE, proofs(keys), keys.policy, NOW)
    assert words in refused.value.message


POLICIES: dict[str, tuple[Callable[[Policy], Policy], str]] = {
    "a higher level": (lambda policy: replace(policy, level="P5"), "the image has earned P4, and P5 is asked for"),
    "a newer checker": (lambda policy: replace(policy, checker=SpecifierSet(">=0.2")), "made by pyml 0.1.0, and the policy takes >=0.2"),
    "a newer check": (lambda policy: replace(policy, max_age=timedelta(minutes=59)), "may be 0.0409722 days old at most"),
    "a key that has expired": (lambda policy: replace(policy, keys=(TrustedKey(policy.keys[0].key, date(2026, 11, 30)),)), "has expired on 2026-11-30"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), POLICIES.values(), ids=POLICIES)
def test_a_policy_may_ask_for_more(change: Callable[[Policy], Policy], words: str, keys: Keys) -> None:
    proofs = keys.sealed(replace(PASSED, level="P4"))
    assert admitted(IMAGE, proofs, keys.policy, NOW)
    with pytest.raises(ProofError) as refused:
        admitted(IMAGE, proofs, change(keys.policy), NOW)
    assert words in refused.value.message


def test_a_policy_that_the_proof_meets_to_the_day_admits_it(keys: Keys) -> None:
    trusted = TrustedKey(keys.own.public, date(2026, 12, 1))
    exact = Policy((trusted,), "P5", SpecifierSet("==0.1.0"), timedelta(hours=1))
    assert admitted(IMAGE, keys.sealed(PASSED), exact, NOW)
