"""Interruption: from the agent's `interruption` to `clear` at the carrier, at 100 calls (quick: 20).

From the double's write of one to the arrival of the other. All calls talk; one after the other, every 10 ms, an agent
says two seconds at once and is interrupted 50 ms later. Agents over wss.
"""

from __future__ import annotations

import time

from bench.figures.first_audio import COLUMNS, distribution
from bench.figures.plan import Contest, Values, alternate, live
from bench.load import orders
from bench.results import Result, at_most
from bench.stand import Stand


def run(contest: Contest) -> Result:
    """All programs."""
    plan = contest.plan
    rows = list(
        alternate(
            contest, contest.programs, ("wss",), lambda stand: timed(stand, plan.calls, plan.settle, plan.rounds)
        )
    )
    result = Result("interruption", __doc__ or "", COLUMNS, rows)
    found = result.median("voiced", "wss", "p99") if plan.calls >= 100 else None
    target = at_most("interruption to `clear` within 5 ms (p99) at 100 calls", found, 5, "{:.1f} ms")
    return Result(result.name, result.about, COLUMNS, rows, [target])


def timed(stand: Stand, calls: int, settle: float, rounds: int) -> Values:
    """One series."""
    live(stand, calls)
    time.sleep(settle)
    found = stand.generator.obey(orders.Interrupt(rounds), orders.Times)
    stand.hang_up()
    return distribution(stand, found)
