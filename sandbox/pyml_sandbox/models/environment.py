"""Environments of model versions, and the contract of an environment builder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pyml.package.model_package import ModelPackage
from pyml_sandbox.models.interpreter_files import InterpreterFiles
from pyml_sandbox.models.model_session import Session
from pyml_sandbox.workspace.events import JSON, OnEvent

if TYPE_CHECKING:
    from pyml.inference.describe import Signature


@dataclass(frozen=True)
class EnvironmentSize:
    """How large an environment is, and how long it took.

    Attributes:
        size_bytes: of its files, or of the image with all its layers.
        packages: number of its Python packages.
        seconds: that it took to resolve and install it; None if it existed already.
    """

    size_bytes: int
    packages: int
    seconds: float | None = None

    @property
    def text(self) -> str:
        """For people: "1,240 MB, 90 packages, made in 35 s"."""
        made = "" if self.seconds is None else f", made in {self.seconds:.0f} s"
        return f"{self.size_bytes / 1e6:,.0f} MB, {self.packages} packages{made}"

    @property
    def json(self) -> dict[str, JSON]:
        """As a JSON object: `size_mb` in millions of bytes, `packages`, and `seconds`, null if it existed already."""
        seconds = None if self.seconds is None else round(self.seconds, 1)
        return {"size_mb": round(self.size_bytes / 1e6, 1), "packages": self.packages, "seconds": seconds}


@dataclass(frozen=True)
class Environment:
    """The environment of one model version, the same on both paths.

    Attributes:
        key: identifies it: environments with equal keys are equal.
        python: path of the program that starts the model's Python, with the pinned environment variables.
        package: folder of the model package, as seen from inside.
        note: for summaries, such as "env 7c1e2b (reused)".
        image: id of the image; None if it is not an image.
        size: how large it is; None if that is not known.
    """

    key: str
    python: str
    package: str
    note: str = ""
    image: str | None = None
    size: EnvironmentSize | None = field(default=None, compare=False)

    @property
    def summary(self) -> str:
        """Its note, and its size if that is known."""
        return f"{self.note}, {self.size.text}" if self.size else self.note


@dataclass(frozen=True)
class BuildResult:
    """The result of building a new package's environment.

    Attributes:
        environment: what was built.
        lock: all installed packages, one name and version on each line.
        declared: the model's signature, as `pyml.inference.describe.Signature` writes it.
    """

    environment: Environment
    lock: str
    declared: Mapping[str, object]

    @property
    def signature(self) -> Signature:
        """What the model declares."""
        from pyml.inference.describe import Signature

        return Signature.from_json(dict(self.declared))


class EnvironmentBuilder(Protocol):
    """Builds environments for model versions. Every method blocks. Built environments are kept and reused."""

    def with_inputs(self, wheels: Path | None, ca_bundle: Path | None) -> EnvironmentBuilder:
        """The same builder with a folder of wheels instead of any index, and additional certificates to trust.

        Raises:
            UsageError: this kind of environment cannot use them.
        """

    def make(self, package: ModelPackage, folder: Path, on_event: OnEvent) -> BuildResult:
        """Build the environment of a package, and load the model once in it.

        Args:
            package: a copy of the four artifacts that does not change.
            folder: the version's future folder; its copy of the package will be `folder/package`.
            on_event: called with each step.

        Raises:
            PackageError: the requirements conflict, or the model's code raised.
            SetupError: the package index cannot be reached.
        """

    def ensure(
        self, package: ModelPackage, folder: Path, lock: str, pinned: str | None, on_event: OnEvent
    ) -> Environment:
        """The environment of an existing version; built again from its lock if it is gone.

        Args:
            package: the version's own copy.
            folder: of the version.
            lock: all installed packages, one name and version on each line.
            pinned: id of the image that the version was imported from, which cannot be built again; None for an upload.
            on_event: called with each step.

        Raises:
            SetupError: the environment had to be built again, and the build failed.
            UsageError: the pinned image is gone.
        """

    def import_image(self, reference: str, folder: Path, on_event: OnEvent) -> tuple[str, BuildResult]:
        """Import a model image that was built elsewhere.

        Args:
            reference: id or tag of the image.
            folder: of the new version; the image's package is written to `folder/package`.
            on_event: called with each step.

        Returns:
            The model's name, and the image as a build result.

        Raises:
            UsageError: the image does not exist or holds no model; or this builder has no images.
        """

    def open_session(self, environment: Environment, arguments: Sequence[str]) -> Session:
        """Start an environment's Python with arguments, and open a session with it.

        Raises:
            SandboxError: the program could not be started.
        """

    def files(self, environment: Environment) -> AbstractContextManager[InterpreterFiles]:
        """The interpreter and the packages of an environment as files of this machine, while a block runs. Blocks.

        Raises:
            SandboxError: its Python could not be asked where they are.
        """
