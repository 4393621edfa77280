"""A sandbox that a test file has for itself, run as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from pyml_sandbox.predict.spark_session import session
from pyml_sandbox.workspace.home import SandboxHome
from support.free_ports import free_ports

PORT_OPTIONS = ("--gateway-port", "--rest-port", "--metastore-port", "--spark-port")
# Ctrl-C and SIGHUP count, even where the tests run in the background of a shell or under nohup, which have them ignored.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
import pyml_cli
pyml_cli.main()
"""
COMMAND = [sys.executable, "-c", PROGRAM]


@dataclass(frozen=True)
class OwnSandbox:
    """A sandbox of a test file's own, and the command line that runs it."""

    home: SandboxHome
    environ: Mapping[str, str]

    def pyml(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        command = [*COMMAND, *arguments]
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False, timeout=200)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command."""
        pipe = subprocess.PIPE
        return subprocess.Popen([*COMMAND, *arguments], env=self.environ, stdout=pipe, stderr=pipe, text=True)

    def up(self, *arguments: str) -> None:
        """Bring it up, or fail with its words."""
        done = self.pyml("dev", "up", *arguments)
        assert done.returncode == 0, done.stderr

    def services(self) -> dict[str, dict[str, object]]:
        """What `pyml dev status` says about each service."""
        answer = json.loads(self.pyml("dev", "status", "--json").stdout)
        return {service["name"]: service for service in answer["services"]}

    def pids(self) -> dict[str, object]:
        """Process by service."""
        return {name: service["pid"] for name, service in self.services().items()}


def free_port_options() -> list[str]:
    """Options of `up` that give every service a port that is free now."""
    ports = zip(PORT_OPTIONS, map(str, free_ports(4)), strict=True)
    return [word for pair in ports for word in pair]


def count(home: SandboxHome, table: str) -> int:
    """The rows of a Hive table."""
    with session(home) as spark:
        return int(spark.sql(f"SELECT count(*) FROM {table}").collect()[0][0])
