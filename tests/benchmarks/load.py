"""A load generator for one gRPC method, in a process of its own: `load.py latency|throughput ADDRESS REQUEST_FILE …`.

It imports nothing but gRPC, and each kind of load gets a fresh process: once `grpc.aio` has run, its thread slows
blocking calls in the same process by a third.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import grpc

METHOD = "/inference.GRPCInferenceService/ModelInfer"
OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1))
WARM_UP = 50


def latency(address: str, request: bytes, number: int) -> list[float]:
    """Milliseconds of each of so many calls, one after another."""
    with grpc.insecure_channel(address, options=OPTIONS) as channel:
        infer = channel.unary_unary(METHOD)
        taken = []
        for _ in range(WARM_UP + number):
            start = time.perf_counter()
            infer(request)
            taken.append((time.perf_counter() - start) * 1e3)
        return taken[WARM_UP:]


async def throughput(address: str, request: bytes, in_flight: int, seconds: float) -> int:
    """How many calls are answered in so many seconds, with so many in flight."""
    async with grpc.aio.insecure_channel(address, options=OPTIONS) as channel:
        infer = channel.unary_unary(METHOD)
        await infer(request)
        end, done = time.perf_counter() + seconds, 0

        async def loop() -> None:
            nonlocal done
            while time.perf_counter() < end:
                await infer(request)
                done += 1

        await asyncio.gather(*(loop() for _ in range(in_flight)))
        return done


def main(kind: str, address: str, path: str, *numbers: str) -> None:
    """Print what was measured, as JSON."""
    request = Path(path).read_bytes()
    if kind == "latency":
        print(json.dumps(latency(address, request, int(numbers[0]))))
    else:
        print(asyncio.run(throughput(address, request, int(numbers[0]), float(numbers[1]))))


if __name__ == "__main__":
    main(*sys.argv[1:])
