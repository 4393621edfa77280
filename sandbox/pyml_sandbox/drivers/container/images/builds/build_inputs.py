"""What an image build needs to reach package indexes and mirrors as this machine does, without a trace in the image.

Proxies are the build arguments that Docker predefines (they do not appear in an image's history), index settings and
certificates are build secrets, wheels are a mount.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from pyml.errors import SetupError, UsageError
from pyml_sandbox.drivers.container.images.builds.build_options import BuildOptions
from pyml_sandbox.drivers.pip_settings import ca_bundle, settings_of_files, settings_of_variables
from pyml_sandbox.workspace.addresses import without_users

PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
WHEELS_VARIABLE = "PYML_WHEELS"
SECRET_MAX_BYTES = 500 * 1024  # the limit of BuildKit
URLS = ("index-url", "extra-index-url", "find-links")
SWITCHES = ("no-index", "pre", "prefer-binary")
PIP_NAMES = (*URLS, "constraint", "trusted-host", "timeout", "retries", "proxy", "only-binary", "no-binary", *SWITCHES)
"""The settings of pip that a build gets; the others concern files of this machine."""
UV_NAMES: Mapping[str, str] = {
    "UV_DEFAULT_INDEX": "index-url",
    "UV_INDEX_URL": "index-url",
    "UV_INDEX": "extra-index-url",
    "UV_EXTRA_INDEX_URL": "extra-index-url",
    "UV_FIND_LINKS": "find-links",
    "UV_INSECURE_HOST": "trusted-host",
    "UV_HTTP_TIMEOUT": "timeout",
}


@dataclass(frozen=True)
class BuildInputs:
    """Network settings of a build.

    Attributes:
        proxies: build arguments, each in lower and upper case, since some programs read only one of them.
        pip: settings of pip by their long names, such as "index-url".
        ca_bundle: PEM file of certificates to trust; None for those of the image.
        wheels: see `BuildOptions`.
        left_out: settings that name files of this machine, which a build cannot use; without passwords.
        constraints: content of the files of this machine that pip's `constraint` names.
    """

    proxies: Mapping[str, str]
    pip: Mapping[str, str]
    ca_bundle: Path | None = None
    wheels: Path | None = None
    left_out: tuple[str, ...] = ()
    constraints: str = ""

    @classmethod
    def from_environ(
        cls, environ: Mapping[str, str], options: BuildOptions | None = None, pip_config: str = ""
    ) -> BuildInputs:
        """The inputs from environment variables and pip's configuration.

        Args:
            environ: environment variables.
            options: the user's choices.
            pip_config: output of `pip config list`, see `list_pip_config`.

        Raises:
            UsageError: a chosen file or folder does not exist.
            SetupError: the file of certificates is too large for a build secret.
        """
        options = options or BuildOptions()
        found = _settings(environ, pip_config)
        kept = {name: _only_reachable(name, value) for name, value in found.items() if name in PIP_NAMES}
        return cls(
            proxies=_proxies(environ),
            pip={name: value for name, value in kept.items() if value},
            ca_bundle=_ca_bundle(environ, options, found.get("cert")),
            wheels=_wheels(environ, options),
            left_out=tuple(map(without_users, _left_out(found))),
            constraints=_constraints(found.get("constraint", "")),
        )

    @property
    def pip_script(self) -> str:
        """The settings of pip as a shell script that exports them."""
        return "".join(
            f"export PIP_{name.replace('-', '_').upper()}={shlex.quote(value)}\n" for name, value in self.pip.items()
        )


def _settings(environ: Mapping[str, str], config: str) -> dict[str, str]:
    """Settings by long name: PIP_* variables override uv's variables, which override files."""
    of_uv = {UV_NAMES[key]: _uv_value(environ, value) for key, value in environ.items() if value and key in UV_NAMES}
    return {**settings_of_files(config), **of_uv, **settings_of_variables(environ)}


def _uv_value(environ: Mapping[str, str], value: str) -> str:
    """A list of uv as pip writes it; each index gets the user and password from uv's variables."""
    return " ".join(_with_credentials(environ, entry) for entry in re.split(r"[\s,]+", value) if entry)


def _with_credentials(environ: Mapping[str, str], entry: str) -> str:
    """`name=https://host/simple` with UV_INDEX_NAME_USERNAME and _PASSWORD becomes `https://user:password@host/simple`."""
    name, is_named, url = entry.partition("=")
    if not is_named or "/" in name:
        return entry
    prefix = f"UV_INDEX_{re.sub(r'[^A-Z0-9]', '_', name.upper())}"
    user, password = environ.get(f"{prefix}_USERNAME", ""), environ.get(f"{prefix}_PASSWORD", "")
    if not user and not password:
        return url
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"))


def _is_reachable(url: str) -> bool:
    """Whether a build can reach a URL: it is not a folder or file of this machine."""
    return urlsplit(url).scheme in ("http", "https")


def _only_reachable(name: str, value: str) -> str:
    return " ".join(filter(_is_reachable, value.split())) if name in (*URLS, "constraint") else value


def _left_out(settings: Mapping[str, str]) -> Iterator[str]:
    for name in URLS:
        yield from (f"{name} {url}" for url in settings.get(name, "").split() if not _is_reachable(url))
    yield from (f"client-cert {path}" for path in [settings.get("client-cert")] if path)
    missing = (path for path in settings.get("constraint", "").split() if not _is_reachable(path))
    yield from (f"constraint {path}" for path in missing if not Path(path).expanduser().is_file())


def _proxies(environ: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in PROXIES:
        value = environ.get(name) or environ.get(name.upper())
        if value:
            found |= {name: value, name.upper(): value}
    return found


def _ca_bundle(environ: Mapping[str, str], options: BuildOptions, configured: str | None) -> Path | None:
    if options.ca_bundle is not None and not options.ca_bundle.is_file():
        raise UsageError(f"There is no file {options.ca_bundle}.", "--ca-bundle FILE, with certificates in PEM form")
    found = options.ca_bundle or ca_bundle(environ, configured)
    if found is not None and found.stat().st_size > SECRET_MAX_BYTES:
        raise SetupError(
            f"{found} has {found.stat().st_size:,} bytes; a build secret can have at most {SECRET_MAX_BYTES:,}.",
            "--ca-bundle FILE, with only the certificates that the build needs",
        )
    return found


def _constraints(named: str) -> str:
    files = [Path(path).expanduser() for path in named.split() if not _is_reachable(path)]
    return "".join(path.read_text(encoding="utf-8").rstrip("\n") + "\n" for path in files if path.is_file())


def _wheels(environ: Mapping[str, str], options: BuildOptions) -> Path | None:
    named = options.wheels or environ.get(WHEELS_VARIABLE)
    if not named:
        return None
    if not any(Path(named).glob("*.whl")):
        raise UsageError(f"There are no wheels in {named}.", "pip wheel --wheel-dir DIR -r requirements.txt")
    return Path(named)
