"""Who one is at a registry: as Docker's own configuration and credential helpers say."""

from __future__ import annotations

import warnings

from pyml.errors import SetupError

DOCKER_HUB = ("docker.io", "registry-1.docker.io", "index.docker.io")


def docker_credentials(host: str) -> tuple[str, str] | None:
    """User and password for a registry, from `~/.docker/config.json` or `$DOCKER_CONFIG`; None if it has none.

    Args:
        host: of the registry, with its port.

    Raises:
        SetupError: the helper that the configuration names cannot be asked.
    """
    from docker.auth import INDEX_NAME, load_config
    from docker.errors import DockerException

    login = f"docker login {host}"
    try:
        with warnings.catch_warnings(action="ignore"):  # a helper that is missing is an error as well
            found = load_config().resolve_authconfig(INDEX_NAME if host in DOCKER_HUB else host) or {}
    except DockerException as error:
        message = f"Docker's credentials for {host} cannot be read: {error}"
        raise SetupError(message, f"{login}, or remove its entry from ~/.docker/config.json") from error
    known = {name.lower(): str(value) for name, value in found.items()}  # a helper's names begin with a capital
    if known.get("identitytoken"):
        raise SetupError(
            f"Docker has a token for {host}, and a password is needed", f"{login} -u USER --password-stdin"
        )
    return (known["username"], known.get("password", "")) if known.get("username") else None
