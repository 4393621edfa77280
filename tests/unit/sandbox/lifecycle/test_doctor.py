"""What this machine must have: each check fails with a remedy, and the first failure stops `up`."""

from __future__ import annotations

import os
import shutil
import socket
from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from pyml.errors import SetupError
from pyml_sandbox.drivers.process import process_checks
from pyml_sandbox.lifecycle.doctor import examine, preflight
from pyml_sandbox.services import machine_check
from pyml_sandbox.services.machine_check import MachineContext, MachineFinding, MachineVerdict
from pyml_sandbox.services.spark_home import SparkHome
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import HOST, Ports
from pyml_sandbox.workspace.state import DataStamp


@pytest.fixture
def machine(tmp_path: Path) -> MachineContext:
    servers = [socket.create_server((HOST, 0)) for _ in range(4)]
    ports = Ports(*(server.getsockname()[1] for server in servers))
    for server in servers:
        server.close()
    return MachineContext(SandboxHome(tmp_path), ports, (), None, os.environ)


def changed(machine: MachineContext, **facts: object) -> MachineContext:
    return MachineContext(**{**vars(machine), **facts})


def test_a_machine_that_has_everything_passes_every_check(machine: MachineContext) -> None:
    findings = examine(machine)
    assert [finding.check for finding in findings] == list(process_checks.PROCESS_CHECKS)
    assert {finding.verdict for finding in findings} == {MachineVerdict.OK}, findings
    preflight(machine)


def test_data_of_the_same_versions_is_kept(machine: MachineContext) -> None:
    assert "kept" in machine_check.check_data(changed(machine, stamp=SparkHome.find().stamp))


@pytest.mark.parametrize(
    "stamp",
    [DataStamp(0, "2.3.10", "10.16.1.1"), DataStamp(1, "3.1.0", "10.16.1.1"), DataStamp(1, "2.3.10", "10.14.2.0")],
)
def test_data_of_other_versions_is_refused_in_one_sentence_with_the_reset_command(
    machine: MachineContext, stamp: DataStamp
) -> None:
    with pytest.raises(SetupError) as caught:
        machine_check.check_data(changed(machine, stamp=stamp))
    assert str(stamp) in caught.value.message
    assert caught.value.hint.startswith("pyml dev reset")


def test_too_little_memory_is_refused_unless_spark_runs_already(
    machine: MachineContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    Memory = namedtuple("Memory", "available")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(5e8))
    with pytest.raises(SetupError, match=r"500\.0 MB of memory is available; the sandbox needs 1\.5 GB"):
        process_checks.check_memory(machine)
    process_checks.check_memory(changed(machine, running={"spark"}))


def test_too_little_disk_is_refused(machine: MachineContext, monkeypatch: pytest.MonkeyPatch) -> None:
    Usage = namedtuple("Usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(1e6))
    with pytest.raises(SetupError, match=r"1\.0 MB of disk space is free") as caught:
        process_checks.check_disk(machine)
    assert "PYML_HOME" in caught.value.hint


@pytest.mark.parametrize("name", ["jo é", "o'd", 'q"q', "$x", "100%", "#1", "a,b", "(x)", "☃", "~"])
def test_a_folder_may_have_nearly_any_name(machine: MachineContext, name: str) -> None:
    process_checks.check_folder(changed(machine, home=SandboxHome(Path("/tmp") / name)))


@pytest.mark.parametrize("name", ["a\\b", "a[b", "a{b}", "a*", "a?", "a;b", "a:b", "a\nb", "a\udce9"])
def test_a_folder_that_hadoop_derby_or_java_misreads_is_refused(machine: MachineContext, name: str) -> None:
    with pytest.raises(SetupError, match="cannot use a folder with") as caught:
        process_checks.check_folder(changed(machine, home=SandboxHome(Path("/tmp") / name)))
    assert "PYML_HOME" in caught.value.hint


def test_a_folder_that_cannot_be_written_is_refused(machine: MachineContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # as root, and on a read-only disk
    with pytest.raises(SetupError, match="cannot be written"):
        process_checks.check_disk(machine)


def test_a_port_that_a_stranger_holds_is_refused_even_while_other_services_run(machine: MachineContext) -> None:
    with socket.create_server((HOST, machine.ports.rest)):
        with pytest.raises(SetupError, match="needs for rest"):
            machine_check.check_ports(changed(machine, running={"spark", "metastore"}))
        assert "rest" in machine_check.check_ports(changed(machine, running={"gateway"}))


def test_the_first_failing_check_stops_up_and_doctor_goes_on(machine: MachineContext) -> None:
    looked = []

    def fine(machine: MachineContext) -> str:
        looked.append("fine")
        return "all well"

    def broken(machine: MachineContext) -> str:
        raise SetupError("it is broken", "mend it")

    checks = {"first": fine, "second": broken, "third": fine}
    with pytest.raises(SetupError, match="it is broken"):
        preflight(machine, checks)
    assert looked == ["fine"]
    assert examine(machine, checks) == [
        MachineFinding("first", MachineVerdict.OK, "all well"),
        MachineFinding("second", MachineVerdict.FAILED, "it is broken", "mend it"),
        MachineFinding("third", MachineVerdict.OK, "all well"),
    ]
