"""A second Docker engine for tests that stop, restart or fill one: the machine's own goes on undisturbed."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from pyml.errors import SetupError
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, find_engine
from support.waiting import wait_for


@dataclass
class OwnEngine:
    """A dockerd of a test's own.

    Attributes:
        root: its images, containers and volumes.
        folder: everything else of it; short, since its socket's path must be.
    """

    root: Path
    folder: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        return f"unix://{self.folder}/docker.sock"

    def start(self) -> Engine:
        """Start it, and wait until it answers."""
        program = shutil.which("dockerd")
        if program is None or os.getuid() != 0:
            raise SetupError("A second engine needs dockerd, and root.", "apt-get install docker.io")
        options = [
            *("--host", self.host),
            *("--data-root", str(self.root)),
            *("--exec-root", str(self.folder / "exec")),
            *("--pidfile", str(self.folder / "pid")),
            *("--iptables=false", "--ip6tables=false"),
            *("--log-level", "error", "--shutdown-timeout", "2"),
        ]
        with (self.folder / "log").open("ab") as log:
            # In a network of its own: two engines in one would take each other's bridge away.
            command = ["unshare", "--net", program, *options]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        wait_for(self._answers, f"dockerd answers; its log is {self.folder}/log")
        return self.engine()

    def engine(self) -> Engine:
        """It, as the sandbox finds it."""
        return find_engine({**os.environ, "DOCKER_HOST": self.host})

    def stop(self) -> None:
        """Stop it as a reboot does: its containers end, and nothing answers any more."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)
            self._process = None

    def clean_up(self) -> None:
        """Take away what it mounted."""
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in reversed([mount for mount in mounts if Path(mount).is_relative_to(self.folder)]):
            subprocess.run(["umount", "--lazy", mount], check=False)

    def _answers(self) -> bool:
        try:
            self.engine()
        except SetupError:
            return False
        return True


def copy_image(source: Engine, image: str, target: Engine) -> str:
    """Put an image of one engine into another; gives back its id there."""
    stream = io.BytesIO(b"".join(source.client.images.get(image).save()))
    return str(target.client.images.load(stream)[0].id)
