"""The real services while they are up: they listen on 127.0.0.1 alone, come back when killed, and are left alone."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from pyml.probes import NotReadyError
from pyml.probes.metastore_probe import MetastoreProbe
from pyml_sandbox.drivers.choice import driver_for
from pyml_sandbox.lifecycle import up_and_down
from pyml_sandbox.lifecycle.restart import restart
from pyml_sandbox.lifecycle.status import status
from pyml_sandbox.predict.spark_session import session
from pyml_sandbox.services import gateway_server
from pyml_sandbox.services.metastore import NAME as METASTORE
from pyml_sandbox.services.runner_contract import LiveService, ServiceRunner
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import HOST
from pyml_sandbox.workspace.state import require_state
from support.waiting import wait_for

pytestmark = pytest.mark.sandbox


@pytest.fixture
def runner(process_sandbox: SandboxHome) -> ServiceRunner:
    return driver_for(process_sandbox, require_state(process_sandbox)).runner


def live(runner: ServiceRunner) -> dict[str, LiveService]:
    return {service.name: service for service in runner.live()}


def test_nothing_listens_beyond_this_machine(runner: ServiceRunner) -> None:
    processes = [psutil.Process(service.pid) for service in runner.live() if service.pid is not None]
    assert len(processes) >= 3
    for process in processes:
        for each in (process, *process.children(recursive=True)):
            listening = {c.laddr[0] for c in each.net_connections("inet") if c.status == psutil.CONN_LISTEN}
            assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}, each.cmdline()


def test_every_service_answers_and_its_use_is_known(process_sandbox: SandboxHome) -> None:
    found = status(process_sandbox)
    assert found.is_up, found
    assert all(service.memory_bytes > 1_000_000 for service in found.services)
    assert found.data.size_bytes > 0


def test_up_again_leaves_every_process_alone(process_sandbox: SandboxHome, runner: ServiceRunner) -> None:
    before = {name: service.pid for name, service in live(runner).items()}
    up_and_down.up(process_sandbox)
    assert {name: service.pid for name, service in live(runner).items()} == before


@pytest.mark.each_driver
def test_one_service_is_restarted_and_no_other(sandbox: SandboxHome) -> None:
    runner = driver_for(sandbox, require_state(sandbox)).runner
    before = live(runner)
    assert restart(sandbox, "gate") == "gateway"
    after = live(runner)
    assert {name for name in before if before[name].pid != after[name].pid} == {"gateway"}
    gateway_server.gateway_endpoint(require_state(sandbox).ports).probe(10)


def test_a_killed_metastore_comes_back_and_its_tables_are_still_there(
    process_sandbox: SandboxHome, runner: ServiceRunner
) -> None:
    with session(process_sandbox) as spark:
        spark.sql("CREATE DATABASE IF NOT EXISTS survivors")
        spark.sql("CREATE OR REPLACE TEMPORARY VIEW three AS SELECT id FROM range(3)")
        spark.sql("DROP TABLE IF EXISTS survivors.t")
        spark.sql("CREATE TABLE survivors.t STORED AS PARQUET AS SELECT * FROM three")
        before = live(runner)[METASTORE]
        assert before.pid is not None
        os.kill(before.pid, signal.SIGKILL)
        wait_for(
            lambda: is_answering(process_sandbox) and live(runner)[METASTORE].pid != before.pid, "the metastore is back"
        )
        assert spark.sql("SELECT count(*) FROM survivors.t").collect()[0][0] == 3
    after = live(runner)[METASTORE]
    assert after.exits == before.exits + 1
    assert after.last_exit is not None
    assert "SIGKILL" in after.last_exit.reason


def is_answering(home: SandboxHome) -> bool:
    try:
        MetastoreProbe(HOST, require_state(home).ports.metastore)(1)
    except NotReadyError:
        return False
    return True


def test_a_service_that_is_up_but_stuck_is_reported_as_not_answering(
    process_sandbox: SandboxHome, runner: ServiceRunner
) -> None:
    pid = live(runner)[METASTORE].pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        (stuck,) = (service for service in status(process_sandbox).services if service.name == METASTORE)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert stuck.health == "not answering"
    assert "it is paused" in stuck.detail
    wait_for(lambda: is_answering(process_sandbox), "it answers again")
