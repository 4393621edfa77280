"""Which server a request goes to, and what is said where there is none."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import grpc
import pytest

from pyml.gateway.grpc_server import asked_model
from pyml.gateway.replica import Replica
from pyml.gateway.routes_file import Route, Routes, RoutesFile
from pyml.oip import messages as oip
from pyml.oip.rpc_status import RpcFailureError


def routes_text(**models: list[str]) -> str:
    """Routes of models to their versions, the first of each the default."""
    entries = {
        name: {
            "default": versions[0],
            "versions": {
                version: {"replicas": [asdict(replica_of(name, version))], "on_request": False} for version in versions
            },
        }
        for name, versions in models.items()
    }
    return json.dumps({"version": 2, "models": entries})


def replica_of(name: str, version: str) -> Replica:
    return Replica(f"/s/{name}-{version}", f"model-{name}-{version}")


ROUTES = Routes.parse(routes_text(fare=["2", "1"], delay=["7"]))


@pytest.mark.parametrize(("version", "found"), [("", "2"), ("1", "1"), ("2", "2")])
def test_a_request_goes_to_its_version_or_to_the_default(version: str, found: str) -> None:
    assert ROUTES.find("fare", version) == Route("fare", found, (replica_of("fare", found),))


@pytest.mark.parametrize(
    ("model", "version", "words"),
    [
        (
            "fair",
            "",
            ["model 'fair' is not deployed", "deployed: delay, fare", "did you mean fare? If not:   pyml deploy fair"],
        ),
        ("fair", "7", ["model 'fair' is not deployed", "did you mean fare?", "pyml deploy fair@7"]),
        ("zzz", "3f2a", ["model 'zzz' is not deployed", "pyml deploy zzz@3f2a"]),
        ("z; rm x", "1", ["pyml deploy 'z; rm x@1'"]),
        ("zzz", "", ["model 'zzz' is not deployed", "deployed: delay, fare", "pyml deploy zzz"]),
        ("", "", ["model '' is not deployed"]),
        ("fare", "9", ["version '9' of model fare is not deployed", "deployed: 2, 1", "pyml deploy fare@9"]),
    ],
)
def test_an_unknown_model_or_version_is_answered_with_what_there_is(model: str, version: str, words: list[str]) -> None:
    with pytest.raises(RpcFailureError) as caught:
        ROUTES.find(model, version)
    assert caught.value.failure.status is grpc.StatusCode.NOT_FOUND
    assert all(word in caught.value.failure.text for word in words)


def test_where_nothing_is_deployed_it_says_so() -> None:
    with pytest.raises(RpcFailureError, match="nothing is deployed"):
        Routes().find("fare")


def test_the_file_is_read_again_when_it_changes_and_only_then(tmp_path: Path) -> None:
    path = tmp_path / "routes.json"
    now = [0.0]
    file = RoutesFile(path, lambda: now[0])
    assert file.current().models == {}
    replace(path, routes_text(fare=["1"]))
    first = file.current()
    assert first.find("fare").version == "1"
    assert file.current() is first
    replace(path, routes_text(fare=["2"]))  # as many bytes as before
    assert file.current().find("fare").version == "2"
    path.unlink()
    assert file.current().find("fare").version == "2"
    now[0] = 1
    assert file.current().models == {}


def test_a_file_that_is_copied_in_place_is_never_missed_and_never_complained_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "routes.json"
    now = [0.0]
    file = RoutesFile(path, lambda: now[0])
    replace(path, routes_text(fare=["1"]))
    before = file.current()
    for at in range(5):  # as Docker does it: removed, made anew, filled
        now[0] += 60
        path.unlink()
        assert file.current() is before
        path.touch()
        assert file.current() is before
        now[0] += 0.1
        path.write_text(routes_text(fare=[f"{at}"])[:20])
        assert file.current() is before
        path.write_text(routes_text(fare=[f"{at}"]))
        before = file.current()
        assert before.find("fare").version == f"{at}"
    assert not caplog.records


NO_REPLICAS = (
    '{"version": 2, "models": {"fare": {"default": "1", "versions": {"1": {"replicas": [], "on_request": false}}}}}'
)
NO_ROUTES = [
    ("{", "JSONDecodeError"),
    ("[]", "TypeError"),
    ("{}", "version"),
    ('{"version": 1, "models": {}}', "the file has format 1, this gateway reads format 2"),
    ('{"version": 3, "models": {}}', "the file has format 3, this gateway reads format 2"),
    ('{"version": 2, "models": {"fare": {}}}', "versions"),
    ('{"version": 2, "models": []}', "AttributeError"),
    ('{"version": 2, "models": {"fare": 1}}', "TypeError"),
    (NO_REPLICAS, "model fare@1 has no replica"),
    (NO_REPLICAS.replace("false", '"no"').replace("[]", '[{"socket": "/s", "service": "m"}]'), "on_request is 'no'"),
    ("\xff", "UnicodeDecodeError"),
]


@pytest.mark.parametrize(("text", "words"), NO_ROUTES)
def test_a_file_that_cannot_be_read_leaves_the_routes_and_says_so_once(
    tmp_path: Path, text: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "routes.json"
    now = [0.0]
    file = RoutesFile(path, lambda: now[0])
    replace(path, routes_text(fare=["1"]))
    before = file.current()
    path.write_bytes(text.encode("latin-1"))
    for _ in range(3):
        assert file.current() is before
        now[0] += 1
    assert len(caplog.records) == 1
    assert "the routes stay unchanged" in caplog.text
    assert words in caplog.text


def replace(path: Path, text: str) -> None:
    staged = path.with_suffix(".new")
    staged.write_text(text)
    staged.replace(path)


@pytest.mark.parametrize(
    "request_of",
    [
        lambda: oip.ModelInferRequest(model_name="fare", model_version="1", id="x", raw_input_contents=[b"\xff" * 99]),
        lambda: oip.ModelReadyRequest(name="fare", version="1"),
        lambda: oip.ModelMetadataRequest(name="fare", version="1"),
    ],
)
def test_the_model_asked_for_is_read_from_every_request_alike(request_of: object) -> None:
    assert callable(request_of)
    assert asked_model(request_of().SerializeToString()) == ("fare", "1")


@pytest.mark.parametrize("noise", [b"\xff\xff", b"\x0a\x7fshort", b"\x0a\x02\xff\xfe"])
def test_bytes_that_are_no_message_are_an_error_of_the_caller(noise: bytes) -> None:
    with pytest.raises(RpcFailureError) as caught:
        asked_model(noise)
    assert caught.value.failure.status is grpc.StatusCode.INVALID_ARGUMENT
