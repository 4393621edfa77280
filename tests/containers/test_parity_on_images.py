"""The parity check judges an image: the one that it is given, on both paths."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from containers.tiny_wheels import write_wheel
from pyml.errors import UsageError
from pyml.package.model_package import ModelPackage
from pyml.package.settings import ParitySettings
from pyml_sandbox.client import Client
from pyml_sandbox.drivers.choice import builder_for
from pyml_sandbox.drivers.container.engine.docker_engine import Engine
from pyml_sandbox.models import registry
from pyml_sandbox.parity.check import parity_check
from pyml_sandbox.parity.report.report_text import report_text
from pyml_sandbox.parity.verdict import Verdict
from pyml_sandbox.proof.proof_store import ProofStore
from pyml_sandbox.workspace.home import SandboxHome
from support.packages import write_package
from support.proofs import key_in

SETTINGS = ParitySettings(sql="SELECT id, CAST(id AS DOUBLE) AS a FROM range(50)", key=("id",))


@pytest.fixture
def client(container_sandbox: SandboxHome) -> Client:
    return Client(container_sandbox)


def image_of(client: Client, model_id: str) -> str:
    """The image of an uploaded version."""
    environment = registry.prepare(registry.find_version(client.home, model_id), builder_for(client.home))
    assert environment.image is not None
    return environment.image


def test_an_image_alone_can_be_checked_and_the_verdict_names_it_for_both_paths(
    client: Client, engine: Engine, tmp_path: Path
) -> None:
    model_id = client.upload_model(ModelPackage(write_package(tmp_path / "judged")))
    image = image_of(client, model_id)
    # As another machine would have it: another id, and no version of it here.
    made = engine.client.containers.create(image)
    elsewhere = made.commit(changes='LABEL "built"="elsewhere"')
    made.remove()
    assert elsewhere.id != image
    version = registry.resolve(client.home, str(elsewhere.id), builder_for(client.home))
    assert (version.model_id, version.pinned) == (model_id, elsewhere.id)
    client.deploy_model(version.model_id)
    report = parity_check(client, version.model_id, SETTINGS)
    assert report.verdict is Verdict.PASS
    assert report.images == {"offline": elsewhere.id, "online": elsewhere.id}
    assert str(elsewhere.id) in report_text(report).replace("\n  ", "")
    # An upload of the same package is the package's own image again.
    assert client.upload_model(ModelPackage(tmp_path / "judged")) == model_id
    assert image_of(client, model_id) == image


def test_a_check_leaves_a_signed_proof_of_the_image_also_where_its_report_is_a_known_one(
    client: Client, tmp_path: Path
) -> None:
    model_id = client.upload_model(ModelPackage(write_package(tmp_path / "proven")))
    image, key = image_of(client, model_id), key_in(tmp_path)
    store = ProofStore(client.home.proofs)
    settings = replace(SETTINGS, level="P1")
    assert parity_check(client, model_id, settings).verdict is Verdict.PASS
    (unsigned,) = (proof.envelope() for proof in store.of_image(image))
    assert (unsigned.statement().verdict, unsigned.signatures) == ("PASS", ())
    assert parity_check(client, model_id, settings, signing_key=key).is_cached
    found = [proof.envelope() for proof in store.of_image(image)]
    (proof,) = (envelope for envelope in found if envelope.signatures)
    assert proof.signed_by([key.public]) == key.public
    statement = proof.statement()
    assert (statement.image.name, statement.image.digest) == (model_id, image)
    assert (statement.verdict, statement.asked, statement.rows) == ("PASS", "P1", 50)
    assert statement.checked_at == unsigned.statement().checked_at


@pytest.mark.parametrize("reference", ["nobody@1234", "no-such-image:1"])
def test_what_is_no_folder_no_version_and_no_image_is_refused(client: Client, reference: str) -> None:
    with pytest.raises(UsageError, match=reference):
        registry.resolve(client.home, reference, builder_for(client.home))


def test_the_base_image_is_no_model(client: Client) -> None:
    with pytest.raises(UsageError, match="is not a model image"):
        registry.resolve(client.home, "pyml-base:latest", builder_for(client.home))


def test_a_folder_of_wheels_serves_an_upload_which_is_found_again_without_it(client: Client, tmp_path: Path) -> None:
    write_wheel(tmp_path / "wheels", "pymltiny", "1.0", [])
    package = ModelPackage(write_package(tmp_path / "from_wheels", requirements="pymltiny\n"))
    model_id = client.upload_model(package, wheels=tmp_path / "wheels")
    image = image_of(client, model_id)
    assert client.upload_model(package) == model_id
    assert image_of(client, model_id) == image
