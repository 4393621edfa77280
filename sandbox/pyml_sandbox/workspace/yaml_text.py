"""Documents as YAML that people read."""

from __future__ import annotations

from collections.abc import Mapping


def yaml_text(*documents: Mapping[str, object]) -> str:
    """Documents as YAML, keys in their order; without aliases, and text of several lines as a block."""
    import yaml

    class Readable(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Readable.add_representer(str, text)
    return str(yaml.dump_all(documents, Dumper=Readable, sort_keys=False, width=120))
