"""`pyml promote` and `pyml verify`: a proven image goes to a registry with its proof, and is verified there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyml.errors import SetupError, UsageError
from pyml_cli.commands.promotion_views import DryRunView, PromotionView, VerifiedView
from pyml_cli.options import Sandbox
from pyml_cli.output import AsJson, choose_output, progress
from pyml_cli.verdicts import exit_code_1_is_a_verdict

if TYPE_CHECKING:
    from pyml_sandbox.client import Client
    from pyml_sandbox.models.version import ModelVersion
    from pyml_sandbox.promotion.oci.image_reference import Reference
    from pyml_sandbox.promotion.oci.image_repository import Repository
    from pyml_sandbox.promotion.policy import Policy
    from pyml_sandbox.promotion.promote import Candidate
    from pyml_sandbox.workspace.events import OnEvent

PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FILE", help="TOML file with what a proof must say, and whose signature counts."),
]
CaFile = Annotated[
    Path | None,
    typer.Option("--ca-file", metavar="FILE", exists=True, dir_okay=False, help="Certificates to trust, as PEM."),
]
PlainHttp = Annotated[
    bool, typer.Option("--plain-http", help="Speak HTTP without TLS; for a registry on this machine alone.")
]


def promote(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="NAME@VERSION, or NAME for the latest upload.")],
    to: Annotated[str, typer.Option("--to", metavar="HOST/REPOSITORY[:TAG]", help="Where the image goes.")],
    policy: PolicyFile = None,
    ca_file: CaFile = None,
    plain_http: PlainHttp = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say whether it would be let through; push nothing.")
    ] = False,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """Push the image of a proven version to a registry, with its proof; refuse one that is not proven.

    The proof is what a parity check of this very image left. Needs a Docker engine. Exit code 0: promoted. 1: the image
    is not proven. 2: an option is wrong. 3: the registry or the engine is in trouble.
    """
    from pyml_sandbox.client import Client
    from pyml_sandbox.models import registry
    from pyml_sandbox.promotion import promote as promotion
    from pyml_sandbox.promotion.oci.image_reference import Reference

    output = choose_output(json)
    client, reference = Client(sandbox), Reference.parse(to)
    _refuse_digest(reference)
    with exit_code_1_is_a_verdict(), progress() as on_event:
        version = registry.find_version(client.home, model)
        asked = _policy(client, version, policy)
        candidate = _candidate(client, version)
        now = datetime.now(UTC)
        admission = promotion.admission_of(candidate, asked, now)
        if dry_run:
            output.result(DryRunView(version.model_id, reference, admission))
            return
        key = client.signing_key(_ask)
        if key is None:
            raise UsageError("there is no key to sign with", "pyml keys init")
        with _repository(reference, ca_file, plain_http) as repository:
            promoted = promotion.promote(candidate, repository, asked, key, now, on_event)
    output.result(PromotionView(version.model_id, promoted))


def verify(
    image: Annotated[str, typer.Argument(metavar="IMAGE@DIGEST", help="HOST/REPOSITORY@sha256:…")],
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Public key, as PEM, whose signature counts.")
    ] = None,
    policy: PolicyFile = None,
    ca_file: CaFile = None,
    plain_http: PlainHttp = False,
    json: AsJson = False,
) -> None:
    """Verify that an image in a registry was proven; needs neither a sandbox nor Docker nor Spark.

    Exit code 0: it was. 1: it was not; says why. 2: an option is wrong. 3: the registry is in trouble.
    """
    from pyml_sandbox.promotion.oci.image_reference import Reference
    from pyml_sandbox.promotion.policy import Policy
    from pyml_sandbox.promotion.verify import verify as verified
    from pyml_sandbox.proof.public_key import PublicKey

    if key is not None and policy is None:
        asked = Policy.of_key(PublicKey.from_file(key))
    elif policy is not None and key is None:
        asked = Policy.from_file(policy)
    else:
        raise UsageError("expected one of --key and --policy", "--key FILE with the public key of whoever promotes")
    with exit_code_1_is_a_verdict(), _repository(Reference.parse(image), ca_file, plain_http) as repository:
        found = verified(repository, asked, datetime.now(UTC))
    choose_output(json).result(VerifiedView(found))


def _ask(where: str) -> str:
    from pyml_cli.commands.key_commands import ask_passphrase

    return ask_passphrase(where)


def _refuse_digest(reference: Reference) -> None:
    if reference.digest:
        raise UsageError(
            f"--to {reference} names a digest, which the image gets by being pushed", "--to HOST/REPOSITORY:TAG"
        )


def _policy(client: Client, version: ModelVersion, file: Path | None) -> Policy:
    """The policy of a file, else the key of this machine; at least the level that `pyml.toml` asks for."""
    from pyml.package.model_package import ModelPackage
    from pyml_sandbox.promotion.policy import Policy

    level = ModelPackage(version.package).settings.promotion_level
    if file is not None:
        policy = Policy.from_file(file)
    else:
        key = client.signing_key(_ask)
        if key is None:
            raise UsageError("there is no key, so that no proof is trusted", "pyml keys init, then pyml parity-check")
        policy = Policy.of_key(key.public)
    return replace(policy, level=max(policy.level, level))


def _candidate(client: Client, version: ModelVersion) -> Candidate:
    """The image of a version, with its proofs.

    Raises:
        SetupError: versions have no images in this sandbox.
    """
    from pyml_sandbox.drivers.container.engine.docker_engine import find_engine
    from pyml_sandbox.drivers.container.images.push import push_image
    from pyml_sandbox.models import registry
    from pyml_sandbox.promotion.oci.credentials import docker_credentials
    from pyml_sandbox.promotion.promote import Candidate
    from pyml_sandbox.proof.proof_store import ProofStore

    environment = registry.prepare(version, client.driver.builder)
    if environment.image is None:
        message = f"The sandbox {client.home.name!r} runs as plain processes, and an image is what is promoted."
        raise SetupError(message, "pyml dev down && pyml dev up --driver container, then pyml parity-check")
    image, engine = environment.image, find_engine()

    def push(reference: Reference, on_event: OnEvent) -> None:
        credentials = docker_credentials(reference.host)
        push_image(engine, image, reference.name, reference.tag, credentials, on_event)

    return Candidate(version.model_id, image, ProofStore(client.home.proofs).of_image(image), push)


def _repository(reference: Reference, ca_file: Path | None, plain_http: bool) -> Repository:
    from pyml_sandbox.promotion.oci.credentials import docker_credentials
    from pyml_sandbox.promotion.oci.image_repository import Repository

    if plain_http and not reference.is_local:
        raise UsageError(f"--plain-http is for a registry on this machine, and {reference.host} is not", "leave it out")
    return Repository(reference, docker_credentials, ca_file=ca_file, plain_http=plain_http)
