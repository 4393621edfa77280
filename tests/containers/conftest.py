"""A real engine, and images in it that are kept from one run to the next: a second run builds nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pyml.errors import SetupError
from pyml_sandbox.containers.engine import Engine, find_engine
from pyml_sandbox.events import ignore
from pyml_sandbox.images.base import BaseImage, ensure_base
from pyml_sandbox.images.bootstrap import bootstrap
from pyml_sandbox.images.python_image import ensure_python_image


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine of this machine."""
    with needed():
        return find_engine()


@pytest.fixture(scope="session")
def python_image(engine: Engine) -> str:
    """Id of an image with Debian and Python: the default one, else one made from a Debian mirror."""
    with needed():
        try:
            return ensure_python_image(engine, None, ignore).id
        except SetupError:
            return bootstrap(engine).id


@pytest.fixture(scope="session")
def base_image(engine: Engine, python_image: str) -> BaseImage:
    """The base image of this checkout."""
    return ensure_base(engine)


@contextmanager
def needed() -> Iterator[None]:
    """What this machine lacks skips a test; it fails where `PYML_REQUIRE_DOCKER=1` says that nothing may be lacking."""
    try:
        yield
    except SetupError as error:
        if os.environ.get("PYML_REQUIRE_DOCKER") == "1":
            raise
        pytest.skip(f"{error.message} ({error.hint})")
