"""`python -m pyml.probes KIND HOST:PORT…`: ask once; exit code 0 when it answered, else 1 and the reason."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from pyml.probes import NotReadyError
from pyml.probes.gateway_probe import GatewayProbe
from pyml.probes.metastore_probe import MetastoreProbe
from pyml.probes.spark_probe import SparkDriverProbe, SparkIdleProbe, SparkProbe, StandaloneProbe

TIMEOUT_S = 5.0
KINDS: dict[str, Callable[..., Callable[[float], None]]] = {
    "metastore": MetastoreProbe,
    "spark": SparkProbe,
    "standalone": StandaloneProbe,
    "spark-driver": SparkDriverProbe,
    "spark-idle": SparkIdleProbe,
    "gateway": GatewayProbe,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask the service that the arguments name; its exit code. A driver's address is followed by its master's."""
    kind, *addresses = sys.argv[1:] if arguments is None else arguments
    parts = [address.rpartition(":") for address in addresses]
    try:
        KINDS[kind](*(word for host, _, port in parts for word in (host, int(port))))(TIMEOUT_S)
    except NotReadyError as error:
        print(error.message)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
