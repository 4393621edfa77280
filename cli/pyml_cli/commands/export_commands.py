"""`pyml export`: manifests with which a cluster runs a promoted image, and admits proven images alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyml.command_line import command
from pyml.errors import UsageError
from pyml_cli.commands.key_commands import own_public_key
from pyml_cli.options import Key, Sandbox
from pyml_cli.output import AsJson, choose_output

if TYPE_CHECKING:
    from pyml_sandbox.export.promoted_image import PromotedImage
    from pyml_sandbox.workspace.events import JSON

app = typer.Typer(rich_markup_mode=None)
Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="NAME@VERSION, or NAME for whichever version was promoted last.")
]
To = Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where the files are written.")]
Image = Annotated[
    str | None,
    typer.Option("--image", metavar="HOST/REPOSITORY@DIGEST", help="One of several promotions (default: the last)."),
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--public-key", metavar="FILE", help="Whose proof the policies admit, as PEM (default: your own)."),
]


@app.callback()
def export() -> None:
    """Write what a cluster needs to run a promoted image, by its digest; needs no Docker and no cluster."""


@app.command()
def k8s(
    model: Model,
    to: To,
    image: Image = None,
    public_key: KeyFile = None,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """A Deployment, a Service and a NetworkPolicy, and policies that admit proven images alone."""
    _serving(_promoted(sandbox, model, image, public_key), to, is_kserve=False, json=json)


@app.command()
def kserve(
    model: Model,
    to: To,
    image: Image = None,
    public_key: KeyFile = None,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """An InferenceService of KServe, and policies that admit proven images alone."""
    _serving(_promoted(sandbox, model, image, public_key), to, is_kserve=True, json=json)


@app.command()
def spark(
    model: Model,
    to: To,
    sql: Annotated[str, typer.Option("--sql", metavar="QUERY", help="The rows to predict.")],
    table: Annotated[str, typer.Option("--table", metavar="DATABASE.TABLE", help="The Hive table to write.")],
    key: Key = None,
    executors: Annotated[int, typer.Option("--executors", min=1, metavar="N", help="Number of executors.")] = 2,
    metastore: Annotated[
        str, typer.Option("--metastore", metavar="HOST:PORT", help="Hive metastore, if the cluster's Spark has none.")
    ] = "",
    image: Image = None,
    public_key: KeyFile = None,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """A SparkApplication and the line of spark-submit that run the offline job, and the policies."""
    from pyml.offline.targets.table_swap import split_table_name
    from pyml_sandbox.export.manifest_files import spark_files, write_files
    from pyml_sandbox.export.spark_manifests import ExportedJob

    split_table_name(table)
    promoted = _promoted(sandbox, model, image, public_key)
    job = ExportedJob(sql, table, tuple(key or ()), executors, metastore)
    files = write_files(spark_files(promoted, job), to)
    submit = f"SPARK_MASTER=k8s://https://HOST:PORT {command(str(files[1].absolute()))}"
    choose_output(json).result(ExportView(promoted, files, f"{_apply(files[0])}   or   {submit}"))


def _serving(promoted: PromotedImage, to: Path, *, is_kserve: bool, json: bool) -> None:
    from pyml_sandbox.export.manifest_files import serving_files, write_files

    files = write_files(serving_files(promoted, is_kserve=is_kserve), to)
    choose_output(json).result(ExportView(promoted, files, _apply(files[0])))


def _promoted(sandbox: str | None, model: str, image: str | None, public_key: Path | None) -> PromotedImage:
    from pyml_sandbox.export.promoted_image import find_promoted
    from pyml_sandbox.promotion.oci.image_reference import Reference
    from pyml_sandbox.proof.public_key import PublicKey
    from pyml_sandbox.workspace.home import SandboxHome

    reference = Reference.parse(image) if image else None
    if reference is not None and not reference.digest:
        raise UsageError(f"--image {image} names no digest, and a tag can be moved", "HOST/REPOSITORY@sha256:…")
    key = PublicKey.from_file(public_key) if public_key else own_public_key()
    return find_promoted(SandboxHome.find(sandbox), model, reference, key)


def _apply(file: Path) -> str:
    return command("kubectl apply -f", str(file))


@dataclass(frozen=True)
class ExportView:
    """The files that were written."""

    promoted: PromotedImage
    files: Sequence[Path]
    next_command: str

    @property
    def json(self) -> Mapping[str, JSON]:
        """The model, its image, and the files."""
        return {
            "model": self.promoted.version.model_id,
            "image": self.promoted.image,
            "files": [str(file) for file in self.files],
        }

    @property
    def text(self) -> str:
        """The image, the files, and what to do with them."""
        lines = [f" {self.promoted.version.model_id} as {self.promoted.image}"]
        lines += [f"   {file}" for file in self.files]
        if self.promoted.key is None:
            lines.append(" Without policies, since there is no key:  pyml keys init, or --public-key FILE")
        return "\n".join([*lines, f" Next:  {self.next_command}"])
