"""The picture: bars of the medians, with the least and the most measured."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from bench.results import Result, Run

BARS = {
    "relay": [("us", "CPU per relayed frame (us)"), ("kb", "memory per call (KB)")],
    "latency": [("p99", "added latency, p99 (ms)")],
    "capacity": [("calls", "calls on a core, p99 under 20 ms")],
}
"""Of which figures, which values, under which title; all with agents over wss."""
COLOURS = {True: "#2b6cb0", False: "#a0aec0"}


def draw(run: Run, path: Path) -> None:
    """Write it as SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    mpl.rcParams["svg.hashsalt"] = "bench"
    panels = [(result, *bar) for result in run.results for bar in BARS.get(result.name, ())]
    if not panels:
        return
    figure, axes = pyplot.subplots(len(panels), 1, figsize=(8, 1.7 * len(panels)), squeeze=False)
    for axis, (result, name, title) in zip(axes[:, 0], panels, strict=True):
        _panel(axis, result, name, title)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _panel(axis: Any, result: Result, name: str, title: str) -> None:
    programs = list(dict.fromkeys(row.program for row in result.rows))
    found = {program: result.counted(program, "wss", name) for program in programs}
    shown = [program for program in reversed(programs) if found[program]]
    ours = {row.program for row in result.rows if row.ours}
    middles = [statistics.median(found[program]) for program in shown]
    errors = [
        [middle - min(found[program]) for program, middle in zip(shown, middles, strict=True)],
        [max(found[program]) - middle for program, middle in zip(shown, middles, strict=True)],
    ]
    colours = [COLOURS[program in ours] for program in shown]
    several = max(map(len, found.values())) > 1
    bars = axis.barh(shown, middles, color=colours, xerr=errors if several else None, ecolor="#4a5568", capsize=2)
    axis.bar_label(bars, fmt=_short, padding=6, fontsize=8)
    axis.set_title(title, fontsize=9, loc="left")
    axis.tick_params(labelsize=8)
    axis.margins(x=0.12)
    axis.spines[["top", "right"]].set_visible(False)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
