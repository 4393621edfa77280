"""`pyml init`, `validate`, `upload`, `deploy` and `undeploy`: the life of a model package in the sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyml.command_line import command
from pyml_cli.commands.first_rows import FirstRows, rows_of_user
from pyml_cli.commands.package_sources import Exclude, FromMlflow, FromParquet, FromTable, Outputs, Sources
from pyml_cli.options import CaBundle, ModelDir, ModelId, ModelName, Sandbox, Wheels
from pyml_cli.output import AsJson, choose_output, progress

if TYPE_CHECKING:
    from pyml_sandbox.models.environment import EnvironmentSize
    from pyml_sandbox.workspace.events import JSON

TRAINING = Path("train.py")
OF_SAMPLE = (
    "train.py trained this sample: replace it, model.py and parameters/ by your own, as docs/how-to/your-model.md says"
)


def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to create; the model takes its name.")],
    template: Annotated[
        str,
        typer.Option(
            metavar="TEMPLATE",
            help="What to start from, a model over frames if not given, or one over tensors, or a framework's trained "
            "model: frame, tensor, sklearn, lightgbm, xgboost, catboost, onnx, statsmodels, text, torch, "
            "torch-tensor, keras, keras-tensor.",
        ),
    ] = "",
    from_parquet: FromParquet = None,
    from_table: FromTable = "",
    from_mlflow: FromMlflow = None,
    exclude: Exclude = None,
    output: Outputs = None,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Create a model package: an example, or for the columns of a file or table, or for a model of MLflow."""
    from pyml_sandbox.models.template import DEFAULT, create

    draft = Sources(from_parquet, from_table, from_mlflow, exclude or (), output or (), template).draft(sandbox)
    if draft is None:
        written = tuple(create(folder, template or DEFAULT))
        choose_output(json).result(InitView(folder, written, (OF_SAMPLE,) if TRAINING in written else ()))
        return
    from pyml_sandbox.models.sources.package_draft import write_draft

    choose_output(json).result(InitView(folder, tuple(write_draft(draft, folder)), draft.notes))


def validate(folder: ModelDir = Path(), rows: FirstRows = None, json: AsJson = False) -> None:
    """Check a model package, load the model in its own environment, predict rows, and list every problem.

    The rows are those of --rows, else the first of the file that `[parity] rows` names, else one that is made up.
    """
    from pyml.package.model_package import ModelPackage
    from pyml_sandbox.drivers.choice import builder_for
    from pyml_sandbox.models import registry
    from pyml_sandbox.workspace.home import SandboxHome

    with progress() as on_event:
        package = ModelPackage(folder)
        given = rows_of_user(rows, folder, package)
        built = registry.check(package, builder_for(SandboxHome.find()), on_event, given)
    signature = built.signature
    facts = (signature.kind, signature.inputs.ddl, signature.outputs.ddl, signature.refusal)
    view = SignatureView(*facts, built.environment.size)
    choose_output(json).result(view if given is None else replace(view, refusal="", predicted="your rows"))


