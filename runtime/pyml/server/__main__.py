"""`python -m pyml.server`: the model server as a process."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

from pyml.errors import PymlError
from pyml.oip.grpc_polling import poll_in_place
from pyml.pinned_environment import PINNED
from pyml.server.server_options import ServerOptions

log = logging.getLogger("pyml.server")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server and return its exit code. If it fails, the last line on stderr says why."""
    options = ServerOptions.parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    _warn_of_loose_environment()
    poll_in_place(os.environ)
    from pyml.server.serve import serve

    try:
        os.chdir(options.package)
        serve(options)
    except OSError as error:
        print(f"cannot open the model package: {error}", file=sys.stderr)
        return 1
    except PymlError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _warn_of_loose_environment() -> None:
    loose = [f"{name}={value}" for name, value in PINNED.items() if os.environ.get(name) != value]
    if loose:
        log.warning("this environment differs from that of offline jobs; set %s", " ".join(loose))


if __name__ == "__main__":
    sys.exit(main())
