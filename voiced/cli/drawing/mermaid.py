"""A drawing as Mermaid writes it (mermaid.js.org, flowcharts): GitHub, GitLab and many editors show it.

flowchart TD
    n0([start]) --> n1["<b>greeting</b><br/>say: Good day."]
"""

from __future__ import annotations

import re

from voiced.cli.drawing.chart import Arrow, Box, Chart

_ODD = re.compile(r"[^\w ,:;'!?…+*/=.-]")
_SHAPES = {"head": '(["{}"])', "node": '["{}"]', "flow": '[["{}"]]'}


def mermaid(chart: Chart) -> str:
    """The text of a flowchart."""
    ids = {(box.kind, box.name): f"n{number}" for number, box in enumerate(chart.boxes)}
    lines = ["flowchart TD", f"    %% {_plain(chart.title)}"]
    lines += [f"    {ids[box.kind, box.name]}{_shape(box)}" for box in chart.boxes]
    lines += [f"    {ids[arrow.here]} {_line(arrow)} {ids[arrow.there]}" for arrow in chart.arrows]
    return "\n".join(lines) + "\n"


def _shape(box: Box) -> str:
    name = f"<b>{_escaped(box.name)}</b>" if box.kind == "node" else _escaped(box.name)
    return _SHAPES[box.kind].format("<br/>".join([name, *map(_escaped, box.lines)]))


def _line(arrow: Arrow) -> str:
    line = "-.->" if arrow.dashed else "-->"
    return f'{line}|"{_escaped(arrow.label)}"|' if arrow.label else line


def _escaped(text: str) -> str:
    """With what Mermaid or HTML would read otherwise as `#35;`, its number."""
    return _ODD.sub(lambda found: f"#{ord(found[0])};", text)


def _plain(text: str) -> str:
    """For a comment, which ends with its line and knows no escapes."""
    return re.sub(r"[^\w .-]", " ", text)
