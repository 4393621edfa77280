"""The first queries of a Spark: it connects to the metastore and loads most of its code at them."""

from __future__ import annotations

import uuid

from pyml.probes.grpc_call import message
from pyml.probes.spark_probe import SERVICE, session_fields, sql_request

STATEMENTS = ("SHOW DATABASES", "SELECT id % 2, count(*) FROM range(10) GROUP BY 1")
QUERY_TIMEOUT_S = 120


def run_first_queries(host: str, port: int) -> None:
    """Run the statements one after the other, and give the session back. Blocks.

    Args:
        host: of the Connect server.
        port: of the Connect server.

    Raises:
        grpc.RpcError: the server refused one, or did not answer in time.
    """
    import grpc

    session_id = str(uuid.uuid4())
    with grpc.insecure_channel(f"{host}:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        execute = channel.unary_stream(f"{SERVICE}/ExecutePlan", None, None)
        for statement in STATEMENTS:
            for _ in execute(sql_request(session_id, statement), timeout=QUERY_TIMEOUT_S):
                pass
        release = channel.unary_unary(f"{SERVICE}/ReleaseSession", None, None)
        release(message(session_fields(session_id)), timeout=QUERY_TIMEOUT_S)
