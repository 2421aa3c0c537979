"""A toolbox for the tests of agents: its tools answer what the test says, and what was asked is written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from voiced.ivoiced import IAgentTool, ICall, IToolbox, ToolResult

Reply = ToolResult | Exception | Deferred[ToolResult]


@implementer(IAgentTool)
@attrs.define
class FakeTool:
    """A tool that answers `reply`: a result, an exception to fail with, or a Deferred. `ran` has its arguments."""

    reply: Reply = attrs.field(factory=lambda: ToolResult("It is done."))
    description: str = "Does what the test says."
    parameters: Mapping[str, Any] = attrs.field(factory=lambda: {"type": "object", "properties": {}})
    timeout: float = 5.0
    ran: list[Mapping[str, Any]] = attrs.field(factory=list)

    def run(self, call: ICall, arguments: Mapping[str, Any]) -> Deferred[ToolResult]:
        """Answer."""
        self.ran.append(arguments)
        if isinstance(self.reply, Deferred):
            return self.reply
        return fail(self.reply) if isinstance(self.reply, Exception) else succeed(self.reply)


@implementer(IToolbox)
class FakeToolbox:
    """`FakeToolbox(weather=ToolResult("Sunny."))`: answers so; or later, where it was given a Deferred.

    `used` has what was asked, in order. Of a name that is not given, the result is an error.
    """

    def __init__(self, **replies: ToolResult | Deferred[ToolResult]) -> None:
        self.tools: dict[str, IAgentTool] = {name: FakeTool(reply) for name, reply in replies.items()}
        self.used: list[tuple[str, Mapping[str, Any]]] = []
        self._replies = replies

    def use(self, name: str, arguments: Mapping[str, Any]) -> Deferred[ToolResult]:
        """See IToolbox."""
        self.used.append((name, arguments))
        reply = self._replies.get(name, ToolResult(f"There is no tool {name!r}.", error=True))
        return reply if isinstance(reply, Deferred) else succeed(reply)
