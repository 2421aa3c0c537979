"""The tool that ends the call, once the caller has heard the agent out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import msgspec
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from voiced.agents.tools.parameters import REASON, Description, reason, schema
from voiced.ivoiced import IAgentTool, ICall, Outcome, ToolResult, Tools

DESCRIPTION = (
    "Ends the phone call. Use it when the caller has said goodbye, or wants nothing more. "
    "Say goodbye first: the call ends when the caller has heard it."
)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool `tool: hang_up` of voiced.yaml."""

    description: Description = DESCRIPTION


@implementer(IAgentTool)
@attrs.frozen
class HangUp:
    """The outcome is `hung_up`, and `{agent.reason}` is what the agent gave as its reason."""

    description: str
    parameters: Mapping[str, Any] = attrs.field(factory=lambda: schema({"reason": REASON}))
    timeout: float = 1.0

    def run(self, call: ICall, arguments: Mapping[str, Any]) -> Deferred[ToolResult]:
        """Nothing ends here: who has the line ends it when all is heard."""
        leave = Outcome("hung_up", {"reason": reason(arguments)})
        return succeed(ToolResult("The call ends when the caller has heard you.", leave=leave))


def make(settings: Settings, tools: Tools) -> HangUp:
    """The tool."""
    return HangUp(settings.description)
