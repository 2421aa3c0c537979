"""Who is calling, as Acme's service knows it: `{party.name}`, `{party.parcel}`, `{party.state}`."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from twisted.internet.defer import Deferred
from zope.interface import implementer

from acme_voiced.service import Account, Service, ServiceFailed
from voiced.errors import LookupFailed
from voiced.ivoiced import ICall, ICallerLookup, Tools


class Settings(Account, frozen=True, forbid_unknown_fields=True):
    """A lookup `lookup: acme` of voiced.yaml."""


class Customer(msgspec.Struct, frozen=True):
    """What the service says of a customer; whatever else it says one day is no fault."""

    name: str = ""
    # The number of the parcel that they wait for.
    parcel: str = ""
    # Where it is: `underway`, `waiting` (in our shop) or `delivered`.
    state: str = ""


def make(settings: Settings, tools: Tools) -> Customers:
    """The lookup."""
    return Customers(Service(settings, tools))


@implementer(ICallerLookup)
class Customers:
    """One question a call."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def lookup(self, call: ICall) -> Deferred[Mapping[str, str]]:
        """By the number of the human at the other end, who has none where they hide it."""
        return Deferred.fromCoroutine(self._lookup(call.info.party))

    async def _lookup(self, party: str) -> Mapping[str, str]:
        if not party.startswith("+"):
            return {}
        try:
            customer = await self._service.ask("customers", party, Customer)
        except ServiceFailed as error:
            raise LookupFailed(f"Acme's customers: {error}") from error
        facts = msgspec.structs.asdict(customer) if customer is not None else {}
        return {name: text for name, text in facts.items() if text}
