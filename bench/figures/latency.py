"""Latency added at 200 calls (quick: 40) on one core, agents over wss.

As in the figure above; each program in each of its turns is started anew.
"""

from __future__ import annotations

from bench.figures import relay
from bench.figures.plan import Contest, alternate
from bench.results import Result, at_most


def run(contest: Contest) -> Result:
    """All programs."""
    plan = contest.plan
    rows = list(
        alternate(
            contest,
            contest.programs,
            ("wss",),
            lambda stand: relay.relayed(stand, plan.many, plan.settle, plan.seconds),
        )
    )
    result = Result("latency", __doc__ or "", relay.COLUMNS, rows)
    # what was measured with fewer calls says nothing of this target
    found = result.median("voiced", "wss", "p99") if plan.many >= 200 else None
    target = at_most("p99 added latency under 5 ms at 200 calls", found, 5, "{:.1f} ms")
    return Result(result.name, result.about, relay.COLUMNS, rows, [target])
