"""What `up` does, as a table: from what is wanted and what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyml.probes import NotListeningError
from pyml_sandbox.rollout.plan import in_order, plan_up
from pyml_sandbox.services.runner_contract import LiveService, ServiceState
from pyml_sandbox.services.spec import Endpoint, ServiceSpec


def never(timeout_s: float) -> None:
    raise NotListeningError("nowhere")


def spec(name: str, *after: str, command: str = "run") -> ServiceSpec:
    return ServiceSpec(Endpoint(name, "", never), (command,), Path("/"), depends_on=after)


def live(wanted: ServiceSpec, state: ServiceState = ServiceState.RUNNING) -> LiveService:
    return LiveService(wanted.name, state, wanted.digest, pid=1)


A, B = spec("a"), spec("b")
OTHER_A = spec("a", command="run differently")

CASES = {
    "nothing runs: everything starts": ([A, B], [], (), ("a", "b"), ()),
    "everything runs as wanted: nothing happens": ([A, B], [live(A), live(B)], (), (), ("a", "b")),
    "one is missing: it alone starts": ([A, B], [live(A)], (), ("b",), ("a",)),
    "one changed: it alone is replaced": ([OTHER_A, B], [live(A), live(B)], ("a",), ("a",), ("b",)),
    "one is not wanted any more: it stops": ([A], [live(A), live(B)], ("b",), (), ("a",)),
    "one failed: it is started anew": ([A], [live(A, ServiceState.FAILED)], ("a",), ("a",), ()),
    "one is stopping: that is finished first": ([A], [live(A, ServiceState.STOPPING)], ("a",), ("a",), ()),
    "one was stopped: it starts": ([A], [live(A, ServiceState.STOPPED)], (), ("a",), ()),
    "one was stopped and is not wanted: let it be": ([], [live(A, ServiceState.STOPPED)], (), (), ()),
}


@pytest.mark.parametrize(("wanted", "found", "stop", "start", "keep"), CASES.values(), ids=CASES)
def test_plan(
    wanted: list[ServiceSpec],
    found: list[LiveService],
    stop: tuple[str, ...],
    start: tuple[str, ...],
    keep: tuple[str, ...],
) -> None:
    plan = plan_up(wanted, found)
    assert plan.stop == stop
    assert tuple(each.name for each in plan.start) == start
    assert tuple(each.name for each in plan.keep) == keep


def test_services_start_after_those_they_depend_on() -> None:
    specs = [spec("model", "gateway"), spec("spark", "metastore"), spec("gateway"), spec("metastore")]
    order = [each.name for each in in_order(specs)]
    assert order.index("gateway") < order.index("model")
    assert order.index("metastore") < order.index("spark")


def test_a_dependency_outside_the_plan_does_not_count() -> None:
    assert [each.name for each in in_order([spec("model", "gateway")])] == ["model"]


@pytest.mark.parametrize(
    ("change", "matters"),
    [
        ({"command": ("other",)}, True),
        ({"environment": {"A": "1"}}, True),
        ({"working_directory": Path("/tmp")}, True),
        ({"note": "env 7c1e2b (reused)"}, False),
        ({"start_timeout_s": 1}, False),
        ({"stop_timeout_s": 1}, False),
    ],
)
def test_only_what_the_process_sees_changes_a_specs_digest(change: dict[str, object], matters: bool) -> None:
    facts: dict[str, object] = {"endpoint": A.endpoint, "command": A.command, "working_directory": A.working_directory}
    changed = ServiceSpec(**{**facts, **change})  # type: ignore[arg-type]
    assert (changed.digest != A.digest) is matters
