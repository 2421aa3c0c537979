"""What stands in the place of everything outside: lookups and tools with the scenario's answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import deferLater
from zope.interface import implementer

from voiced.errors import LookupFailed, ToolFailed
from voiced.ivoiced import IAgentTool, ICall, ICallerLookup, ToolResult
from voiced.rehearsal.agents import Complain
from voiced.rehearsal.scenario import Fault


@implementer(ICallerLookup)
@attrs.define
class ScriptedLookup:
    """Answers what the scenario says; or, where that says nothing, as the real one does (`real`), if it may."""

    name: str
    answers: Sequence[Mapping[str, str]]
    """One after the other, and then the last; none: the scenario says nothing."""
    _faults: Sequence[Fault]
    _complain: Complain
    _real: ICallerLookup | None = None
    _asked: int = 0

    def lookup(self, call: ICall) -> Deferred[Mapping[str, str]]:
        """See ICallerLookup."""
        self._asked += 1
        return Deferred.fromCoroutine(self._lookup(call, self._asked))

    async def _lookup(self, call: ICall, asked: int) -> Mapping[str, str]:
        for fault in [each for each in self._faults if each.hits(asked)]:
            if fault.fails:
                raise LookupFailed(f"the scenario lets the lookup {self.name} fail")
            await deferLater(call.clock, fault.late or 0.0)
        if self.answers:
            return self.answers[min(asked, len(self.answers)) - 1]
        if self._real is not None:
            return await self._real.lookup(call)
        why = f"lookup {self.name} has no answer: write `lookups: {{{self.name}: {{name: Ann}}}}`, or `{{}}`"
        self._complain(why)
        raise LookupFailed(why)


@implementer(IAgentTool)
@attrs.define
class ScriptedTool:
    """A tool of voiced.yaml that answers what the scenario says, after its faults."""

    name: str
    answers: Sequence[str]
    """One after the other, and then the last; none: the scenario says nothing."""
    _faults: Sequence[Fault]
    _complain: Complain
    _real: IAgentTool | None = None
    _used: int = 0
    description: str = "A tool of a scenario."
    parameters: Mapping[str, Any] = attrs.field(factory=lambda: {"type": "object", "properties": {}})
    timeout: float = 5.0

    def run(self, call: ICall, arguments: Mapping[str, Any]) -> Deferred[ToolResult]:
        """See IAgentTool."""
        self._used += 1
        return Deferred.fromCoroutine(self._run(call, arguments, self._used))

    async def _run(self, call: ICall, arguments: Mapping[str, Any], used: int) -> ToolResult:
        for fault in [each for each in self._faults if each.hits(used)]:
            if fault.fails:
                raise ToolFailed(f"the scenario lets the tool {self.name} fail")
            await deferLater(call.clock, fault.late or 0.0)
        return await self._answered(call, arguments, used)

    def _answered(self, call: ICall, arguments: Mapping[str, Any], used: int) -> Deferred[ToolResult]:
        if self.answers:
            return succeed(ToolResult(self.answers[min(used, len(self.answers)) - 1]))
        if self._real is not None:
            return self._real.run(call, arguments)
        why = f'tool {self.name} has no answer: write `tools: {{{self.name}: "It is done."}}`'
        self._complain(why)
        return fail(ToolFailed(why))
