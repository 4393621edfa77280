"""Made-up requests over gRPC and REST: an answer or a refusal of ours, never an error of ours, and nothing is left.

`PYML_FUZZ_INPUTS` says how many (`make fuzz` sets 5,000). An input that fails is kept in `tests/fuzz/found` and tried first
in the next run; it is mended with an explicit example beside the code at fault.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from fuzz.messages import INFER, WHOLE, changed, messages
from fuzz.subject import ALLOWED, GOOD_JSON, MODELS, Subject, fuzzed
from pyml.gateway.rest.rest_server import OPENAPI
from pyml.oip import messages as oip

INPUTS = int(os.environ.get("PYML_FUZZ_INPUTS", "200"))
EVERY = settings(
    deadline=None,
    database=DirectoryBasedExampleDatabase(Path(__file__).parent / "found"),
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
METHODS = {
    oip.SERVER_LIVE: oip.ServerLiveRequest,
    oip.SERVER_METADATA: oip.ServerMetadataRequest,
    oip.MODEL_READY: oip.ModelReadyRequest,
    oip.MODEL_METADATA: oip.ModelMetadataRequest,
    oip.MODEL_STATISTICS: oip.ModelStatisticsRequest,
    oip.REPOSITORY_INDEX: oip.RepositoryIndexRequest,
    f"/{oip.SERVICE}/ModelConfig": oip.ServerLiveRequest,
}
SMALL = st.sampled_from(sorted(METHODS)).flatmap(
    lambda method: st.tuples(
        st.just(method),
        st.one_of(messages(METHODS[method].DESCRIPTOR).map(WHOLE), st.binary(max_size=50)),  # type: ignore[attr-defined]
    )
)
PACKED: Mapping[str, Callable[[bytes], bytes]] = {"identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress}
SCHEMA = schemathesis.openapi.from_dict(json.loads(OPENAPI))
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)]
CASES = st.one_of(
    [
        operation.as_strategy(generation_mode=mode)
        for operation in OPERATIONS
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        if mode is GenerationMode.POSITIVE or operation.body or operation.path_parameters
    ]
)


@pytest.fixture(scope="module")
def subject() -> Iterator[Subject]:
    with fuzzed() as found:
        yield found


@settings(EVERY, max_examples=INPUTS * 2 // 5)
@given(data=INFER)
def test_any_bytes_as_a_request_over_grpc(subject: Subject, data: bytes) -> None:
    over_grpc(subject, oip.MODEL_INFER, data)


@settings(EVERY, max_examples=INPUTS // 10)
@given(asked=SMALL)
def test_any_bytes_to_any_method_over_grpc(subject: Subject, asked: tuple[str, bytes]) -> None:
    over_grpc(subject, *asked)


def over_grpc(subject: Subject, method: str, data: bytes) -> None:
    error = subject.grpc.channel.unary_unary(method).future(data, timeout=30).exception()
    if error is None:
        subject.note("answered")
        return
    reason = dict(error.trailing_metadata() or ()).get("pyml-reason")
    subject.note(f"refused: {reason}")
    assert reason in ALLOWED, (error.code(), error.details())
    assert error.code() not in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)


@settings(EVERY, max_examples=INPUTS * 2 // 5)
@given(case=CASES, model=st.sampled_from(MODELS), is_known=st.booleans())
def test_any_request_over_rest(subject: Subject, case: Case[Any], model: str, is_known: bool) -> None:
    if is_known and "model" in case.path_parameters:
        case.path_parameters = {**case.path_parameters, "model": model, "version": "1"}
    response = case.call(base_url=subject.rest, session=subject.http, timeout=30)
    if response.status_code < 400:
        case.validate_response(response, checks=[schemathesis.checks.response_schema_conformance])
    answered_or_refused(subject, response.status_code, response.headers, response.content)


@settings(EVERY, max_examples=INPUTS // 10)
@given(
    body=changed(GOOD_JSON),
    packed=st.sampled_from(sorted(PACKED)),
    json_size=st.none() | st.integers(-1, 200),
    data=st.data(),
)
def test_any_bytes_as_a_body_over_rest(
    subject: Subject, body: bytes, packed: str, json_size: int | None, data: st.DataObject
) -> None:
    headers = {} if json_size is None else {oip.JSON_SIZE_HEADER: str(json_size)}
    sent = PACKED[packed](body)
    if data.draw(st.integers(0, 3)) == 0:
        sent = data.draw(changed(sent))
    url = f"{subject.rest}/v2/models/tensor/infer"
    response = subject.http.post(url, sent, headers={**headers, "Content-Encoding": packed}, timeout=30)
    found = {name.lower(): [value] for name, value in response.headers.items()}
    answered_or_refused(subject, response.status_code, found, response.content)


def answered_or_refused(subject: Subject, status: int, headers: Mapping[str, Sequence[str]], content: bytes) -> None:
    if status < 400:
        subject.note("answered")
        return
    (reason,) = headers["pyml-reason"]
    subject.note(f"refused: {reason}")
    assert headers["content-type"] == ["application/json"]
    document = json.loads(content)
    assert (list(document), bool(document["error"])) == (["error"], True), content
    assert reason in ALLOWED, (status, content)
    assert status < 500 or reason == "down"
