"""What came over the wires of one call, as it came: enough to live through it again (`voiced replay`).

Audio is never kept. Private facts, and as much of the human's number as `privacy` hides, are hidden in every text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.call.records import WireEvent
from voiced.ioperator import IOperator
from voiced.ivoiced import IAgentTool, IToolbox, ToolResult

T = TypeVar("T")

MOST_EVENTS = 5000
"""Events kept of one call; a chatty hour has a thousand."""


@attrs.define
class Wire:
    """The events of a call, in order; none, unless they are `kept`. `hide(text)` takes out what may not be kept."""

    _clock: IReactorTime
    kept: bool
    _hide: Callable[[str], str]
    events: list[WireEvent] = attrs.field(factory=list)
    asked: dict[str, list[float]] = attrs.field(factory=dict)
    """When each thing of a kind was asked for that is noted once it is answered: seconds since the epoch."""

    def note(self, what: str, at: float | None = None, **about: Any) -> None:
        """Something came; now, or at that time."""
        if self.kept and len(self.events) < MOST_EVENTS:
            hidden = {name: self._hidden(value) for name, value in about.items()}
            self.events.append(WireEvent(self._clock.seconds() if at is None else at, what, hidden))

    def answered(
        self, what: str, asked: Deferred[T], tell: Callable[[Any], Mapping[str, Any]], **about: Any
    ) -> Deferred[T]:
        """Note what a question is answered with, or that it fails, and the seconds that it `took`, if any; gives the
        same Deferred."""
        if not self.kept:
            return asked
        since = self._clock.seconds()
        self.asked.setdefault(what, []).append(since)

        def answer(result: Any) -> Any:
            failed = isinstance(result, Failure)
            came = {"failed": result.getErrorMessage() or "cut off"} if failed else tell(result)
            took = round(self._clock.seconds() - since, 3)
            self.note(what, **about, **came, **({"took": took} if took else {}))
            return result

        return asked.addBoth(answer)

    def _hidden(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._hide(value)
        if isinstance(value, Mapping):
            return {str(name): self._hidden(inner) for name, inner in value.items()}
        return [self._hidden(inner) for inner in value] if isinstance(value, list | tuple) else value


@implementer(IToolbox)
@attrs.frozen
class WiredTools:
    """The tools of a conversation, with a note of what each was asked and answered."""

    _tools: IToolbox
    _wire: Wire

    @property
    def tools(self) -> Mapping[str, IAgentTool]:
        """See IToolbox."""
        return self._tools.tools

    def use(self, name: str, arguments: Mapping[str, Any]) -> Deferred[ToolResult]:
        """See IToolbox."""

        def tell(result: ToolResult) -> Mapping[str, Any]:
            return {"text": result.text, "error": result.error}

        return self._wire.answered("tool", self._tools.use(name, arguments), tell, name=name, arguments=arguments)


@implementer(IOperator)
@attrs.frozen
class WiredOperator:
    """What the operator may do, with a note of what came of it."""

    _operator: IOperator
    _wire: Wire

    def report(self) -> Mapping[str, str]:
        """See IOperator."""
        found = self._operator.report()
        self._wire.note("operator", act="report", found=dict(found))
        return found

    def all_to_human(self) -> str:
        """See IOperator."""
        return self._noted("all_to_human", self._operator.all_to_human())

    def last_good_flows(self) -> str:
        """See IOperator."""
        return self._noted("last_good_flows", self._operator.last_good_flows())

    def _noted(self, act: str, result: str) -> str:
        self._wire.note("operator", act=act, result=result)
        return result
