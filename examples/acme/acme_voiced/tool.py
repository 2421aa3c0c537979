"""What a live agent may ask Acme: where is this parcel?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from acme_voiced.parcel import is_parcel_number
from acme_voiced.service import Account, Service, ServiceFailed
from voiced.errors import ToolFailed
from voiced.ivoiced import IAgentTool, ICall, ToolResult, Tools

_log = Logger()


class Settings(Account, frozen=True, forbid_unknown_fields=True):
    """A tool `tool: acme_parcel` of voiced.yaml."""


class Parcel(msgspec.Struct, frozen=True):
    """What the service says of a parcel."""

    state: str
    # A town; "" where that is not known.
    place: str = ""


def make(settings: Settings, tools: Tools) -> ParcelStatus:
    """The tool."""
    return ParcelStatus(Service(settings, tools))


@implementer(IAgentTool)
class ParcelStatus:
    """Answers in words that a language model can say."""

    description = "Says where a parcel is. Ask the caller for its number first: nine digits, on the receipt."
    parameters = {
        "type": "object",
        "properties": {"number": {"type": "string", "description": "The nine digits."}},
        "required": ["number"],
        "additionalProperties": False,
    }
    timeout = 3.0
    """Seconds: the caller hears nothing meanwhile."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def run(self, call: ICall, arguments: Mapping[str, Any]) -> Deferred[ToolResult]:
        """Cancelling closes the connection."""
        return Deferred.fromCoroutine(self._run(call, arguments.get("number")))

    async def _run(self, call: ICall, said: Any) -> ToolResult:
        number = re.sub(r"[\s-]", "", said) if isinstance(said, str) else ""
        if not is_parcel_number(number):  # a language model's own words: nothing about them is sure
            raise ToolFailed("That is no parcel number. Ask the caller to read out its nine digits once more.")
        try:
            parcel = await self._service.ask("parcels", number, Parcel)
        except ServiceFailed as error:
            _log.warn("{call}: where is the parcel? {error}", call=call.info.sid, error=str(error))  # the operator's
            raise ToolFailed("Nobody can say now where the parcel is.") from error  # the agent's
        if parcel is None:
            raise ToolFailed("There is no parcel of this number.")
        return ToolResult(f"The parcel is {parcel.state}{f', in {parcel.place}' if parcel.place else ''}.")
