"""Starts the metastore and Spark once, while the base image is built, so that Java writes archives of their classes.

    python archive_classes.py PLAN.json     # see drivers/container/images/class_plan.py

An image without archives is only slower: if it fails, it says why, and the build goes on.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from pyml.probes.metastore_probe import MetastoreProbe
from pyml.probes.spark_probe import SparkProbe
from pyml_sandbox.services.class_data.first_queries import run_first_queries
from pyml_sandbox.services.class_data.rehearsal import RehearsalError, Role, rehearse

HOST = "127.0.0.1"


def roles(plan: Mapping[str, object], folder: Path) -> list[Role]:
    """The services of a plan: commands and variables by name, and ports."""
    ports: Mapping[str, int] = plan["ports"]
    asks = {
        "metastore": [MetastoreProbe(HOST, ports["metastore"])],
        "spark": [SparkProbe(HOST, ports["spark"]), lambda _: run_first_queries(HOST, ports["spark"])],
    }
    return [Role(plan["commands"][name], plan["environments"][name], folder, asks[name]) for name in asks]


if __name__ == "__main__":
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    log = Path(plan["folder"]) / "log"
    log.parent.mkdir(parents=True)
    for file in plan["archives"]:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    try:
        rehearse(roles(plan, log.parent), log)
    except (OSError, RehearsalError) as error:
        print(f"no archives of classes, so services start later: {error}\n{log.read_text(errors='replace')[-4000:]}")
        for file in plan["archives"]:
            Path(file).unlink(missing_ok=True)
