"""CPU per relayed frame, added latency and memory per call, at 100 calls (quick: 20).

Every caller sends 50 frames a second (160 bytes of mu-law in Twilio's `media`), every agent says back what it hears.
**us/frame** is the CPU time of the program's process (user and system, /proc) in the window, divided by the frames
that callers sent and received in it; a frame is 20 ms of audio, in however large messages it travelled to the agent.
**added** is the time from a frame's send to its return to the caller, by a stamp in its audio: both directions, and
the work of both doubles, are in it. Of frames that came to the agent together the youngest counts, so that the wait
for a group is not in it; **oldest** has that wait. **KB/call** is resident memory with all calls live, less that with
the first ten, divided by the number of the others.
"""

from __future__ import annotations

import time

from bench.figures.plan import Contest, Values, alternate, live
from bench.programs import GROUPED
from bench.results import Column, Result, Target, at_most, ratio
from bench.stand import NotCounted, Stand

COLUMNS = [
    Column("us", "us/frame"),
    Column("p50", "added p50 ms", "{:.2f}"),
    Column("p95", "p95", "{:.2f}"),
    Column("p99", "p99", "{:.2f}"),
    Column("oldest", "oldest p99", "{:.1f}"),
    Column("kb", "KB/call", "{:.0f}"),
    Column("lost", "frames lost", "{:.0f}"),
    Column("own", "generator's core", "{:.0%}"),
]
WARM = 10
"""Calls that are live before the memory of the others is counted: what only the first ones cost is not theirs."""
GROUPS = f"voiced, {GROUPED} ms groups"


def run(contest: Contest) -> Result:
    """All programs, over ws and wss."""
    plan = contest.plan
    rows = list(
        alternate(
            contest,
            contest.programs,
            ("ws", "wss"),
            lambda stand: relayed(stand, plan.calls, plan.settle, plan.seconds),
        )
    )
    result = Result("relay", __doc__ or "", COLUMNS, rows)
    return Result(result.name, result.about, COLUMNS, rows, _targets(result))


def relayed(stand: Stand, calls: int, settle: float, seconds: float) -> Values:
    """One window with so many calls."""
    live(stand, WARM)
    time.sleep(1.0)
    before = stand.resident_kb()
    live(stand, calls - WARM)
    time.sleep(settle)
    found = stand.measure(seconds)
    memory = stand.resident_kb()
    stand.hang_up()
    stand.must_keep_up(found.own_cpu, found.late)
    frames = found.sent + found.came_back
    if not frames:
        raise NotCounted("nothing was relayed")
    p50, p95, p99, most = found.added
    return {
        "us": found.cpu / frames * 1e6, "core": found.cpu / found.seconds, "p50": p50, "p95": p95, "p99": p99,
        "most": most, "oldest": found.grouped[2], "kb": (memory - before) / (calls - WARM), "lost": float(found.lost),
        "ended": float(found.ended), "dead_air": found.dead_air, "own": found.own_cpu, "late": found.late,
    }  # fmt: skip


def _targets(result: Result) -> list[Target]:
    def against(program: str, other: str) -> float | None:
        return ratio(result.median(program, "wss", "us"), result.median(other, "wss", "us"))

    return [
        at_most("CPU at 20 ms frames, wss: at most 0.80 of Node's", against("voiced", "Node fastify + ws"), 0.80),
        at_most("... and at most 0.35 of the plain bridge's", against("voiced", "plain Autobahn"), 0.35),
        at_most(
            f"CPU with {GROUPED} ms groups, wss: at most 0.45 of Node's", against(GROUPS, "Node fastify + ws"), 0.45
        ),
        at_most("at most 80 KB per call, wss", result.median("voiced", "wss", "kb"), 80, "{:.0f} KB"),
    ]
