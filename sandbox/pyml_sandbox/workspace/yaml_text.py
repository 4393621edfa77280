"""Documents as YAML that people read."""

from __future__ import annotations

import re
from collections.abc import Mapping

LIKE_A_NUMBER = re.compile(r"[0-9.+_-][0-9.eE+_-]*", re.ASCII)
"""Texts that some reader of YAML takes for a number, such as the version 412345678e12; readers do not agree which."""


def yaml_text(*documents: Mapping[str, object]) -> str:
    """Documents as YAML, keys in their order; without aliases, and text of several lines as a block."""
    import yaml

    class Readable(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else "'" if LIKE_A_NUMBER.fullmatch(value) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Readable.add_representer(str, text)
    return str(yaml.dump_all(documents, Dumper=Readable, sort_keys=False, width=120))
