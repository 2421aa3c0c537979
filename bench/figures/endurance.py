"""Endurance: 500 calls live for ten minutes on one core, with the default grouping, and none harmed; agents over wss.

Harmed is who receives nothing for 300 ms (**dead air** is the longest such time), loses a frame, or is cut off. Only
a whole run measures it.
"""

from __future__ import annotations

from bench.figures import relay
from bench.figures.plan import Contest, alternate
from bench.results import Column, Result, Row, Target

COLUMNS = [
    Column("core", "of its core", "{:.0%}"),
    Column("p99", "added p99 ms", "{:.1f}"),
    Column("dead_air", "dead air s", "{:.2f}"),
    Column("lost", "frames lost", "{:.0f}"),
    Column("ended", "calls cut off", "{:.0f}"),
    Column("kb", "KB/call", "{:.0f}"),
    Column("own", "generator's core", "{:.0%}"),
]
DEAD_AIR = 0.3
"""Seconds."""


def run(contest: Contest) -> Result | None:
    """voiced, as it is set unless told; None where the plan has no time for it."""
    plan = contest.plan
    if not plan.endurance_seconds:
        return None
    calls, seconds = plan.endurance_calls, plan.endurance_seconds
    rows = list(
        alternate(
            contest, contest.ours[-1:], ("wss",), lambda stand: relay.relayed(stand, calls, plan.settle, seconds), 1
        )
    )
    return Result("endurance", __doc__ or "", COLUMNS, rows, [_target(rows[0], calls, seconds)])


def _target(row: Row, calls: int, seconds: float) -> Target:
    asked = "500 calls live for ten minutes on one core with the default grouping and none harmed"
    if (calls, seconds) < (500, 600.0):
        return Target(asked, None, None)
    if row.spoilt:
        return Target(asked, row.spoilt, False)
    values = row.values
    harmed = values["lost"] or values["ended"] or values["dead_air"] > DEAD_AIR
    reached = (
        f"{values['lost']:.0f} frames lost, {values['ended']:.0f} calls cut off, {values['dead_air']:.2f} s dead air"
    )
    return Target(asked, reached, not harmed)
