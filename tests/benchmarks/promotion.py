"""Promotion beside `docker push` of the same image in the same run, and how long `pyml verify` takes from a cold start.

    python tests/benchmarks/promotion.py [--rounds 5] [--write]

Needs a Docker engine, and the programs that .ci/registry fetches. The newest image of a model goes to a docker-registry on this
machine that has its base image, as a registry has that got an earlier version. `--write` writes docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.reliability_page import fill_in
from pyml_sandbox.drivers.container.engine.docker_engine import Engine, find_engine
from pyml_sandbox.drivers.container.images.inventory import ImageInfo, list_images
from pyml_sandbox.drivers.container.images.push import push_image
from pyml_sandbox.promotion.oci.image_reference import Reference
from pyml_sandbox.promotion.oci.image_repository import Repository
from pyml_sandbox.promotion.policy import Policy
from pyml_sandbox.promotion.promote import Candidate, promote
from pyml_sandbox.proof.check_statement import Subject
from pyml_sandbox.proof.envelope import Envelope
from pyml_sandbox.proof.proof_store import ProofStore
from pyml_sandbox.proof.signing_key import SigningKey
from pyml_sandbox.workspace.events import OnEvent
from pyml_sandbox.workspace.files import size_bytes
from support.proofs import PASSED, REPORT, key_in
from support.registries import docker_registry

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
NOW = PASSED.checked_at + timedelta(hours=1)
MODEL = "measured@0123456789ab"


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args()
    engine = find_engine()
    image = next(each for each in list_images(engine) if each.kind == "model" and each.base_id)
    with tempfile.TemporaryDirectory(prefix="pyml-bench-") as folder:
        text = "\n".join(table(engine, image, arguments.rounds, Path(folder)))
    print(text)
    if arguments.write:
        fill_in("promotion", text, PAGE)


def table(engine: Engine, image: ImageInfo, rounds: int, folder: Path) -> Iterator[str]:
    """The lines of a Markdown table; each pair of a push and a promotion starts from the same registry."""
    key = key_in(folder)
    pushed: list[tuple[float, int]] = []
    promoted: list[tuple[float, int]] = []
    verified: list[float] = []
    for number in range(rounds):
        with fresh_registry(engine, image, folder / f"push-{number}") as (host, data):
            reference = Reference(host, "models/measured", "one")
            pushed.append(measured(partial(push, engine, image.id, reference), data))
        with fresh_registry(engine, image, folder / f"promote-{number}") as (host, data):
            reference = Reference(host, "models/measured", "prod")
            promoted.append(measured(partial(promoted_to, engine, image.id, reference, key, folder), data))
            verified.append(verify_seconds(reference, folder / "keys" / "signing.pub"))
    yield "| what | seconds | bytes sent |"
    yield "|---|--:|--:|"
    yield f"| `docker push` | {middle(pushed, 0):.2f} | {middle(pushed, 1):,.0f} |"
    yield f"| `pyml promote` | {middle(promoted, 0):.2f} | {middle(promoted, 1):,.0f} |"
    ratio, more = middle(promoted, 0) / middle(pushed, 0), middle(promoted, 0) - middle(pushed, 0)
    yield f"| promotion beside the push | {ratio:.2f} x, {more:+.2f} s | {middle(promoted, 1) - middle(pushed, 1):+,.0f} |"
    yield f"| `pyml verify`, cold | {statistics.median(verified):.2f} | |"


def middle(figures: list[tuple[float, int]], part: int) -> float:
    return statistics.median(each[part] for each in figures)


@contextmanager
def fresh_registry(engine: Engine, image: ImageInfo, folder: Path) -> Iterator[tuple[str, Path]]:
    """A registry that has the base image of an image; its host, and the folder of its data."""
    folder.mkdir()
    with docker_registry(folder) as process:
        push_image(engine, image.base_id, f"{process.host}/models/measured", "base")
        yield process.host, folder / "data"


def push(engine: Engine, image: str, reference: Reference) -> None:
    """As `docker push` does."""
    push_image(engine, image, reference.name, reference.tag)


def promoted_to(engine: Engine, image: str, reference: Reference, key: SigningKey, folder: Path) -> None:
    """As `pyml promote` does, once the command has found the image and its proof."""
    store = ProofStore(folder / "proofs")
    if not store.of_image(image):
        store.keep(Envelope.seal(replace(PASSED, image=Subject(MODEL, image)), key), REPORT)

    def pushes(to: Reference, _: OnEvent) -> None:
        push(engine, image, to)

    candidate = Candidate(MODEL, image, store.of_image(image), pushes)
    with Repository(reference, plain_http=True) as repository:
        promote(candidate, repository, Policy.of_key(key.public), key, NOW)


def measured(action: Callable[[], None], data: Path) -> tuple[float, int]:
    """Seconds of an action, and by how many bytes a folder grew."""
    before, started = size_bytes(data), time.perf_counter()
    action()
    return time.perf_counter() - started, size_bytes(data) - before


def verify_seconds(reference: Reference, public: Path) -> float:
    """Seconds of the whole command, in a process of its own."""
    with Repository(reference, plain_http=True) as repository:
        manifest = repository.manifest(reference.tag)
    assert manifest is not None
    command = [str(Path(sys.executable).with_name("pyml")), "verify", f"{reference.name}@{manifest.digest}"]
    started = time.perf_counter()
    done = subprocess.run([*command, "--key", str(public), "--plain-http"], env=os.environ, check=False)
    assert done.returncode == 0
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