def upload(
    folder: ModelDir = Path(),
    wheels: Wheels = None,
    ca_bundle: CaBundle = None,
    rows: FirstRows = None,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Store a model package as a version (with the container driver: as an image) and print its NAME@VERSION."""
    from pyml.package.model_package import ModelPackage
    from pyml_sandbox.client import Client
    from pyml_sandbox.models import registry

    with progress() as on_event:
        package = ModelPackage(folder)
        given = rows_of_user(rows, folder, package)
        client = Client(sandbox)
        model_id = client.upload_model(package, on_event, wheels=wheels, ca_bundle=ca_bundle, rows_for=given)
    environment = registry.find_version(client.home, model_id).environment
    choose_output(json).result(UploadView(model_id, environment))


def deploy(model_id: ModelId, sandbox: Sandbox = None, json: AsJson = False) -> None:
    """Start the server of a version and route the model's name to it."""
    from pyml_sandbox.client import Client
    from pyml_sandbox.models import registry

    client = Client(sandbox)
    version = registry.find_version(client.home, model_id)
    with progress() as on_event:
        client.deploy_model(version.model_id, on_event)
    choose_output(json).result(ModelIdView(version.model_id))


def undeploy(model: ModelName, sandbox: Sandbox = None, json: AsJson = False) -> None:
    """Stop a model's servers and remove its route; uploaded versions are kept."""
    from pyml_sandbox.client import Client

    choose_output(json).result(UndeployView(model, Client(sandbox).undeploy_model(model)))


@dataclass(frozen=True)
class InitView:
    """The result of `init`: the files, and what was assumed."""

    folder: Path
    written: tuple[Path, ...]
    notes: tuple[str, ...] = ()

    @property
    def json(self) -> Mapping[str, JSON]:
        """Folder, files and notes."""
        files: list[JSON] = [str(path) for path in self.written]
        notes: list[JSON] = list(self.notes)
        return {"folder": str(self.folder), "files": files, "notes": notes}

    @property
    def text(self) -> str:
        """The files, what was assumed, and the next command."""
        files = "\n".join(f"   {self.folder / path}" for path in self.written)
        notes = "".join(f"\n - {note}" for note in self.notes)
        files += f"\n{notes}" if notes else ""
        return f"{files}\n\n Next:  {command('cd', str(self.folder))}  &&  pyml dev up  &&  pyml parity-check"


@dataclass(frozen=True)
class SignatureView:
    """The signature of a valid model, and why it refuses a made-up row; empty if it does not."""

    kind: str
    inputs: str
    outputs: str
    refusal: str = ""
    environment: EnvironmentSize | None = None
    predicted: str = "a row that is made up from the inputs"

    @property
    def json(self) -> Mapping[str, JSON]:
        """Kind, inputs and outputs; `valid`, which is always true; `refusal`, null if the made-up row is predicted.

        `environment` has the size of its environment, null if that is not known.
        """
        facts = {"kind": self.kind, "inputs": self.inputs, "outputs": self.outputs}
        size = self.environment.json if self.environment else None
        return {"valid": True, **facts, "refusal": self.refusal or None, "environment": size}

    @property
    def text(self) -> str:
        """Kind, inputs, outputs and environment, each on one line; then why a made-up row is refused."""
        lines = f"valid package: a {self.kind} model\n inputs   {self.inputs}\n outputs  {self.outputs}"
        if self.environment:
            lines += f"\n needs    {self.environment.text}"
        if not self.refusal:
            return f"{lines}\n predict  answers {self.predicted}"
        said = self.refusal.replace("\n", "\n          ")
        return f"{lines}\n predict  refuses a row that is made up from the inputs:\n          {said}"


@dataclass(frozen=True)
class UploadView:
    """The id of an uploaded version, and the size of its environment as it was made first, if that is known."""

    model_id: str
    environment: Mapping[str, JSON] | None

    @property
    def json(self) -> Mapping[str, JSON]:
        """The id; `environment` with `size_mb`, `packages` and `seconds`, or null."""
        return {"model_id": self.model_id, "environment": self.environment}

    @property
    def text(self) -> str:
        """The id alone, for `$(pyml upload)`."""
        return self.model_id


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


@dataclass(frozen=True)
class UndeployView:
    """The result of `undeploy`."""

    model: str
    served: Sequence[str]

    @property
    def json(self) -> Mapping[str, JSON]:
        """The model, and the ids of the versions that were stopped."""
        return {"model": self.model, "undeployed": list(self.served)}

    @property
    def text(self) -> str:
        """One line."""
        if not self.served:
            return f" {self.model} was not deployed."
        again = command("pyml deploy", self.served[0])
        return f" Stopped {', '.join(self.served)}. The upload is kept:  {again}"
