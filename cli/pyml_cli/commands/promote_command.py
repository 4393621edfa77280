"""`pyml promote`, `verify` and `log`: a proven image goes to a registry with its proof, and is verified there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyml.errors import SetupError, UsageError
from pyml_cli.commands.key_commands import ask_passphrase
from pyml_cli.commands.promotion_views import DryRunView, HistoryView, PromotionView, VerifiedView
from pyml_cli.options import ModelName, Sandbox
from pyml_cli.output import AsJson, choose_output, progress
from pyml_cli.verdicts import exit_code_1_is_a_verdict

if TYPE_CHECKING:
    from pyml.package.settings import Settings
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
    from pyml.package.model_package import ModelPackage
    from pyml_sandbox.client import Client
    from pyml_sandbox.models import registry
    from pyml_sandbox.promotion import promote as promotion
    from pyml_sandbox.promotion.gate import CHECK
    from pyml_sandbox.promotion.history import record_promotion
    from pyml_sandbox.promotion.oci.image_reference import Reference
    from pyml_sandbox.promotion.policy import Policy
    from pyml_sandbox.workspace.turns import turn

    output = choose_output(json)
    client, reference = Client(sandbox), Reference.parse(to)
    _refuse_digest(reference)
    _refuse_processes(client)
    key = client.signing_key(ask_passphrase)
    if key is None:
        raise UsageError("there is no key to sign with", f"pyml keys init, then {CHECK}")
    with exit_code_1_is_a_verdict(), progress() as on_event:
        version = registry.find_version(client.home, model)
        settings = ModelPackage(version.package).settings
        asked = Policy.from_file(policy) if policy else Policy.of_key(key.public)
        asked = replace(asked, level=max(asked.level, settings.promotion_level))
        candidate = _candidate(client, version, settings)
        now = datetime.now(UTC)
        if dry_run:
            admission = promotion.admission_of(candidate, asked, now)
            output.result(DryRunView(version.model_id, reference, admission))
            return
        with (
            turn(client.home.promotions / f".{version.name}.lock", f"promotion of {version.name}", on_event),
            _repository(reference, ca_file, plain_http) as repository,
        ):
            promoted = promotion.promote(candidate, repository, asked, key, now, on_event)
        record_promotion(client.home, version.model_id, promoted, now)
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
    from pyml_sandbox.promotion.verify import verify as verified

    with exit_code_1_is_a_verdict(), _repository(Reference.parse(image), ca_file, plain_http) as repository:
        asked = _policy(key, policy)
        found = verified(repository, asked, datetime.now(UTC))
    choose_output(json).result(VerifiedView(found))


def log(
    name: ModelName,
    sandbox: Sandbox = None,
    json: AsJson = False,
) -> None:
    """List what became of a model's versions: uploads, verdicts and promotions, when and by whom."""
    from pyml_sandbox.promotion.history import history
    from pyml_sandbox.workspace.home import SandboxHome

    choose_output(json).result(HistoryView(name, history(SandboxHome.find(sandbox), name)))


def _policy(key: Path | None, policy: Path | None) -> Policy:
    """The policy that trusts a key, or the one in a file.

    Raises:
        UsageError: both are given, or neither.
    """
    from pyml_sandbox.promotion.policy import Policy
    from pyml_sandbox.proof.public_key import PublicKey

    if policy is not None and key is None:
        return Policy.from_file(policy)
    if key is not None and policy is None:
        return Policy.of_key(PublicKey.from_file(key))
    raise UsageError("expected one of --key and --policy", "--key FILE with the public key of whoever promotes")


def _refuse_digest(reference: Reference) -> None:
    if reference.digest:
        raise UsageError(
            f"--to {reference} names a digest, which the image gets by being pushed", "--to HOST/REPOSITORY:TAG"
        )


def _refuse_processes(client: Client) -> None:
    if client.state.driver != "container":
        message = f"The sandbox {client.home.name!r} runs as plain processes, and an image is what is promoted."
        raise SetupError(message, "pyml dev down && pyml dev up --driver container, then pyml parity-check")


def _candidate(client: Client, version: ModelVersion, settings: Settings) -> Candidate:
    """The image of a version, with its proofs.

    Raises:
        SetupError: this engine does not say which configuration an image has.
    """
    from pyml_sandbox.drivers.container.engine.docker_engine import find_engine
    from pyml_sandbox.drivers.container.images.push import push_image
    from pyml_sandbox.models import registry
    from pyml_sandbox.parity.attest import settings_digest
    from pyml_sandbox.promotion.oci.credentials import docker_credentials
    from pyml_sandbox.promotion.promote import Candidate
    from pyml_sandbox.proof.proof_store import ProofStore

    engine = find_engine()
    if engine.facts.ids_are_manifests:
        raise SetupError(
            "This engine keeps images in containerd's store, where an image's id does not name its configuration.",
            'put "features": {"containerd-snapshotter": false} into its daemon.json, and check the image again',
        )
    image = str(registry.prepare(version, client.driver.builder).image)

    def push(reference: Reference, on_event: OnEvent) -> None:
        credentials = docker_credentials(reference.host)
        push_image(engine, image, reference.name, reference.tag, credentials, on_event)

    proofs = ProofStore(client.home.proofs).of_image(image)
    return Candidate(version.model_id, image, proofs, push, settings_digest(settings.parity))


def _repository(reference: Reference, ca_file: Path | None, plain_http: bool) -> Repository:
    from pyml_sandbox.promotion.oci.credentials import docker_credentials
    from pyml_sandbox.promotion.oci.image_repository import Repository

    if plain_http and not reference.is_local:
        raise UsageError(f"--plain-http is for a registry on this machine, and {reference.host} is not", "leave it out")
    return Repository(reference, docker_credentials, ca_file=ca_file, plain_http=plain_http)
