"""Notices that a running server can no longer be reached, and ends it, so that it is started again."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

from pyml.server.sockets import ServiceSocket, is_listened_to

log = logging.getLogger("pyml.server")

EVERY_S = 5.0
TRIES = 3
"""So many times in a row nobody may listen; a link that is being replaced is not there for a moment."""


def watch(endpoint: ServiceSocket) -> None:
    """Look at a server's socket from a thread of its own, for as long as the process lives.

    A model that closes files that are not its own, or a program that cleans up temporary folders, takes a server from
    its callers without ending it. Whether `predict` ends is not looked at: a slow model is none that hangs.

    Args:
        endpoint: the socket and its link.
    """
    pause = threading.Event()  # never set: it only waits
    arguments = (lambda: is_listened_to(endpoint.link), lambda: pause.wait(EVERY_S), lambda: os._exit(1))
    threading.Thread(target=watch_until, args=arguments, name="watch", daemon=True).start()


def watch_until(is_reached: Callable[[], bool], pause: Callable[[], object], give_up: Callable[[], object]) -> None:
    """Give up once nobody has listened `TRIES` times in a row.

    Args:
        is_reached: whether the server is reached.
        pause: waits before each look.
        give_up: ends the server.
    """
    missed = 0
    while missed < TRIES:
        pause()
        missed = 0 if is_reached() else missed + 1
    log.error("nothing listens on the socket of this server any more; it ends, to be started again")
    give_up()
