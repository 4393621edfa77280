"""Runs Spark's first query in the background: after it the first job takes 2 s instead of 6 s.

Spark connects to the metastore and loads most of its code at its first query. `up` does not wait for that; it leaves a
small process behind that runs the query and exits. `down` ends it, too, by its process tags.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid

from pyml.probes.grpc_call import message
from pyml.probes.spark_probe import SERVICE, session_fields, sql_request
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.ports import HOST
from pyml_sandbox.workspace.process_tags import process_tags

STATEMENTS = ("SHOW DATABASES", "SELECT id % 2, count(*) FROM range(10) GROUP BY 1")
START_TIMEOUT_S = 10
QUERY_TIMEOUT_S = 120


def start_warm_up(home: SandboxHome, port: int) -> None:
    """Start to warm up the Spark on 127.0.0.1:`port`, and return without waiting for it."""
    subprocess.run(
        [sys.executable, "-P", "-m", "pyml_sandbox.lifecycle.warm_up", str(port)],
        env={**os.environ, **process_tags(str(home.folder), "warm-up")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        timeout=START_TIMEOUT_S,
        check=False,  # a Spark that stays cold is only slower
    )


def warm_up(port: int) -> None:
    """Run the statements one after the other, and give the session back."""
    import grpc

    session_id = str(uuid.uuid4())
    with grpc.insecure_channel(f"{HOST}:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        execute = channel.unary_stream(f"{SERVICE}/ExecutePlan", None, None)
        for statement in STATEMENTS:
            for _ in execute(sql_request(session_id, statement), timeout=QUERY_TIMEOUT_S):
                pass
        release = channel.unary_unary(f"{SERVICE}/ReleaseSession", None, None)
        release(message(session_fields(session_id)), timeout=QUERY_TIMEOUT_S)


if __name__ == "__main__":
    if os.fork():
        os._exit(0)  # whoever started this does not have to wait, nor to reap it
    warm_up(int(sys.argv[1]))
