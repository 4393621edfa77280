"""The real services: they answer, keep data, listen on 127.0.0.1 alone, and come back when they are killed."""

from __future__ import annotations

import psutil
import pytest

from pyml_sandbox.drivers.choice import driver_for
from pyml_sandbox.home import SandboxHome
from pyml_sandbox.state import require_state

pytestmark = pytest.mark.sandbox


def test_nothing_listens_beyond_this_machine(sandbox: SandboxHome) -> None:
    driver = driver_for(sandbox, require_state(sandbox))
    for service in driver.live():
        assert service.pid is not None
        process = psutil.Process(service.pid)
        for each in (process, *process.children(recursive=True)):
            listening = {c.laddr[0] for c in each.net_connections("inet") if c.status == psutil.CONN_LISTEN}
            assert listening <= {"127.0.0.1", "::ffff:127.0.0.1"}, service.name
