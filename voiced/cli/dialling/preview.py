"""What a run over a list would do, and what would come of it that nobody can have meant. Asks nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from voiced.call.flow import Flow
from voiced.call.ordered import VARIABLES
from voiced.cli.dialling.pace import span
from voiced.cli.dialling.people import People, exists
from voiced.cli.dialling.plan import Plan
from voiced.cli.dialling.results import Results
from voiced.errors import VoicedError
from voiced.settings.load import Configuration

MOST_LINES = 10
"""Lines of a list that are named."""


class NoFlow(VoicedError):
    """The plan's flow is not in the settings."""


def preview(people: People, results: Results, plan: Plan) -> str:
    """What a run would do."""
    rows = [row for row in people.rows if results[row].open]
    least = span(len(rows) * plan.interval)
    lines = [
        f"{people.path}: {len(people.rows)} rows, {len(rows)} to be called: {least} at least. Nobody was called."
    ]
    if rows:
        asked = plan.wanted(rows[0], plan.key(rows[0], results[rows[0]].attempts + 1))
        lines.append(f"The first of them, line {rows[0].line}: {msgspec.json.encode(asked).decode()}")
    return "\n".join(lines)


def flow_of(plan: Plan, configuration: Configuration) -> Flow:
    """The flow that a daemon with these settings would connect them with. Raises NoFlow."""
    flows = configuration.flows
    name = plan.flow or configuration.settings.outbound.flow
    if name is None:
        raise NoFlow("which flow? --flow, or `outbound.flow` in the settings")
    if name not in flows:
        raise NoFlow(f"the settings have no flow {name!r}; they have: {', '.join(flows)}")
    return flows[name]


def doubts(people: People, flow: Flow | None) -> Iterator[str]:
    """What nobody can have meant, a sentence each; of the variables nothing is known without the flow."""
    strange = [row.line for row in people.rows if not exists(row.number)]
    if strange:
        yield f"no such number is known, so the daemon will refuse it: line {_some(strange)}"
    if flow is None:
        yield "whether there is the flow, and what it reads, was not looked up: no settings were read (--config)"
        return
    columns = [name for row in people.rows[:1] for name in row.variables]
    reads = _variables(flow)
    if missing := [name for name in reads if name not in columns]:
        places = ", ".join(f"{{{VARIABLES}{name}}}" for name in missing)
        yield f"flow {flow.name!r} reads what no column fills: {places}"
    if not flow.has_agent and (idle := [name for name in columns if name not in reads]):
        yield f"no step of flow {flow.name!r} reads: {', '.join(idle)}"


def _variables(flow: Flow) -> list[str]:
    """The names of the variables that it asks for and its steps read, in their order."""
    mentions = [placed.step.mentions() for steps in flow.nodes.values() for placed in steps]
    reads = dict.fromkeys(fact for each in mentions for fact in each.reads if fact.startswith(VARIABLES))
    return list(dict.fromkeys((*(flow.variables or ()), *(fact.removeprefix(VARIABLES) for fact in reads))))


def _some(lines: Sequence[int]) -> str:
    more = f" and {len(lines) - MOST_LINES} more" if len(lines) > MOST_LINES else ""
    return ", ".join(map(str, lines[:MOST_LINES])) + more
