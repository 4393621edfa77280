"""Pings with which gRPC's clients keep a connection alive."""

from __future__ import annotations

TOLERATE_PINGS = (
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_permit_without_calls", 1),
)
"""Options of a gRPC server that serves clients however often they ping.

By default a server closes the connection of a client that pings more often than every five minutes, so that a request
of more than a few seconds fails for a client with pings each second (UNAVAILABLE: Too many pings)."""
