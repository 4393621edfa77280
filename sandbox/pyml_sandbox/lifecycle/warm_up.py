"""Runs Spark's first query in the background: after it the first job takes 2 s instead of 6 s.

Spark connects to the metastore and loads most of its code at its first query. `up` does not wait for that; it leaves a
small process behind that runs the query and exits.
"""

from __future__ import annotations

import sys

from pyml_sandbox.services.background_work import start_in_background
from pyml_sandbox.services.class_data.first_queries import run_first_queries
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import HOST


def start_warm_up(home: SandboxHome, port: int) -> None:
    """Start to warm up the Spark on 127.0.0.1:`port`, and return without waiting for it."""
    start_in_background(home, "warm-up", "pyml_sandbox.lifecycle.warm_up", str(port))


if __name__ == "__main__":
    run_first_queries(HOST, int(sys.argv[1]))
