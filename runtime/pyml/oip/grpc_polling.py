"""How gRPC waits for its sockets."""

from __future__ import annotations

from collections.abc import MutableMapping


def poll_in_place(environment: MutableMapping[str, str]) -> None:
    """Let the threads that wait for gRPC poll its sockets; to be called before `grpc` is imported.

    By default newer versions of gRPC poll on threads of their own, so that every event changes threads once more.
    Measured with grpcio 1.85, one row through gateway and socket: 1.47 ms without them, 1.61 ms with them, and a sixth
    less CPU in the gateway. Versions that do not know these names say so in the log and go on.

    Args:
        environment: of this process; what the user has set stays.
    """
    environment.setdefault("GRPC_EXPERIMENTS", "-event_engine_client,-event_engine_listener")
