"""`python -m bench profile`: what voiced does with its time while it carries calls, as cProfile sees it.

The program runs under twistd's own `--profile`. The profiler makes small functions look dearer than they are and does
not see into C; what matters is the order, and what is there that need not be.
"""

from __future__ import annotations

import io
import pstats
import time
from collections import Counter

import attrs

from bench.programs import Program, Running, Surroundings
from bench.stand import Bench

WAITING = ("'poll' of", "run_forever")
"""In the names of functions whose own time is spent waiting."""


def profile(bench: Bench, program: Program, calls: int, seconds: float, tls: bool, top: int) -> str:
    """The functions with the most time of their own."""
    found: list[Running] = []
    with bench.stand(_profiled(program), tls) as stand:
        rung = stand.ring(calls)
        time.sleep(1.0)
        measured = stand.measure(seconds)
        found.append(stand.running)
        stand.hang_up()
        time.sleep(1.0)  # the last calls are written down; then it stops at once, and writes its profile
    file = found[0].where.home / "profile"
    if not file.exists():
        return f"no profile was written; {program.name} says:\n{found[0].log}"
    out = io.StringIO()
    stats = pstats.Stats(str(file), stream=out)
    stats.strip_dirs().sort_stats("tottime").print_stats(top)
    frames = measured.sent + measured.came_back
    used = measured.cpu / frames * 1e6 if frames else 0.0
    head = (
        f"{program.name}, {rung.live} calls, agents over {'wss' if tls else 'ws'}, {measured.seconds:.0f} s: "
        f"{frames} frames relayed, {used:.0f} us of CPU each (with the profiler's own); p99 {measured.added[2]:.1f} "
        f"ms; the load generator used {measured.own_cpu:.0%} of its core.\n\n{_by_file(stats)}\n"
    )
    return head + out.getvalue()


def _by_file(stats: pstats.Stats) -> str:
    """Own time, file by file (`~`: what is written in C), without the wait for something to do."""
    times: Counter[str] = Counter()
    for (file, _, name), (_, _, own, _, _) in stats.stats.items():  # type: ignore[attr-defined]
        if not any(word in name for word in WAITING):
            times[file] += own
    whole = sum(times.values()) or 1.0
    return "\n".join(f"{own:8.3f} s {own / whole:6.1%}  {file}" for file, own in times.most_common(15))


def _profiled(program: Program) -> Program:
    def command(where: Surroundings) -> list[str]:
        twistd, *rest = program.command(where)
        return [twistd, "--profile=profile", "--profiler=cprofile", "--savestats", *rest]

    return attrs.evolve(program, command=command)
