"""The tool that hands the caller over to a human: one of those named in voiced.yaml, or whom the flow chooses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs
import msgspec
from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import implementer

from voiced.agents.tools.parameters import REASON, Description, Parameter, checked, reason, schema
from voiced.call.dialplan import plain
from voiced.ivoiced import IAgentTool, ICall, Mentions, Outcome, ToolResult, Tools

DESCRIPTION = (
    "Puts the caller through to a human. Use it when the caller asks for a human, or needs what you cannot do. "
    "Tell the caller first: they are put through when they have heard it."
)
_E164 = re.compile(r"\+[1-9]\d{1,14}", re.ASCII)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool `tool: transfer_call` of voiced.yaml."""

    # Names that the agent chooses from -> numbers, which it never sees. Without any, the flow decides (`handover`).
    to: dict[str, str] = {}
    description: Description = DESCRIPTION

    def __post_init__(self) -> None:
        if any(not _E164.fullmatch(plain(number)) for number in self.to.values()):
            raise ValueError('`to`: each number begins with + and its country, like "+14155550123"')
        if any(not name.strip() for name in self.to):
            raise ValueError("`to`: each number has a name, by which the agent chooses it")

    def mentions(self) -> Mentions:
        """The numbers: whoever wrote them here has allowed them."""
        return Mentions(targets=tuple(map(plain, self.to.values())))


@implementer(IAgentTool)
@attrs.frozen
class Transfer:
    """The outcome is `transferred`, with the facts `to` and `number`; where nobody is named, `handover`."""

    description: str
    numbers: Mapping[str, str]
    """Names -> E.164."""
    timeout: float = 1.0

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The names as a choice, where there are any."""
        return schema(self._parameters())

    def run(self, call: ICall, arguments: Mapping[str, Any]) -> Deferred[ToolResult]:
        """Nothing is dialled here: the flow does, when all is heard."""
        return maybeDeferred(self._choose, arguments)

    def _choose(self, arguments: Mapping[str, Any]) -> ToolResult:
        facts = {"reason": reason(arguments)}
        if not self.numbers:
            return ToolResult("The caller is handed over when they have heard you.", leave=Outcome("handover", facts))
        to = str(checked({"to": arguments.get("to")}, self._parameters())["to"])
        outcome = Outcome("transferred", {"to": to, "number": self.numbers[to], **facts})
        return ToolResult("The caller is put through when they have heard you.", leave=outcome)

    def _parameters(self) -> dict[str, Parameter]:
        to = {"to": Parameter("To whom.", enum=tuple(self.numbers))} if self.numbers else {}
        return {**to, "reason": REASON}


def make(settings: Settings, tools: Tools) -> Transfer:
    """The tool; its numbers may be written as people write them: `+1 (415) 555-0100`."""
    return Transfer(settings.description, {name: plain(number) for name, number in settings.to.items()})
