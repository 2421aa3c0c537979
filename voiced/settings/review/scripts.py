"""All flows as they are written, and who calls whom: what a finding is looked for in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from itertools import chain
from typing import Any

import attrs

from voiced.call.flow import Flow
from voiced.errors import Fault
from voiced.ivoiced import Mentions
from voiced.settings.daemon import Settings
from voiced.settings.flowfile import Loading
from voiced.settings.stepbody import WrittenStep


@attrs.define
class Scripts:
    """The flows as they are written, by name, also those with a fault; and voiced.yaml, where it has none."""

    flows: Mapping[str, Loading]
    made: Mapping[str, Flow]
    """What was made of those without a fault."""
    settings: Settings | None
    calls: Mapping[str, Set[str]]
    """The flows that each flow calls itself, ..."""
    called_by: Mapping[str, Set[str]]
    """... and those that call it."""
    _known: dict[tuple[str, str], frozenset[str]] = attrs.field(factory=dict, repr=False)
    """What was found out already: of hundreds of flows that call one another, much is asked for again and again."""

    @classmethod
    def of(cls, loaded: Sequence[Loading], made: Mapping[str, Flow], settings: Settings | None) -> Scripts:
        """These flows; one that has no name is called as its file."""
        flows = {name_of(loading): loading for loading in reversed(loaded)}
        calls = {
            name: {flow for step in each.steps for flow in mentions_of(step).flows} for name, each in flows.items()
        }
        called_by: defaultdict[str, set[str]] = defaultdict(set)
        for name, others in calls.items():
            for other in others:
                called_by[other].add(name)
        return cls(flows, made, settings, calls, called_by)

    def called(self, name: str) -> Set[str]:
        """The flow itself, and all that it calls, and they; also such as were not read."""
        return self._once("called", name, lambda: _reach(name, self.calls))

    def callers(self, name: str) -> Set[str]:
        """All that call the flow, and call them."""
        nearest = self.called_by.get(name, ())
        return self._once("callers", name, lambda: _all(_reach(caller, self.called_by) for caller in nearest))

    def family(self, name: str) -> Set[str]:
        """The flows that can be a part of one call with this one."""
        return self._once("family", name, lambda: _all(map(self.called, {name, *self.callers(name)})))

    def passed_to(self, name: str) -> Iterator[str]:
        """The names of the arguments that the flow may get."""
        for caller in self.called_by.get(name, ()):
            for mentions in map(mentions_of, self.flows[caller].steps):
                if name in mentions.flows:
                    yield from mentions.passes

    def set_in(self, name: str) -> Set[str]:
        """The facts that the steps of a flow may set themselves, with their agents."""
        steps = self.flows[name].steps if name in self.flows else ()
        return self._once("set_in", name, lambda: _all(map(self._sets, steps)))

    def sets(self, step: WrittenStep) -> Set[str]:
        """The facts that a step may set, with what its agents and the flows that it calls may."""
        return self._sets(step) | _all(map(self._set_by, mentions_of(step).flows))

    def waits(self, name: str) -> bool:
        """Whether a flow, or one that it calls, may wait for the caller."""
        return "waits" in self._does(name)

    def stops(self, name: str) -> bool:
        """Whether a flow, or one that it calls, may be where the call ends, or goes back."""
        return "stops" in self._does(name)

    def _sets(self, step: WrittenStep) -> Set[str]:
        mentions = mentions_of(step)
        return {*mentions.sets, *chain.from_iterable(map(self._of_agent, mentions.agents))}

    def _set_by(self, name: str) -> Set[str]:
        return self._once("set_by", name, lambda: _all(map(self.set_in, self.called(name))))

    def _does(self, name: str) -> Set[str]:
        return self._once("does", name, lambda: _all(map(self._does_itself, self.called(name) & set(self.flows))))

    def _does_itself(self, name: str) -> Set[str]:
        mentions = [mentions_of(step) for step in self.flows[name].steps]
        waits = {"waits"} if any(each.waits for each in mentions) else set()
        return waits | ({"stops"} if any(not (each.goes_on or each.nodes) for each in mentions) else set())

    def _once(self, what: str, name: str, find: Callable[[], Set[str]]) -> Set[str]:
        if (what, name) not in self._known:
            self._known[what, name] = frozenset(find())
        return self._known[what, name]

    def _of_agent(self, name: str) -> Iterator[str]:
        """The facts that an agent of voiced.yaml, and its tools, say that they set."""
        if self.settings is None or name not in self.settings.agents:
            return
        agent = self.settings.agents[name]
        tools = (self.settings.tools[tool] for tool in agent.tools if tool in self.settings.tools)
        for chosen in (agent, *tools):
            yield from told_by(chosen.settings).sets


def _all(sets: Iterable[Set[str]]) -> Set[str]:
    return set().union(*sets)


def _reach(name: str, further: Mapping[str, Set[str]]) -> set[str]:
    found, ahead = {name}, [name]
    while ahead:
        new = further.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found


def name_of(loading: Loading) -> str:
    """The flow's name, or that of its file."""
    name = loading.shared.flow["flow"].value
    return name if isinstance(name, str) else loading.shared.flow.document.file


def told_of(loading: Loading, fault: Fault) -> Fault:
    """The fault, with the flow that it is one of where that is not seen from the file."""
    if fault.file == loading.shared.flow.document.file:
        return fault
    return attrs.evolve(fault, message=f"{fault.message} (in flow {name_of(loading)!r}, which includes this)")


def mentions_of(step: WrittenStep) -> Mentions:
    """All that the step names."""
    return step.mentions


def told_by(settings: Any) -> Mentions:
    """All that the settings of a plugin name, where they say so."""
    mentions = getattr(settings, "mentions", Mentions)()
    return mentions if isinstance(mentions, Mentions) else Mentions()
