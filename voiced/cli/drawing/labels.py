"""What leads from a step to each of its nodes, in a word: the key, the case, `otherwise`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec

from voiced.ivoiced import IStep


def ways(step: IStep) -> list[tuple[str, str]]:
    """The nodes that a step leads to, each with its label ("": it just goes there).

    A step that says nothing of it (Mentions.labels) is read: a node's name in a mapping is labelled by its key, in a
    setting by the setting's name, and not at all in the one that a bare text fills.
    """
    mentions = step.mentions()
    if len(mentions.labels) == len(mentions.nodes):
        return list(zip(mentions.labels, mentions.nodes, strict=True))
    named = sorted(_named(step, frozenset(mentions.nodes)), key=lambda each: not each[0])
    found: list[tuple[str, str]] = []
    for node in mentions.nodes:
        match = next((each for each in named if each[2] == node), (True, "", node))
        found.append((match[1], node))
        if match in named:
            named.remove(match)
    return found


def _named(value: Any, nodes: Collection[str]) -> Iterator[tuple[bool, str, str]]:
    """Where settings name one of the nodes: whether in a mapping or a list, the label, the node."""
    for field in msgspec.structs.fields(value):
        inner = getattr(value, field.name)
        if isinstance(inner, str) and inner in nodes:
            yield False, "" if field.name == getattr(value, "shorthand", "") else field.encode_name, inner
        elif isinstance(inner, Mapping):
            for name, each in inner.items():
                yield from ((True, str(name), node) for node in _within(each, nodes))
        elif isinstance(inner, list | tuple):
            for each in inner:
                yield from ((True, _said(each, node), node) for node in _within(each, nodes))


def _within(value: Any, nodes: Collection[str]) -> Iterator[str]:
    if isinstance(value, str) and value in nodes:
        yield value
    elif isinstance(value, msgspec.Struct):
        yield from (node for _, _, node in _named(value, nodes))


def _said(value: Any, node: str) -> str:
    """An entry of a list, without the node that it leads to: `prefix +44`; `hours.next present`."""
    if not isinstance(value, msgspec.Struct):
        return ""
    fields = [
        (field.encode_name, getattr(value, field.name), field.default) for field in msgspec.structs.fields(value)
    ]
    said = [_pair(name, inner) for name, inner, default in fields if inner not in (node, default, None)]
    return " ".join(said)


def _pair(name: str, value: Any) -> str:
    """A setting and its value: of a fact its name only, of what is so its setting only."""
    if name == "fact":
        return str(value)
    if isinstance(value, bool):
        return name if value else f"not {name}"
    return f"{name} {_short(value)}"


def _short(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
