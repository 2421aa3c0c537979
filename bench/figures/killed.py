"""Killed: a daemon under 200 calls in a sentence, or 100 with agents (quick: 20): how soon callers hear them again.

`kill -9`, and at once a new process on the same socket, which is held for it as systemd does. Each caller's carrier
asks `/call/after` as soon as its stream breaks, and waits for the answer. **dark** is the time from the kill until
the new process says that it listens (READY=1); all else is counted from there, in seconds. One half of the turns
has callers in the middle of a sentence: **back** is when the first of its rest is at the caller. In the other half
each talks with an agent (over wss) that has said something: **back** is when the first audio is at the caller that
the agent has answered, **met** when the last conversation was begun, **not told** how many agents were not told
what was said before. **CPU** is what the new process has used from listening until all were back: less than that no
core can take. **lost** is who never came back. Other work on the machine is in the figures; **load** is the load
average before the kill.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import attrs

from bench import machine
from bench.figures.plan import Contest, Values, alternate
from bench.held import Held, held
from bench.load import orders
from bench.proc import cpu_seconds
from bench.programs import AGENT_NUMBER, LENGTHY_NUMBER
from bench.results import Column, Result, Row, Target
from bench.stand import NotCounted, Stand

COLUMNS = [
    Column("back", "back, last s", "{:.2f}"),
    Column("p50", "median", "{:.2f}"),
    Column("met", "met, last s", "{:.2f}"),
    Column("dark", "dark s", "{:.2f}"),
    Column("cpu", "CPU s", "{:.2f}"),
    Column("lost", "lost", "{:.0f}"),
    Column("untold", "not told", "{:.0f}"),
    Column("load", "load", "{:.1f}"),
    Column("own", "generator's core", "{:.0%}"),
]
TRIES, AT_ONCE = 5, 4
PATIENCE = 30.0
"""Seconds within which whoever comes back at all is back."""


@attrs.frozen
class Way:
    """What the callers of a turn do."""

    name: str
    called: str
    talk: bool
    asked: str
    within: float
    settle: float
    """Seconds until everybody is in the middle of it."""
    least: int
    """How many calls are wanted for the target."""


SPEECH = Way("speech", LENGTHY_NUMBER, False, "every caller hears speech again within 2 s", 2.0, 2.0, 200)
AGENTS = Way("agents", AGENT_NUMBER, True, "agents are back within 5 s", 5.0, 5.0, 100)


def run(contest: Contest) -> Result:
    """voiced alone, as it is set unless told."""
    rows: list[Row] = []
    targets = []
    plan = contest.plan
    for way, calls in ((SPEECH, plan.killed_calls), (AGENTS, plan.killed_agents)):
        program = held(contest.ours[-1], f"voiced, {way.name}")
        found = list(
            alternate(
                contest,
                [program],
                ("wss",),
                lambda stand, way=way, calls=calls: outlived(stand, way, calls, contest.say),
            )
        )  # type: ignore[misc]
        targets.append(target(way, calls, found))
        rows += found
    return Result("killed", __doc__ or "", COLUMNS, rows, targets)


def target(way: Way, calls: int, rows: Sequence[Row]) -> Target:
    """What is asked; the worst turn counts."""
    asked = f"killed with {way.least} live calls: {way.asked} of the new process listening"
    counted = [row.values for row in rows if not row.spoilt]
    if calls < way.least or not counted:
        return Target(asked, None, None)
    last, lost = max(values["back"] for values in counted), max(values["lost"] for values in counted)
    untold = max(values["untold"] for values in counted)
    reached = f"{last:.2f} s, {lost:.0f} lost" + (f", {untold:.0f} not told" if way.talk else "")
    return Target(asked, reached, last <= way.within and not lost and not untold)


def outlived(stand: Stand, way: Way, calls: int, say: Callable[[str], None]) -> Values:
    """One turn: so many calls, a kill, and another daemon."""
    running = stand.running
    assert isinstance(running, Held)  # noqa: S101 - for the type checker
    _ring(stand, way, calls)
    time.sleep(way.settle)
    load = machine.load()
    stand.generator.obey(orders.Return(), orders.Done)
    killed = running.kill()
    listening = running.start_again()
    began = cpu_seconds(running.process.pid)
    found = stand.generator.obey(orders.AwaitReturn(PATIENCE), orders.Returned)
    cpu = cpu_seconds(running.process.pid) - began
    stand.must_keep_up(found.own_cpu)
    for why in found.why:
        say(f"  lost: {why}")
    values = counted(found, way, killed, listening) | {"cpu": cpu, "load": load, "own": found.own_cpu}
    stand.hang_up()
    return values


def _ring(stand: Stand, way: Way, calls: int) -> None:
    """So many calls. On a machine that is busy with other things some agents come too late: they are rung anew.
    Raises NotCounted when there are fewer all the same."""
    live, why = 0, [""]
    for _ in range(TRIES):
        rung = stand.generator.obey(orders.Ring(calls - live, way.called, AT_ONCE, way.talk), orders.Rung)
        live, why = rung.live, rung.why
        if live >= calls:
            return
    raise NotCounted(f"{live} of {calls} calls are live; {'; '.join(why[:2])}")


def counted(found: orders.Returned, way: Way, killed: int, listening: int) -> Values:
    """In seconds since the new process listens. Raises NotCounted where nobody is back."""
    if not found.heard:
        raise NotCounted(f"none of {found.calls} callers is back; {'; '.join(found.why[:2])}")
    heard = [(at - listening) / 1e9 for at in found.heard]
    values = {
        "back": max(heard), "p50": statistics.median(heard), "dark": (listening - killed) / 1e9,
        "lost": float(found.calls - len(heard)), "untold": float(len(heard) - found.told) if way.talk else 0.0,
    }  # fmt: skip
    return values | ({"met": (max(found.met) - listening) / 1e9} if found.met else {})
