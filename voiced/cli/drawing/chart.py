"""A flow as boxes and arrows: its nodes with their steps, and what leads from each to which."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from voiced.call.flow import Flow, Placed
from voiced.cli.drawing.labels import ways
from voiced.ivoiced import Mentions

_SHOWN = 40
"""Characters of a step's text."""
_HEADS = ("start", "on_error", "on_silence", "on_hangup", "message")


@attrs.frozen
class Box:
    """Something drawn: `node`, the `head` setting that leads to one, or another `flow`."""

    kind: str
    name: str
    lines: tuple[str, ...] = ()


@attrs.frozen
class Arrow:
    """A way from one box to another; `dashed`: a call comes there by something that happens."""

    here: tuple[str, str]
    there: tuple[str, str]
    """The kinds and names of both boxes."""
    label: str = ""
    dashed: bool = False


@attrs.frozen
class Chart:
    """All of one flow."""

    title: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def chart(flow: Flow) -> Chart:
    """The drawing of a flow."""
    heads = [name for name in _HEADS if getattr(flow, name) is not None]
    called = {
        name: None for steps in flow.nodes.values() for placed in steps for name in placed.step.mentions().flows
    }
    boxes = [Box("head", name) for name in heads]
    boxes += [Box("node", name, tuple(map(line, steps))) for name, steps in flow.nodes.items()]
    boxes += [Box("flow", name) for name in called]
    led = [Arrow(("head", name), ("node", getattr(flow, name)), dashed=name != "start") for name in heads]
    return Chart(flow.name, tuple(boxes), tuple(dict.fromkeys([*led, *_arrows(flow)])))


def _arrows(flow: Flow) -> Iterator[Arrow]:
    for name, steps in flow.nodes.items():
        leading = {placed.verb for placed in steps if any(label for label, _ in ways(placed.step))}
        for placed in steps:
            for label, node in ways(placed.step):
                said = f"{placed.verb}: {label}" if label and len(leading) > 1 else label
                yield Arrow(("node", name), ("node", node), said)
            for other in placed.step.mentions().flows:
                yield Arrow(("node", name), ("flow", other), placed.verb)


def line(placed: Placed) -> str:
    """A step in a line: its verb, and the beginning of what it says, or whom it names."""
    text = " ".join(_gist(placed, placed.step.mentions()).split())
    shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1].rstrip() + "…"
    return f"{placed.verb}: {shown}" if shown else placed.verb


def _gist(placed: Placed, mentions: Mentions) -> str:
    named = (*mentions.agents, *mentions.lookups, *mentions.flows, *mentions.targets, *mentions.files)
    if named:
        return named[0]
    if mentions.prompts:
        return mentions.prompts[0].text.source
    value = getattr(placed.step, getattr(placed.step, "shorthand", ""), "")
    return str(value) if isinstance(value, str | int | float) and value else next(iter(mentions.reads), "")
