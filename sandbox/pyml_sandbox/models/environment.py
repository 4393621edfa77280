"""What a workshop does, and what it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pyml.package.model_package import ModelPackage
from pyml_sandbox.models.model_session import Session
from pyml_sandbox.workspace.events import OnEvent


@dataclass(frozen=True)
class Environment:
    """What one model version runs in, the same on both paths.

    Attributes:
        key: names it: equal keys, equal environments.
        python: the program that starts the model's Python there, in the pinned environment.
        package: folder of the model package there.
        note: for summaries: "env 7c1e2b (reused)".
        image: id of the image; None where it is no image.
    """

    key: str
    python: str
    package: str
    note: str = ""
    image: str | None = None


@dataclass(frozen=True)
class BuildResult:
    """What came of a new package.

    Attributes:
        environment: see there.
        lock: everything that was installed, one name and version a line.
        declared: the model's kind, inputs and outputs, as `pyml.inference.describe.Signature` writes them.
    """

    environment: Environment
    lock: str
    declared: Mapping[str, object]


class EnvironmentBuilder(Protocol):
    """Makes environments for model versions. Blocks; what was made is kept and found again."""

    def with_inputs(self, wheels: Path | None, ca_bundle: Path | None) -> EnvironmentBuilder:
        """The same, with a folder of wheels in place of every index, and further certificates to trust.

        Raises:
            UsageError: it builds nothing that could take them.
        """

    def make(self, package: ModelPackage, folder: Path, on_event: OnEvent) -> BuildResult:
        """Make the environment of a package, and load the model once in it.

        Args:
            package: a copy of the four artifacts that nobody changes.
            folder: where the version will lie; its copy of the package will be `folder/package`.
            on_event: told what is being done.

        Raises:
            PackageError: its requirements cannot be met together, or its code raised.
            SetupError: the package index cannot be reached.
        """

    def ensure(
        self, package: ModelPackage, folder: Path, lock: str, pinned: str | None, on_event: OnEvent
    ) -> Environment:
        """The environment of a version that was made before; made anew from its lock where it is gone.

        Args:
            package: the version's own copy.
            folder: where the version lies.
            lock: what was installed.
            pinned: the image that it is, where it was adopted; no other will do.
            on_event: told what is being done.

        Raises:
            SetupError: it had to be made anew and could not be.
            UsageError: the pinned image is gone.
        """

    def import_image(self, reference: str, folder: Path, on_event: OnEvent) -> tuple[str, BuildResult]:
        """Take a model image that was built elsewhere as a version.

        Args:
            reference: id or tag of the image.
            folder: its package is written to `folder/package`.
            on_event: told what is being done.

        Returns:
            The model's name, and what is there.

        Raises:
            UsageError: there is no such image, or it holds no model; always, where versions run in no images.
        """

    def open_session(self, environment: Environment, arguments: Sequence[str]) -> Session:
        """Start an environment's Python with arguments, and talk to it.

        Raises:
            SandboxError: it could not be started.
        """
