"""Envelopes: signed by one key, read by other libraries, refused if anything in them was changed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from securesystemslib.dsse import Envelope as OfSecureSystems

from pyml.errors import ProofError
from pyml_sandbox.proof.envelope import MOST_BYTES, Envelope
from pyml_sandbox.proof.signing_key import SigningKey
from support.proofs import FAILED, PASSED, key_in


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return key_in(tmp_path_factory.mktemp("key"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return key_in(tmp_path_factory.mktemp("stranger"))


def read_again(envelope: Envelope) -> Envelope:
    return Envelope.from_json(envelope.to_json().encode())


def test_who_signed_is_found_among_those_that_are_trusted(key: SigningKey, stranger: SigningKey) -> None:
    envelope = read_again(Envelope.seal(PASSED, key))
    assert envelope.statement() == PASSED
    assert envelope.signed_by([stranger.public, key.public]).keyid == key.public.keyid


def test_securesystemslib_reads_and_verifies_it(key: SigningKey) -> None:
    envelope = OfSecureSystems.from_dict(json.loads(Envelope.seal(PASSED, key).to_json()))
    assert envelope.verify([key.public.key], 1) == {key.public.keyid: key.public.key}


def test_one_without_an_id_of_its_key_is_read_as_cosign_writes_it(key: SigningKey) -> None:
    document = json.loads(Envelope.seal(PASSED, key).to_json())
    document["signatures"][0]["keyid"] = ""
    assert Envelope.from_json(json.dumps(document).encode()).signed_by([key.public]) == key.public


def test_without_a_key_it_is_unsigned(key: SigningKey) -> None:
    envelope = read_again(Envelope.seal(PASSED, None))
    assert envelope.statement() == PASSED
    with pytest.raises(ProofError, match="the proof is not signed"):
        envelope.signed_by([key.public])


@pytest.mark.parametrize("nobody", [True, False], ids=["nobody is trusted", "a different key is"])
def test_a_key_that_is_not_trusted_does_not_count(nobody: bool, key: SigningKey, stranger: SigningKey) -> None:
    with pytest.raises(ProofError, match="of no key that is trusted"):
        Envelope.seal(PASSED, key).signed_by([] if nobody else [stranger.public])


def test_one_bad_signature_beside_a_good_one_is_refused(key: SigningKey, stranger: SigningKey) -> None:
    good, bad = Envelope.seal(PASSED, key), Envelope.seal(PASSED, stranger)
    both = replace(good, signatures=(*good.signatures, *bad.signatures), keyids=(*good.keyids, *bad.keyids))
    with pytest.raises(ProofError, match="signature 2 of 2 is of no key that is trusted"):
        both.signed_by([key.public])
    assert both.signed_by([key.public, stranger.public]) == key.public


def test_the_payload_of_one_does_not_go_with_the_signature_of_a_different_one(key: SigningKey) -> None:
    mixed = replace(Envelope.seal(FAILED, key), payload=PASSED.to_json())
    with pytest.raises(ProofError, match="or the proof was changed"):
        mixed.signed_by([key.public])


def test_no_changed_byte_passes(key: SigningKey) -> None:
    envelope = Envelope.seal(PASSED, key)
    for place in range(0, len(envelope.payload), 7):
        changed = bytearray(envelope.payload)
        changed[place] ^= 1
        with pytest.raises(ProofError):
            replace(envelope, payload=bytes(changed)).signed_by([key.public])


Change = Callable[[dict[str, Any]], object]
CHANGES: dict[str, tuple[Change, str]] = {
    "a different type": (lambda read: read.update(payloadType="application/json"), "found 'application/json'"),
    "no payload": (lambda read: read.pop("payload"), "payload"),
    "no base64": (lambda read: read.update(payload="!" + read["payload"]), "is not whole"),
    "base64 cut off": (lambda read: read.update(payload=read["payload"][:-3]), "is not whole"),
    "a field more": (lambda read: read.update(more=1), "more"),
    "signatures that are none": (lambda read: read.update(signatures=["x"]), "signatures.0"),
}


@pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES)
def test_a_different_document_is_refused(change: Change, words: str, key: SigningKey) -> None:
    document = json.loads(Envelope.seal(PASSED, key).to_json())
    change(document)
    with pytest.raises(ProofError) as refused:
        Envelope.from_json(json.dumps(document).encode())
    assert words in str(refused.value)


def test_one_that_is_cut_off_is_refused(key: SigningKey) -> None:
    document = Envelope.seal(PASSED, key).to_json().encode()
    for end in range(0, len(document) - 1, 11):
        with pytest.raises(ProofError):
            Envelope.from_json(document[:end])


def test_names_that_stand_twice_are_refused(key: SigningKey) -> None:
    document = Envelope.seal(PASSED, key).to_json().replace('"payload":', '"payload": "", "payload":', 1)
    with pytest.raises(ProofError, match="names payload twice"):
        Envelope.from_json(document.encode())


def test_one_that_is_too_large_is_not_read() -> None:
    with pytest.raises(ProofError, match="at most 4,194,304 are read"):
        Envelope.from_json(b" " * (MOST_BYTES + 1))


def test_a_payload_that_is_no_statement_is_refused(key: SigningKey) -> None:
    document = {
        "payload": base64.b64encode(b"{}").decode(),
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [],
    }
    with pytest.raises(ProofError, match="expected a statement"):
        Envelope.from_json(json.dumps(document).encode()).statement()
