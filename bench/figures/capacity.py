"""How many calls a core carries with p99 of the added latency under 20 ms, agents over wss.

Calls are added to a program that runs until a window has a p99 of 20 ms, a lost frame, a call that ended, or a call
that was refused; first each time as many as there are, then the gap is halved. When the load generator's own core is
full before that, the figure is a lower bound, and says so (**at least** is 1). **refused** is 1 where the program
itself said no.
"""

from __future__ import annotations

import time

from bench.figures.plan import Contest, Values, alternate
from bench.load.orders import Measured
from bench.results import Column, Result
from bench.stand import FULL, LATE, NotCounted, Stand

COLUMNS = [
    Column("calls", "calls", "{:.0f}"),
    Column("p99", "p99 ms there", "{:.1f}"),
    Column("core", "of its core", "{:.0%}"),
    Column("bound", "at least", "{:.0f}"),
    Column("refused", "refused", "{:.0f}"),
]
MOST_MS = 20.0
FIRST = 50
MOST = 1600


def run(contest: Contest) -> Result:
    """All programs, once in a quick run, else three times."""
    plan = contest.plan
    rows = alternate(
        contest,
        contest.programs,
        ("wss",),
        lambda stand: searched(stand, plan.step, plan.search_seconds, plan.settle),
        min(plan.alternations, 3),
    )
    return Result("capacity", __doc__ or "", COLUMNS, list(rows))


def searched(stand: Stand, step: int, seconds: float, settle: float) -> Values:
    """The most calls that were carried. Each try is with calls rung anew: one that failed leaves nothing behind."""
    good, bad, bound, refused = 0, MOST + step, False, False
    best: Measured | None = None
    while bad - good > step:
        calls = min(max(good * 2, FIRST), MOST) if bad > MOST else (good + bad) // 2
        rung = stand.ring(calls)
        time.sleep(settle)
        found = stand.measure(seconds)
        stand.hang_up()
        # then it is not the program that has failed
        full = not stand.anyhow and (found.own_cpu > FULL or found.late > LATE)
        if rung.live == calls and carried(found):
            good, best = calls, found
        else:
            bad, bound, refused = calls, full, rung.live < calls
        if good >= MOST:
            bound = True
            break
    if best is None:
        raise NotCounted("the load generator did not keep up with so few calls" if bound else f"not even {bad} calls")
    return {
        "calls": float(good), "p99": best.added[2], "core": best.cpu / best.seconds, "bound": float(bound),
        "refused": float(refused),
    }  # fmt: skip


def carried(found: Measured) -> bool:
    """Whether nobody was harmed."""
    return found.sent > 0 and found.added[2] < MOST_MS and not found.lost and not found.ended
