"""Statements: written as other readers read them, and read as strictly as they are written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement as OfInToto

from pyml.errors import ProofError
from pyml_sandbox.proof.check_statement import PREDICATE_TYPE, Statement, Subject, json_object
from support.proofs import FAILED, PASSED

DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format)
SUBJECTS = st.builds(Subject, st.text(min_size=1), DIGESTS)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda time: time.replace(tzinfo=UTC))
STATEMENTS = st.builds(
    replace,
    st.sampled_from([PASSED, FAILED, replace(FAILED, verdict="CANNOT-CERTIFY")]),
    image=SUBJECTS,
    manifest=st.none() | SUBJECTS,
    level=st.none() | st.sampled_from(["P1", "P5"]),
    rows=st.integers(0, 2**40),
    rows_digest=DIGESTS,
    platform=st.text(),
    checked_at=TIMES,
    passed=st.lists(st.text(), max_size=3).map(tuple),
)


@given(STATEMENTS)
def test_what_is_written_is_read_again(statement: Statement) -> None:
    assert Statement.from_json(statement.to_json()) == statement


@given(STATEMENTS)
def test_equal_statements_have_equal_bytes(statement: Statement) -> None:
    assert Statement.from_json(statement.to_json()).to_json() == statement.to_json()


@pytest.mark.parametrize(
    "statement", [PASSED, FAILED, replace(PASSED, manifest=Subject("host/models/fare", PASSED.rows_digest))]
)
def test_in_toto_reads_it(statement: Statement) -> None:
    document = json.loads(statement.to_json())
    read = json_format.ParseDict(document, statement_pb2.Statement())
    OfInToto.copy_from_pb(read).validate()
    result = json_format.ParseDict(document["predicate"], test_result_pb2.TestResult())
    assert (read.predicate_type, result.result) == (
        PREDICATE_TYPE,
        "PASSED" if statement.verdict == "PASS" else "FAILED",
    )
    assert [each.name for each in result.configuration] == ["rows", "settings", "report", "checker"]


def test_what_could_not_be_asked_is_no_pass() -> None:
    document = json.loads(replace(PASSED, verdict="CANNOT-CERTIFY").to_json())
    assert document["predicate"]["result"] == "FAILED"


Change = Callable[[dict[str, Any]], object]
CHANGES: dict[str, tuple[Change, str]] = {
    "a different statement": (lambda read: read.update(_type="https://in-toto.io/Statement/v0.1"), "expected a statement"),
    "a different predicate": (lambda read: read.update(predicateType="https://slsa.dev/provenance/v1"), "slsa.dev"),
    "no subject": (lambda read: read.update(subject=[]), "subject"),
    "three subjects": (lambda read: read.update(subject=read["subject"] * 3), "subject"),
    "a digest of a different kind": (lambda read: read["subject"][0].update(digest={"md5": "1"}), "subject.0.digest"),
    "a digest cut short": (lambda read: read["subject"][0].update(digest={"sha256": "1" * 63}), "subject.0.digest"),
    "an unknown field": (lambda read: read["predicate"].update(url="x"), "predicate.url"),
    "an unknown result": (lambda read: read["predicate"].update(result="WARNED"), "predicate.result"),
    "a result against its verdict": (lambda read: read["predicate"].update(result="FAILED"), "contradicts itself"),
    "no report": (lambda read: read["predicate"]["configuration"].pop(2), "predicate.configuration"),
    "parts exchanged": (lambda read: read["predicate"]["configuration"].reverse(), "predicate.configuration"),
    "a level that there is not": (lambda read: read["predicate"]["configuration"][2]["annotations"].update(level="P6"), "level"),
    "a time without a zone": (lambda read: read["predicate"]["configuration"][2]["annotations"].update(checkedAt="2026-11-30T04:05:06"), "checkedAt"),
    "rows that are no number": (lambda read: read["predicate"]["configuration"][0]["annotations"].update(count="many"), "count"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES)
def test_a_different_document_is_refused(change: Change, words: str) -> None:
    document = json.loads(PASSED.to_json())
    change(document)
    with pytest.raises(ProofError) as refused:
        Statement.from_json(json.dumps(document).encode())
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (PASSED.to_json()[:-9], "is not whole"),
        (b"[1]", "is not a JSON object"),
        (b"\xff", "is not whole"),
        (b'{"a":' * 100_000, "is not whole"),
        (PASSED.to_json().replace(b'"result":"PASSED"', b'"result":"FAILED","result":"PASSED"'), "names result twice"),
    ],
    ids=["cut off", "a list", "no text", "too deep", "a name twice"],
)
def test_what_two_readers_could_read_differently_is_refused(document: bytes, words: str) -> None:
    with pytest.raises(ProofError) as refused:
        Statement.from_json(document)
    assert words in str(refused.value)


def test_very_many_names_are_read_in_a_time_that_grows_with_them() -> None:
    """A verifier reads what strangers attach: were each name held against each other one, this would take hours."""
    document = json.dumps({str(number): 0 for number in range(400_000)}).encode()
    assert len(json_object(document, "the document")) == 400_000
