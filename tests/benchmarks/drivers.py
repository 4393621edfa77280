"""What a container costs a request: one row through gateway and socket, in both drivers, taking turns.

    python tests/benchmarks/drivers.py            # prints a Markdown table; takes two minutes

Both sandboxes are this run's own. Read the ratio: load from elsewhere moves both.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import pandas as pd

from pyml.package.model_package import ModelPackage
from pyml_sandbox.client import Client
from pyml_sandbox.lifecycle import up_and_down
from pyml_sandbox.models.registry import find_version
from pyml_sandbox.predict.online import OnlineModel
from pyml_sandbox.predict.user_rows import batch_of
from pyml_sandbox.workspace.home import SandboxHome
from support.free_ports import free_port_choices
from support.packages import write_package

BLOCKS = 30
REQUESTS = 100
DRIVERS = ("process", "container")


def main() -> None:
    """Measure, and print a Markdown table."""
    times: dict[str, list[float]] = {driver: [] for driver in DRIVERS}
    with ExitStack() as stack:
        models = {driver: stack.enter_context(served(driver)) for driver in DRIVERS}
        for _ in range(BLOCKS):
            for driver, model in models.items():
                times[driver] += block(model)
    print("| driver | p50 ms | p99 ms |\n|---|--:|--:|")
    for driver, taken in times.items():
        p99 = statistics.quantiles(taken, n=100)[98]
        print(f"| {driver} | {statistics.median(taken):.2f} | {p99:.2f} |")
    ratio = statistics.median(times["container"]) / statistics.median(times["process"])
    print(f"\ncontainer / process, p50: {ratio:.2f}")


@contextmanager
def served(driver: str) -> Iterator[OnlineModel]:
    """A model that gives back its row, behind the gateway of a sandbox."""
    with tempfile.TemporaryDirectory() as folder:
        home = SandboxHome(Path(folder), f"bench-{driver}")
        try:
            up_and_down.up(home, up_and_down.Options(driver, free_port_choices()))
            client = Client(home)
            model_id = client.upload_model(ModelPackage(write_package(Path(folder) / "echo")))
            client.deploy_model(model_id)
            with client.online(find_version(home, model_id)) as model:
                yield model
        finally:
            up_and_down.reset(home)


def block(model: OnlineModel) -> list[float]:
    """Milliseconds of each of a hundred requests, one after the other."""
    row = batch_of(pd.DataFrame({"a": [1.5]}), model.signature)
    taken = []
    for _ in range(REQUESTS):
        start = time.perf_counter()
        list(model.predict([row]))
        taken.append((time.perf_counter() - start) * 1000)
    return taken


if __name__ == "__main__":
    main()
