"""Prints what is installed: Python packages as `name==version`, which pip takes as constraints, then Debian's."""

import importlib.metadata
import re
import subprocess
import sys


def python_packages(folders: list[str]) -> list[str]:
    """The packages in some folders, sorted."""
    found = importlib.metadata.distributions(path=folders)
    return sorted({f"{re.sub('[-_.]+', '-', each.name).lower()}=={each.version}" for each in found})


def debian_packages() -> list[str]:
    """The packages that dpkg knows, as comments, sorted."""
    query = ["dpkg-query", "--show", "--showformat=# debian ${Package}=${Version}\n"]
    return sorted(subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines())


if __name__ == "__main__":
    inside = [folder for folder in sys.path if folder.startswith(sys.prefix)]
    print("\n".join([*python_packages(inside), *debian_packages()]))
