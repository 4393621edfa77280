"""The laptop side of pyml: services, drivers, registry, parity."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyml.package.model_package import ModelPackage
    from pyml_sandbox.client import Client

__all__ = ["Client", "ModelPackage"]


def __getattr__(name: str) -> object:
    """Load what is public only when it is asked for: `import pyml_sandbox` stays cheap."""
    if name == "Client":
        from pyml_sandbox.client import Client

        return Client
    if name == "ModelPackage":
        from pyml.package.model_package import ModelPackage

        return ModelPackage
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
