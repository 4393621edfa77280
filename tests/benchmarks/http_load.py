"""A load generator for one HTTP address, in a process of its own: `http_load.py latency|throughput ADDRESS FILE TYPE …`.

It does over HTTP what `load.py` does over gRPC, and prints the same. TYPE is the content type of the request.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

WARM_UP = 50


def latency(address: str, request: bytes, content_type: str, number: int) -> list[float]:
    """Milliseconds of each of so many calls, one after another on one connection."""
    url = urlsplit(address)
    connection = HTTPConnection(url.netloc)
    taken = []
    for _ in range(WARM_UP + number):
        start = time.perf_counter()
        connection.request("POST", url.path, request, {"Content-Type": content_type})
        answer = connection.getresponse()
        body = answer.read()
        taken.append((time.perf_counter() - start) * 1e3)
        _expect_success(answer.status, body)
    connection.close()
    return taken[WARM_UP:]


async def throughput(address: str, request: bytes, content_type: str, in_flight: int, seconds: float) -> int:
    """How many calls are answered in so many seconds, with so many in flight."""
    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(connector=connector, headers={"Content-Type": content_type}) as session:

        async def call() -> None:
            async with session.post(address, data=request) as answer:
                _expect_success(answer.status, await answer.read())

        async def loop() -> int:
            done = 0
            while time.perf_counter() < end:
                await call()
                done += 1
            return done

        await call()
        end = time.perf_counter() + seconds
        return sum(await asyncio.gather(*(loop() for _ in range(in_flight))))


def _expect_success(status: int, body: bytes) -> None:
    if status != 200:
        raise SystemExit(f"status {status}: {body[:200]!r}")


def main(kind: str, address: str, path: str, content_type: str, *numbers: str) -> None:
    """Print what was measured, as JSON."""
    request = Path(path).read_bytes()
    if kind == "latency":
        print(json.dumps(latency(address, request, content_type, int(numbers[0]))))
    else:
        done = throughput(address, request, content_type, int(numbers[0]), float(numbers[1]))
        print(json.dumps(asyncio.run(done)))


if __name__ == "__main__":
    main(*sys.argv[1:])
