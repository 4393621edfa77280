"""The names of a sandbox's services, as far as its files tell: nobody is asked."""

from __future__ import annotations

from pyml_sandbox.models.routes import load_routes
from pyml_sandbox.services import gateway_server, metastore, spark
from pyml_sandbox.services.model_server import service_name
from pyml_sandbox.workspace.home import SandboxHome
from pyml_sandbox.workspace.state import require_state


def known_services(home: SandboxHome) -> list[str]:
    """The services of every sandbox, and the first server of each deployed version.

    Raises:
        SandboxError: the sandbox has never been up.
        SetupError: its routes are damaged.
    """
    masters = [spark.MASTER] if require_state(home).driver == "container" else []
    servers = [service_name(model, version) for model, version in load_routes(home).deployed]
    return [metastore.NAME, *masters, spark.NAME, gateway_server.NAME, *servers]
