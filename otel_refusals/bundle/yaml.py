"""YAML as people write rules: keys in the order given, queries and prose over several lines as blocks, no aliases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Blocks for text of several lines, and every value written where it stands."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the name is the base class's
        """No aliases for anything."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if "\n" not in text:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text)
    bare = "\n".join(line.rstrip() for line in text.split("\n"))  # a block cannot have spaces at the end of a line
    return dumper.represent_scalar("tag:yaml.org,2002:str", bare, style="|")


_Dumper.add_representer(str, _text)


def load(path: Path) -> Any:
    """What the file holds."""
    with path.open(encoding="utf-8") as file:
        return yaml.safe_load(file)


def dump(*documents: Any) -> str:
    """The documents as text."""
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**16)
