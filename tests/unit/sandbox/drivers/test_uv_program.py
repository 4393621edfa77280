"""What uv is given of this shell."""

from __future__ import annotations

from pyml_sandbox.drivers.uv_program import uv_environment


def test_no_environment_or_search_path_of_this_shell_reaches_uv() -> None:
    given = {"PYTHONPATH": "/shared", "PYTHONHOME": "/opt", "VIRTUAL_ENV": "/venv", "HTTPS_PROXY": "http://proxy"}
    kept = uv_environment(given)
    assert kept.keys().isdisjoint({"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"})
    assert kept["HTTPS_PROXY"] == "http://proxy"
