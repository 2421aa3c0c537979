"""What a scenario names and settings or flows have to have: every name that is not there is told in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from voiced.call.dialplan import DEFAULT, entry_for, plain
from voiced.call.flow import Flow
from voiced.errors import Refused
from voiced.guard.callers import anonymous
from voiced.guard.destinations import caller, destination
from voiced.rehearsal.acts import Reaches
from voiced.rehearsal.scenario import STRANGER, Scenario
from voiced.settings.daemon import Settings
from voiced.settings.load import Configuration
from voiced.settings.nearest import instead
from voiced.settings.part import Part

RULES = frozenset(
    [
        "agent_minutes_per_day",
        "allow",
        "anonymous",
        "calls_at_once",
        "calls_per_day",
        "calls_per_minute",
        "deny",
        "dnc",
        "flows",
        "hours",
        "keys.calls_per_day",
        "keys.calls_per_minute",
        "legs_at_once",
        "number",
        "oncall_at_once",
        "oncall_per_ten_minutes",
        "per_destination_per_day",
        "prices",
        "refusals_per_minute",
        "risky",
        "spend_per_day",
        "texts_per_day",
        "texts_per_destination_per_day",
        "transfers_at_once",
        "transfers_per_destination_per_day",
        "transfers_per_minute",
        "unattested",
    ]
)
"""Every rule by which the guard says no (voiced.errors.Refused.rule)."""


def check(part: Part, scenario: Scenario, configuration: Configuration) -> None:
    """Everything that a scenario names is there; a fault for each that is not."""
    settings, flows = configuration.settings, configuration.flows
    _known("agent", part["agents"].items(), settings.agents)
    _known("lookup", part["lookups"].items(), settings.lookups)
    _known("tool", part["tools"].items(), settings.tools)
    for where in (part["flow"], part["call"]["flow"]):
        _one(where, "flow", flows)
    for number in range(len(scenario.faults)):
        inner = part["faults"][number]
        _one(inner["voice"], "voice", settings.voices)
        _one(inner["lookup"], "lookup", settings.lookups)
        _one(inner["tool"], "tool", settings.tools)
    _check_people(part, scenario, settings)
    _check_nodes(part, scenario, flows)
    refused = part["expect"]["refused"]
    if scenario.expect.refused is not None and scenario.expect.refused not in RULES:
        refused.wrong(f"the guard has no rule {refused.written}{instead(scenario.expect.refused, RULES)}")


def _check_people(part: Part, scenario: Scenario, settings: Settings) -> None:
    if not _may_ring(plain(scenario.caller)):
        part["from"].wrong(f"nobody rings from {part['from'].written}: write a number like {STRANGER}, or anonymous")
    for name, inner in part["desks"].items():
        _dialled(inner, name, named=True)
    if scenario.expect.transferred_to is not None:
        _dialled(part["expect"]["transferred_to"], scenario.expect.transferred_to)
    if scenario.ring is not None and scenario.flow is None:
        _rung(part["ring"], plain(scenario.ring), settings)


def _may_ring(who: str) -> bool:
    from_ = caller(who)
    return anonymous(who) or from_.number is not None or bool(from_.host)


def _dialled(part: Part, who: str, *, named: bool = False) -> None:
    """Somebody whom a call can be transferred to."""
    try:
        destination(who if who.startswith("sip") else plain(who))
    except Refused:
        part.wrong(f"nobody is called at {who!r}: write a number like {STRANGER}, or sip:name@host", named=named)


def _rung(part: Part, number: str, settings: Settings) -> None:
    """A number of ours. One that only `default` would answer is more likely a mistake in typing."""
    entries = [entry for entry in settings.numbers if entry != DEFAULT]
    ours = [*entries, *(account.number for account in settings.accounts if account.number)]
    if DEFAULT in settings.numbers and entries and entry_for(number, ours) is None:
        meant = f"if it is meant, write `flow: {settings.numbers[DEFAULT]}`, too{instead(number, ours)}"
        part.wrong(f"only `default` of voiced.yaml's numbers answers {part.written}: {meant}")


def _check_nodes(part: Part, scenario: Scenario, flows: Mapping[str, Flow]) -> None:
    lengths: dict[str, int] = {}
    for name, flow in flows.items():
        for node, steps in flow.nodes.items():
            lengths[node] = max(len(steps), lengths.get(node, 0))
            lengths[f"{name}/{node}"] = len(steps)
    for number in range(len(scenario.expect.steps)):
        _node(part["expect"]["steps"][number], lengths)
    for number, act in enumerate(scenario.steps):
        if isinstance(act, Reaches):
            inner = part["steps"][number]["reaches"]
            _node(inner["node"] if isinstance(inner.value, dict) else inner, lengths)


def _known(kind: str, parts: Iterator[tuple[str, Part]], known: Any) -> None:
    for name, inner in parts:
        if name not in known:
            inner.wrong(f"voiced.yaml has no {kind} {name!r}{instead(name, known)}", named=True)


def _one(part: Part, kind: str, known: Any) -> None:
    if isinstance(part.value, str) and part.value not in known:
        part.wrong(f"no {kind} is called {part.written}{instead(part.value, known)}")


def _node(part: Part, lengths: Mapping[str, int]) -> None:
    """A node, or `node.3`, its third step, or `flow/node`; `lengths`: how many steps each has."""
    text = str(part.value)
    node, _, number = text.rpartition(".")
    if text in lengths:
        return
    if node not in lengths or not number.isdecimal():
        part.wrong(f"no flow has a node {part.written}{instead(text, lengths)}")
    elif not 1 <= int(number) <= lengths[node]:
        part.wrong(f"the node {node!r} has no step {number}: its steps are 1 to {lengths[node]}")
