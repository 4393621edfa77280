"""`python -m pyml.gateway`: the gateway as a process."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence

from pyml.errors import PymlError
from pyml.gateway.gateway_options import GatewayOptions
from pyml.oip.grpc_polling import poll_in_place

log = logging.getLogger("pyml.gateway")


async def serve(options: GatewayOptions) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        SetupError: a port is in use.
    """
    from pyml.gateway.app import Gateway

    is_told_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, is_told_to_stop.set)
    gateway = Gateway(options)
    try:
        await gateway.start()
        gc.collect()
        gc.freeze()
        log.info("ready: gRPC on %s, REST on %s", options.grpc, options.rest or "no port")
        await is_told_to_stop.wait()
        log.info("stopping")
    finally:
        await gateway.stop()


def _write_requests_as_they_are() -> None:
    """The lines of requests are JSON, and have their own time."""
    requests = logging.getLogger("pyml.gateway.requests")
    requests.addHandler(logging.StreamHandler())
    requests.propagate = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the gateway and return its exit code. If it fails, the last line on stderr says why."""
    options = GatewayOptions.parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    _write_requests_as_they_are()
    poll_in_place(os.environ)
    try:
        asyncio.run(serve(options))
    except PymlError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
