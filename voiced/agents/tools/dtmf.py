"""The tool that presses keys: for an agent that has reached a machine which asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import msgspec
from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import implementer

from voiced.agents.tools.parameters import Description, Parameter, checked, schema
from voiced.call.dtmf import PLAYABLE, tones
from voiced.errors import ToolFailed
from voiced.ivoiced import Heard, IAgentTool, ICall, ToolResult, Tools

DESCRIPTION = "Presses keys on the telephone, as tones. Use it when the other side is a machine that asks for keys."
MOST_KEYS = 32
_PARAMETERS = {"digits": Parameter("The keys, in order: 0 to 9, *, #, A to D; w waits half a second.")}
_BETWEEN = str.maketrans("", "", " -.,()")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool `tool: send_dtmf` of voiced.yaml."""

    description: Description = DESCRIPTION


@implementer(IAgentTool)
@attrs.frozen
class SendDtmf:
    """Plays the tones into the line, and answers when the other side has heard them."""

    description: str
    parameters: Mapping[str, Any] = attrs.field(factory=lambda: schema(_PARAMETERS))
    timeout: float = 30.0
    """32 keys take 6.4 s, 32 pauses 16 s; what is queued before them is played first."""

    def run(self, call: ICall, arguments: Mapping[str, Any]) -> Deferred[ToolResult]:
        """See IAgentTool."""
        return maybeDeferred(self._play, call, arguments)

    def _play(self, call: ICall, arguments: Mapping[str, Any]) -> Deferred[ToolResult]:
        keys = str(checked(arguments, _PARAMETERS)["digits"]).translate(_BETWEEN)
        if not keys or not PLAYABLE.fullmatch(keys):
            raise ToolFailed("digits must be keys: 0 to 9, *, #, A to D, and w for a pause.")
        if len(keys) > MOST_KEYS:
            raise ToolFailed(f"digits must be at most {MOST_KEYS} keys: send the rest afterwards.")
        return call.play(tones(keys), interruptible=False).addCallback(_played)


def _played(heard: Heard) -> ToolResult:
    if heard.cut:
        raise ToolFailed("The tones were cut off before their end.")
    return ToolResult("The keys were pressed.")


def make(settings: Settings, tools: Tools) -> SendDtmf:
    """The tool."""
    return SendDtmf(settings.description)
