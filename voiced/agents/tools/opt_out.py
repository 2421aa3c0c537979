"""The tool that puts the person's number on the do-not-call list, and ends the call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import msgspec
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from voiced.agents.tools.parameters import Description, schema
from voiced.ivoiced import IAgentTool, ICall, Outcome, ToolResult, Tools

DESCRIPTION = (
    "Puts the number of the person you are speaking with on the do-not-call list, for good, and ends the call. "
    "Use it when they say that they do not want to be called any more, or want to be taken off your list. "
    "Do not try to change their mind. Do not use it when they are only busy now: they may be called again then. "
    "You need not say goodbye: they hear a confirmation."
)
OUTCOME = "opted_out"
LEAVE_SECONDS = 10.0
"""How long the agent may take to end the conversation: to be heard to the end of what it is saying."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool `tool: opt_out` of voiced.yaml."""

    description: Description = DESCRIPTION


@implementer(IAgentTool)
@attrs.frozen
class OptOut:
    """The outcome is `opted_out`; the flow does not go on, whatever it has for that."""

    description: str
    parameters: Mapping[str, Any] = attrs.field(factory=lambda: schema({}))
    timeout: float = 1.0

    def run(self, call: ICall, arguments: Mapping[str, Any]) -> Deferred[ToolResult]:
        """It is done at once, whether anybody hears the answer or not."""
        call.opt_out("tool", within=LEAVE_SECONDS)
        text = "They will not be called again, and hear so now. Say nothing more."
        return succeed(ToolResult(text, leave=Outcome(OUTCOME)))


def make(settings: Settings, tools: Tools) -> OptOut:
    """The tool."""
    return OptOut(settings.description)
