"""The InferenceService by the models of KServe itself, which need an older pandas than pyml has, and so a Python of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import yaml

from pyml.package.settings import Settings
from pyml_sandbox.export.manifest_files import serving_files
from pyml_sandbox.export.promoted_image import PromotedImage
from pyml_sandbox.models.version import ModelVersion
from pyml_sandbox.promotion.oci.image_reference import Reference

READ_AND_WRITE = """
import json, sys
from kserve import V1beta1InferenceService, models
from kubernetes.client import ApiClient

class Response:
    def __init__(self, document):
        self.data = document

import kubernetes.client.models as known
for name in dir(models):
    if name.startswith("V1"):
        model = getattr(models, name)
        # KServe's models write a map as older clients of Kubernetes read it.
        model.openapi_types = {key: each.replace("dict(str, ", "dict[str, ").replace(")", "]") if each.startswith("dict(") else each
                               for key, each in model.openapi_types.items()}
        setattr(known, name, model)
client = ApiClient()
read = client.deserialize(Response(sys.stdin.read()), V1beta1InferenceService)
print(json.dumps(client.sanitize_for_serialization(read)))
"""


def test_kserve_reads_every_field(tmp_path: Path) -> None:
    version = ModelVersion("fare", "0123456789ab", tmp_path, 0, {})
    image = PromotedImage(version, Reference("registry.example", "fare", "", "sha256:" + "d" * 64), "", Settings())
    text = serving_files(image, is_kserve=True)["inference-service.yaml"]
    service = next(yaml.safe_load_all(text))
    python = tmp_path / "kserve" / "bin" / "python"
    for command in (
        ["venv", "--quiet", str(tmp_path / "kserve")],
        ["pip", "install", "--quiet", "--python", str(python), "kserve>=0.21,<0.22", "kubernetes<37"],
    ):
        subprocess.run([str(Path(sys.executable).with_name("uv")), *command], check=True)
    done = subprocess.run(
        [str(python), "-c", READ_AND_WRITE], input=json.dumps(service), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == service
