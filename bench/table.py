"""Rows of the Markdown tables that the benches print."""

from __future__ import annotations

import statistics


def row(name: str, figures: list[float], unit: str = "ms") -> None:
    """Print a line of the table: how many, and the median, the 95th percentile and the worst of them."""
    ordered = sorted(figures)
    late = ordered[min(len(ordered) - 1, round(len(ordered) * 0.95))]
    print(f"| {name} | {len(figures)} | {statistics.median(ordered):.1f} | {late:.1f} | {ordered[-1]:.1f} {unit} |")
