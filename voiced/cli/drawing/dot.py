"""A drawing as graphviz' `dot` reads it (graphviz.org, the DOT language)."""

from __future__ import annotations

from voiced.cli.drawing.chart import Arrow, Box, Chart

_SHAPES = {
    "head": 'shape=box, style="rounded"',
    "node": "shape=box",
    "flow": "shape=box, peripheries=2",
}


def dot(chart: Chart) -> str:
    """The text of a directed graph."""
    ids = {(box.kind, box.name): f"n{number}" for number, box in enumerate(chart.boxes)}
    lines = [f"digraph {_quoted(chart.title)} {{", '  node [fontname="sans-serif"]; edge [fontname="sans-serif"];']
    lines += [f"  {ids[box.kind, box.name]} [{_box(box)}];" for box in chart.boxes]
    lines += [f"  {ids[arrow.here]} -> {ids[arrow.there]} [{_arrow(arrow)}];" for arrow in chart.arrows]
    return "\n".join([*lines, "}"]) + "\n"


def _box(box: Box) -> str:
    return f"{_SHAPES[box.kind]}, label={_quoted(box.name, *box.lines)}"


def _arrow(arrow: Arrow) -> str:
    return f"label={_quoted(arrow.label)}" + (", style=dashed" if arrow.dashed else "")


def _quoted(*lines: str) -> str:
    """Lines as one quoted text."""
    escaped = [line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") for line in lines]
    return '"' + "\\n".join(escaped) + '"'
