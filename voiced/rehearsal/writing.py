"""Writes scenarios as YAML, such as `scenariofile` reads back."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from voiced.rehearsal.acts import ACTS
from voiced.rehearsal.scenario import Expect, Scenario
from voiced.rehearsal.turns import TURNS

_VERBS: dict[type, str] = {struct: name for verbs in (ACTS, TURNS) for name, struct in verbs.items()}


def to_yaml(*scenarios: Scenario, config: Path | str | None = None, notes: Mapping[int, str] = {}) -> str:
    """A file of these scenarios; `config` is the settings' path, relative to the file. `notes` are comments before
    the steps of these numbers, from 1, of the first of them.
    """
    head = {} if config is None else {"config": str(config)}
    plain = [_plain(scenario) for scenario in scenarios]
    for number in sorted(notes, reverse=True):
        plain[0].setdefault("steps", []).insert(number - 1, f"{_NOTE}{number}")
    text = yaml.dump(head | {"scenarios": plain}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return _MARK.sub(lambda found: f"{found[1]}# {notes[int(found[2])]}", text)


_NOTE = "the-note-of-step-"
_MARK = re.compile(rf"(?<=\n)( *)- {_NOTE}([0-9]+)$", re.MULTILINE)
"""Where a comment is to stand."""


class _Row(list[Any]):
    """A list that is written in one line."""


class _Dumper(yaml.SafeDumper):
    """Without aliases: what is the same in two places is written twice."""

    def ignore_aliases(self, value: Any) -> bool:
        return True


_Dumper.add_representer(
    _Row, lambda dumper, row: dumper.represent_sequence("tag:yaml.org,2002:seq", row, flow_style=True)
)


def _plain(value: Any) -> Any:
    if type(value) in _VERBS:
        return _verb(value)
    if isinstance(value, msgspec.Struct):
        return _fields(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _fields(value: msgspec.Struct) -> dict[str, Any]:
    """What is not as it is by itself."""
    fields = [(field, getattr(value, field.name)) for field in msgspec.structs.fields(value)]
    written = {
        field.encode_name: _plain(found) for field, found in fields if field.required or not _same(field, found)
    }
    if isinstance(value, Expect) and value.steps:
        written["steps"] = _Row(written["steps"])
    return written


def _same(field: msgspec.structs.FieldInfo, value: Any) -> bool:
    default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()  # type: ignore[operator]
    return bool(value == default)


def _verb(value: msgspec.Struct) -> Any:
    name = _VERBS[type(value)]
    body = _fields(value)
    only: str = getattr(value, "shorthand", getattr(value, "whole", ""))
    if not body:
        return name
    return {name: body[only] if list(body) == [only] else body}
