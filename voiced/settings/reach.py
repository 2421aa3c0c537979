"""Which flows a call can come to, and where: for the warnings about what callers are told, and may say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from voiced.call.flow import Flow
from voiced.call.template import Template
from voiced.ivoiced import IStep


class Finding(NamedTuple):
    """Something that deserves a warning."""

    flow: str
    node: str
    """"": it is about the flow as a whole."""
    step: int
    """Its place in the node, from 1; 0: none."""
    sentence: str


def reached(flows: Mapping[str, Flow], entry: str) -> list[Flow]:
    """The flow that a call begins with, and all that it can come to from there; each one once."""
    found, waiting = {entry: flows[entry]}, [entry]
    while waiting:
        for _, _, step in steps_of(flows[waiting.pop()]):
            for name in step.mentions().flows:
                if name in flows and name not in found:
                    found[name] = flows[name]
                    waiting.append(name)
    return list(found.values())


def steps_of(flow: Flow) -> Iterator[tuple[str, int, IStep]]:
    """Its steps, each with its node and its place there, from 1."""
    for node, steps in flow.nodes.items():
        for number, placed in enumerate(steps, 1):
            yield node, number, placed.step


def empty(text: Template) -> bool:
    """Whether this wording says nothing."""
    return text.static and not text.fill({}).strip()
