"""One console for many questions, of a sandbox that was never up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pyml_sandbox.workspace.home import SandboxHome
from support.consoles import Console, console_of


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    folder = tmp_path_factory.mktemp("console")
    with console_of(SandboxHome(folder / "home"), folder) as found:
        yield found
