"""The gate: one proof admits an image, and everything that is wrong with the proofs has its own sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
from packaging.specifiers import SpecifierSet

from pyml.errors import ProofError
from pyml_sandbox.promotion.gate import admitted
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
