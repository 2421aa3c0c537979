"""First audio from the cache: from the stream's `start` to the first `media`, at 100 calls (quick: 20).

These calls talk with their agents. Others come one after the other to a flow that says a prompt; it was rendered into
the cache when the daemon started, as prompts that are the same for all are. The rivals have no prompts.
"""

from __future__ import annotations

import time

from bench.figures.plan import Contest, Values, alternate, live
from bench.load import orders
from bench.load.histogram import Histogram
from bench.programs import PROMPT_NUMBER
from bench.results import Column, Result, at_most
from bench.stand import NotCounted, Stand

COLUMNS = [
    Column("p50", "p50 ms", "{:.2f}"),
    Column("p95", "p95", "{:.2f}"),
    Column("p99", "p99", "{:.2f}"),
    Column("most", "worst", "{:.1f}"),
    Column("failed", "failed", "{:.0f}"),
    Column("own", "generator's core", "{:.0%}"),
]


def run(contest: Contest) -> Result:
    """voiced alone."""
    plan = contest.plan
    rows = list(
        alternate(
            contest, contest.ours[:1], ("wss",), lambda stand: timed(stand, plan.calls, plan.settle, plan.first_audio)
        )
    )
    result = Result("first audio", __doc__ or "", COLUMNS, rows)
    found = result.median("voiced", "wss", "p99") if plan.calls >= 100 else None
    target = at_most("first audio from the cache within 10 ms (p99) of `start` at 100 calls", found, 10, "{:.1f} ms")
    return Result(result.name, result.about, COLUMNS, rows, [target])


def timed(stand: Stand, calls: int, settle: float, times: int) -> Values:
    """One series."""
    live(stand, calls)
    time.sleep(settle)
    found = stand.generator.obey(orders.FirstAudio(times, PROMPT_NUMBER), orders.Times)
    stand.hang_up()
    return distribution(stand, found)


def distribution(stand: Stand, found: orders.Times) -> Values:
    """Of times that were taken one by one. Raises NotCounted where there are none."""
    stand.must_keep_up(found.own_cpu, found.late)
    if not found.ms:
        raise NotCounted(f"none of {found.failed} came to its end")
    histogram = Histogram()
    for ms in found.ms:
        histogram.add(int(ms * 1e6))
    p50, p95, p99, most = histogram.summary()
    return {
        "p50": p50, "p95": p95, "p99": p99, "most": most, "failed": float(found.failed), "own": found.own_cpu
    }  # fmt: skip
