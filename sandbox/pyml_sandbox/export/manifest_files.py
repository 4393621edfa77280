"""Manifests as files in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pyml.errors import UsageError
from pyml_sandbox.export.admission_policies import cluster_image_policy, kyverno
from pyml_sandbox.export.kubernetes_manifests import kserve, kubernetes
from pyml_sandbox.export.promoted_image import PromotedImage
from pyml_sandbox.export.spark_manifests import ExportedJob, spark_application, submit_script
from pyml_sandbox.workspace.files import write_atomically
from pyml_sandbox.workspace.yaml_text import yaml_text

SCRIPT = ".sh"


def serving_files(image: PromotedImage, *, is_kserve: bool) -> Mapping[str, str]:
    """What serves the model, and the policies if there is a key: text by name of the file."""
    documents = kserve(image) if is_kserve else kubernetes(image)
    return {"inference-service.yaml" if is_kserve else "kubernetes.yaml": yaml_text(*documents), **_policies(image)}


def spark_files(image: PromotedImage, job: ExportedJob) -> Mapping[str, str]:
    """What runs the offline job, and the policies if there is a key: text by name of the file."""
    return {
        "spark-application.yaml": yaml_text(spark_application(image, job)),
        f"spark-submit{SCRIPT}": submit_script(image, job),
        **_policies(image),
    }


def write_files(files: Mapping[str, str], folder: Path) -> tuple[Path, ...]:
    """Write files into a folder, which is made if it does not exist; earlier ones of the same names are replaced.

    Raises:
        UsageError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = tuple(folder / name for name in files)
        for file, text in zip(written, files.values(), strict=True):
            write_atomically(file, text)
            if file.suffix == SCRIPT:
                file.chmod(0o755)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}", "--to FOLDER of yours") from error
    return written


def _policies(image: PromotedImage) -> Mapping[str, str]:
    if image.key is None:
        return {}
    return {
        "policy-kyverno.yaml": yaml_text(kyverno(image, image.key)),
        "policy-sigstore.yaml": yaml_text(cluster_image_policy(image, image.key)),
    }
