"""Plan: how much is measured. `quick` is for seeing that all works, `whole` for figures that are worth something."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import attrs

from bench.programs import NotStarted, Program
from bench.results import Row
from bench.stand import Bench, NotCounted, Stand


@attrs.frozen
class Plan:
    """How often, how long, how many; times in seconds."""

    name: str
    alternations: int
    """How often each program has its turn."""
    calls: int
    """Live, where the figure does not say another number."""
    seconds: float
    """Of a window that is measured."""
    settle: float
    """Between the last call's beginning and the window: Node compiles what it meets often."""
    many: int
    """Calls of the figure `latency`."""
    step: int
    """How finely the number of calls that a core carries is searched for."""
    search_seconds: float
    webhook_seconds: float
    first_audio: int
    """Calls whose first audio is timed."""
    rounds: int
    """Interruptions of each call."""
    killed_calls: int
    """Live when the daemon is killed, each in a sentence ..."""
    killed_agents: int
    """... or with an agent."""
    endurance_calls: int
    endurance_seconds: float
    """0: the figure is left out."""


QUICK = Plan("quick", 1, 20, 3.0, 1.0, 40, 50, 2.0, 2.0, 20, 1, 20, 20, 0, 0.0)
WHOLE = Plan("whole", 5, 100, 10.0, 4.0, 200, 25, 5.0, 5.0, 200, 5, 200, 100, 500, 600.0)


@attrs.frozen
class Contest:
    """Who is measured, where, and how much."""

    bench: Bench
    plan: Plan
    programs: Sequence[Program]
    say: Callable[[str], None]
    """Told what is going on, for whoever waits."""

    @property
    def ours(self) -> list[Program]:
        """voiced alone, in each of its ways."""
        return [program for program in self.programs if program.ours]


Values = dict[str, float]


def alternate(
    contest: Contest,
    programs: Sequence[Program],
    legs: Sequence[str],
    measure: Callable[[Stand], Values],
    times: int | None = None,
) -> Iterator[Row]:
    """Each program in turn, each time started anew, so that whatever else the machine does meets them all."""
    for turn in range(contest.plan.alternations if times is None else times):
        for leg in legs:
            for program in programs:
                row = once(contest, program, leg, measure)
                shown = row.spoilt or ", ".join(f"{name} {value:.4g}" for name, value in row.values.items())
                contest.say(f"  {turn + 1}. {program.name}, {leg}: {shown}")
                yield row


def once(contest: Contest, program: Program, leg: str, measure: Callable[[Stand], Values]) -> Row:
    """One measurement of a program that was started for it."""
    values: Values = {}
    spoilt = ""
    try:
        with contest.bench.stand(program, tls=leg == "wss") as stand:
            values = measure(stand)
    except (NotCounted, NotStarted, OSError) as error:
        spoilt = str(error) or type(error).__name__
    return Row(program.name, program.ours, leg, values, spoilt)


def live(stand: Stand, calls: int) -> None:
    """So many calls. Raises NotCounted when there are fewer."""
    rung = stand.ring(calls)
    if rung.live < calls:
        raise NotCounted(f"{rung.live} of {calls} calls are live; {'; '.join(rung.why[:2])}")
