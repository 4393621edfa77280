"""`pyml init`, `validate`, `upload` and `deploy`: a model package on its way into the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyml_cli.options import ModelDir, ModelId, Sandbox
from pyml_cli.output import AsJson, choose_output, progress

if TYPE_CHECKING:
    from pyml_sandbox.events import JSON


def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make; its name becomes the model's.")],
    kind: Annotated[str, typer.Option(help="frame (DataFrameModel) or tensor (TensorModel).")] = "frame",
    json: AsJson = False,
) -> None:
    """Write a model package that passes its own parity check, to start from."""
    from pyml_sandbox.template import create

    written = create(folder, kind)
    choose_output(json).result(InitView(folder, tuple(written)))


def validate(folder: ModelDir = Path(), json: AsJson = False) -> None:
    """Say everything that is wrong with a model package, and load it in its own environment."""
    from pyml.package import ModelPackage
    from pyml_sandbox import registry
    from pyml_sandbox.home import SandboxHome

    with progress() as on_event:
        contract = registry.check(SandboxHome.find(), ModelPackage(folder), on_event)
    choose_output(json).result(ContractView(contract.kind, contract.inputs.ddl, contract.outputs.ddl))


def upload(
    folder: ModelDir = Path(),
    wheels: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder of wheels instead of any index.")
    ] = None,
    ca_bundle: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Certificates to trust while building, PEM.")
    ] = None,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Keep a model package as a version of the model, in containers as an image; prints its id."""
    from pyml.package import ModelPackage
    from pyml_sandbox.client import Client

    with progress() as on_event:
        package = ModelPackage(folder)
        model_id = Client(sandbox).upload_model(package, on_event, wheels=wheels, ca_bundle=ca_bundle)
    choose_output(json).result(ModelIdView(model_id))


def deploy(model_id: ModelId, sandbox: Sandbox = None, json: AsJson = False) -> None:
    """Start a version's server and route the model's name to it."""
    from pyml_sandbox import registry
    from pyml_sandbox.client import Client

    client = Client(sandbox)
    version = registry.find_version(client.home, model_id)
    with progress() as on_event:
        client.deploy_model(version.model_id, on_event)
    choose_output(json).result(ModelIdView(version.model_id))


@dataclass(frozen=True)
class InitView:
    """What `init` wrote."""

    folder: Path
    written: tuple[Path, ...]

    @property
    def json(self) -> Mapping[str, JSON]:
        """Folder and files."""
        return {"folder": str(self.folder), "files": [str(path) for path in self.written]}

    @property
    def text(self) -> str:
        """The files, and what to do next."""
        files = "\n".join(f"   {self.folder / path}" for path in self.written)
        return f"{files}\n\n Next:  cd {self.folder}  &&  pyml dev up  &&  pyml parity-check"


@dataclass(frozen=True)
class ContractView:
    """What a model declares."""

    kind: str
    inputs: str
    outputs: str

    @property
    def json(self) -> Mapping[str, JSON]:
        """Kind, inputs and outputs; a program reads `valid`."""
        return {"valid": True, "kind": self.kind, "inputs": self.inputs, "outputs": self.outputs}

    @property
    def text(self) -> str:
        """One line each."""
        return f"the package is right: a {self.kind} model\n inputs   {self.inputs}\n outputs  {self.outputs}"


@dataclass(frozen=True)
class ModelIdView:
    """The id of a model version."""

    model_id: str

    @property
    def json(self) -> Mapping[str, JSON]:
        """The id."""
        return {"model_id": self.model_id}

    @property
    def text(self) -> str:
        """The id alone, for `$(pyml upload)`."""
        return self.model_id
