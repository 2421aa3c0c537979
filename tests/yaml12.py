"""YAML as editors read it: version 1.2, whose core schema (yaml.org/spec/1.2.2, §10.3) knows fewer words than PyYAML.

`on`, `yes`, `1:30` and `2026-12-25` are texts there; `+14155550100` is a number, and so is `0o17`.
"""

from __future__ import annotations

import re
from typing import Any

import yaml


class Yaml12(yaml.SafeLoader):
    """PyYAML's loader with the tags of the core schema; names are texts, as JSON has them."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Named by PyYAML."""
        return {name.value: self.construct_object(value, deep=True) for name, value in node.value}


Yaml12.yaml_implicit_resolvers = {}
for tag, form, first in [
    ("null", r"null|Null|NULL|~|", ["n", "N", "~", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", list("-+.")),
]:
    Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{form})$"), first)


def _whole(loader: Any, node: Any) -> int:
    text = loader.construct_scalar(node)
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


Yaml12.add_constructor("tag:yaml.org,2002:int", _whole)


def load(text: str) -> Any:
    """What an editor sees."""
    return yaml.load(text, Loader=Yaml12)  # noqa: S506 - it is a SafeLoader
