"""Where a finding stands: the text in a step that names a fact, or says too much."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import attrs

from voiced.errors import Fault
from voiced.settings.part import Part


def finding(part: Part, message: str, *, named: bool = False) -> Fault:
    """A sentence about the part, in its place (`named`: at its name's)."""
    faults: list[Fault] = []
    attrs.evolve(part, faults=faults).wrong(message, named=named)
    return faults[0]


def read_in(body: Part, fact: str) -> tuple[Part, bool]:
    """The text of a step that reads the fact, and whether it is a place in a template there."""
    place = re.compile(rf"(?<!\{{)\{{\s*{re.escape(fact)}\s*[:}}]")
    for part in _texts(body, lambda text: bool(place.search(text))):
        return part, True
    for part in _texts(body, fact.__eq__):
        return part, False
    return body, False


def text_in(body: Part, text: str) -> Part:
    """Where a step says this text."""
    return next(_texts(body, text.__eq__), body)


def _texts(body: Part, wanted: Callable[[str], bool]) -> Iterator[Part]:
    depth = len(body.where)
    for where in body.document.spots:
        if where[:depth] == body.where:
            part = attrs.evolve(body, where=where, base=len(where))
            if isinstance(part.value, str) and wanted(part.value):
                yield part
