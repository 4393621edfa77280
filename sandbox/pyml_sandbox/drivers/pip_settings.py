"""pip's settings, as pip itself lists them, for pip in an image build and for uv on this machine.

`pip config list` reads the files and this module the variables PIP_*: what pip takes here is taken by every driver.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pyml.errors import SetupError
from pyml_sandbox.workspace.addresses import without_users

CA_VARIABLES = ("PYML_CA_BUNDLE", "PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
UNKNOWN_TO_UV = (
    "prefer-binary",
    "require-hashes",
    "no-build-isolation",
    "ignore-requires-python",
    "config-settings",
    "global-option",
    "no-deps",
)
"""Settings of pip that change what is installed, and that uv has no variable for, or not for some packages alone."""
_PATHS = ("find-links", "constraint", "build-constraint", "client-cert")
NO_INDEX = "UV_NO_INDEX"
"""A variable of ours, named as uv would: `run_uv` makes it the option `--no-index`."""
_SWITCHES = {"no-index": (NO_INDEX, "1"), "pre": ("UV_PRERELEASE", "allow")}
_BINARY = {"only-binary": "UV_NO_BUILD", "no-binary": "UV_NO_BINARY"}


@dataclass(frozen=True)
class _Variable:
    """A variable of uv: its name, names that say the same, and what separates the values of a list."""

    name: str
    same: tuple[str, ...] = ()
    separator: str = " "


_VARIABLES: Mapping[str, _Variable] = {
    "index-url": _Variable("UV_DEFAULT_INDEX", ("UV_INDEX_URL",)),
    "extra-index-url": _Variable("UV_INDEX", ("UV_EXTRA_INDEX_URL",)),
    "find-links": _Variable("UV_FIND_LINKS", separator=","),
    "trusted-host": _Variable("UV_INSECURE_HOST"),
    "constraint": _Variable("UV_CONSTRAINT"),
    "build-constraint": _Variable("UV_BUILD_CONSTRAINT"),
    "retries": _Variable("UV_HTTP_RETRIES"),
    "timeout": _Variable("UV_HTTP_TIMEOUT", ("UV_REQUEST_TIMEOUT", "HTTP_TIMEOUT")),
    "client-cert": _Variable("SSL_CLIENT_CERT"),
}


def list_pip_config(environ: Mapping[str, str]) -> str:
    """pip's configuration, a line `section.name='value'` for each setting. Blocks for 0.5 s.

    Args:
        environ: environment variables, which name some of its files.

    Raises:
        SetupError: pip cannot read one of its files.
    """
    command = [sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "config", "list"]
    done = subprocess.run(command, env=dict(environ), capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"pip cannot read its configuration: {without_users(done.stderr.strip())}"
        raise SetupError(message, "pip config debug")
    return done.stdout


def settings_of_files(config: str) -> dict[str, str]:
    """The settings of pip's configuration files by long name; those for `pip install` override the general ones.

    Args:
        config: output of `pip config list`, see `list_pip_config`.
    """
    listed = [line.partition("=")[::2] for line in config.splitlines()]
    return {
        name.partition(".")[2]: " ".join(str(ast.literal_eval(value)).split())
        for section in ("global", "install")
        for name, value in listed
        if name.partition(".")[0] == section
    }


def settings_of_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings in the variables PIP_* by long name, such as "index-url"."""
    return {
        key.removeprefix("PIP_").replace("_", "-").lower().removeprefix("default-"): value
        for key, value in environ.items()
        if key.startswith("PIP_") and value
    }


def uv_variables(settings: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that give uv the settings of pip, without those that the environment sets for uv.

    uv takes a package from the first index that has it, pip the best version of all indexes: uv is told to do as pip.

    Args:
        settings: of pip, by long name.
        environ: environment variables. uv's own win; a proxy of pip wins, as it does in pip.
    """
    found = {"UV_INDEX_STRATEGY": "unsafe-best-match", **_lists(settings, environ)}
    found |= {uv: value for name, (uv, value) in _SWITCHES.items() if is_on(settings.get(name, ""))}
    for name, uv in _BINARY.items():
        found |= _of_binaries(uv, settings.get(name, ""))
    bundle = ca_bundle(environ, settings.get("cert"))
    found |= {"SSL_CERT_FILE": str(bundle)} if bundle is not None else {}
    kept = {name: value for name, value in found.items() if not environ.get(name)}
    proxy = settings.get("proxy", "")
    return kept | (dict.fromkeys(_proxy_names(), proxy) if proxy else {})


def left_out_for_uv(settings: Mapping[str, str]) -> tuple[str, ...]:
    """The settings of pip that uv cannot follow, each as `name value`, without passwords."""
    used = (name for name in UNKNOWN_TO_UV if name in settings)
    return tuple(without_users(f"{name} {settings[name]}") for name in used)


def is_on(value: str) -> bool:
    """Whether a switch of pip has a value that turns it on."""
    return value.lower() in ("1", "true", "yes", "on", "y", "t")


def ca_bundle(environ: Mapping[str, str], configured: str | None) -> Path | None:
    """The PEM file of certificates to trust: of the first variable that names a file, else of pip's files.

    Args:
        environ: environment variables.
        configured: pip's setting `cert`.
    """
    named = [*(environ.get(name) for name in CA_VARIABLES), configured]
    return next((Path(path) for path in named if path and Path(path).is_file()), None)


def _lists(settings: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    return {
        variable.name: variable.separator.join(_values(name, settings[name]))
        for name, variable in _VARIABLES.items()
        if settings.get(name) and not any(environ.get(same) for same in variable.same)
    }


def _values(name: str, value: str) -> Iterable[str]:
    """The values of a setting for uv: paths absolute, since uv runs in the package's folder, and whole seconds."""
    if name == "timeout":
        return [str(int(float(value)))]
    return [_absolute(each) if name in _PATHS else each for each in value.split()]


def _absolute(named: str) -> str:
    return named if "://" in named else str(Path(named).expanduser().absolute())


def _of_binaries(variable: str, value: str) -> dict[str, str]:
    """`:all:` or packages, which pip separates by commas and uv by spaces."""
    names = [name for name in re.split(r"[\s,]+", value) if name and name != ":none:"]
    if ":all:" in names:
        return {variable: "1"}
    return {f"{variable}_PACKAGE": " ".join(names)} if names else {}


def _proxy_names() -> Iterable[str]:
    return (name for lower in ("http_proxy", "https_proxy") for name in (lower, lower.upper()))
