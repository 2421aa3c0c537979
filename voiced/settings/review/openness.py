"""Callers who are not told that an AI speaks, and people who are called and cannot say that they do not want that."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from voiced.errors import Fault
from voiced.settings.daemon import Settings
from voiced.settings.disclosure import undisclosed
from voiced.settings.optout import calling, taken_keys, without_opt_out
from voiced.settings.reach import Finding
from voiced.settings.review.places import finding
from voiced.settings.review.scripts import Scripts, told_of


def openness(scripts: Scripts) -> Iterator[Fault]:
    """Every finding about `disclose` and `opt_out`, in the flows that calls begin with and those that they call."""
    named = set() if scripts.settings is None else set(_placing(scripts.settings))
    begun = set() if scripts.settings is None else set(_answering(scripts.settings))
    entries = {*begun, *named, *(name for name in scripts.made if not scripts.called_by.get(name))}
    found = (
        undisclosed(scripts.made, entries),
        without_opt_out(scripts.made, calling(scripts.made, named)),
        taken_keys(scripts.made, entries),
    )
    for each in chain.from_iterable(found):
        yield _fault(scripts, each)


def _fault(scripts: Scripts, found: Finding) -> Fault:
    loading = scripts.flows[found.flow]
    if not found.node:
        return finding(loading.shared.flow["flow"], found.sentence)
    step = loading.nodes[found.node][found.step - 1]
    return told_of(loading, finding(step.body, found.sentence, named=True))


def _placing(settings: Settings) -> Iterator[str]:
    """The flows that calls of ours are meant to begin with."""
    if settings.outbound.flow is not None:
        yield settings.outbound.flow
    for party in settings.api.keys.parties if settings.api.keys else ():
        yield from party.flows or ()


def _answering(settings: Settings) -> Iterator[str]:
    """The flows that calls to us begin with."""
    yield from settings.numbers.values()
    rules = settings.inbound
    caps = (rules.calls_at_once.outcome, rules.calls_per_day.outcome)
    outcomes = [rules.deny.outcome, rules.anonymous, *caps]
    if rules.unattested is not None:
        outcomes.append(rules.unattested.outcome)
    yield from (outcome.flow for outcome in outcomes if outcome is not None and outcome.flow is not None)
