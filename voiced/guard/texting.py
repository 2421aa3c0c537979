"""Who may be sent a text message: the human of a call, where that costs what a message costs, and not all day."""

from __future__ import annotations

from collections.abc import Container

import attrs

from voiced.call.records import CallInfo, Direction
from voiced.errors import Refused
from voiced.guard.callers import anonymous
from voiced.guard.destinations import NOT_A_NUMBER, Destination, destination
from voiced.guard.ledger import Ledger, Terms, a_day
from voiced.guard.patterns import closest
from voiced.guard.risky import risk
from voiced.guard.rules import Outbound


@attrs.frozen
class Texting:
    """Lets texts go to regions of `allow`, and to inbound callers wherever a number is an ordinary one.

    To call us is not to agree to pay, nor to make us pay: premium, satellite and the like are never texted, not even
    those that `risky` names. `hours` are not asked: they are on the telephone with us.
    """

    _rules: Outbound
    _ledger: Ledger
    _opted_out: Container[str] = frozenset()
    """Those who have said so themselves, each as Destination.who."""

    def text(self, info: CallInfo, to: str) -> None:
        """See IGuard."""
        who = destination(to)
        self._permitted(info, who)
        rules = self._rules
        each = f"{info.account!r} {self._ledger.hashed(who.who)}"
        charges = (
            a_day("texts_per_day", repr(info.account), rules.texts_per_day),
            a_day("texts_per_destination_per_day", each, rules.texts_per_destination_per_day),
        )
        self._ledger.take(Terms((), charges))

    def _permitted(self, info: CallInfo, who: Destination) -> None:
        if who.number is None or who.host:
            raise Refused("number", NOT_A_NUMBER)
        if danger := risk(who.who, who.number):
            raise Refused("risky", f"such numbers are {danger}: they are never sent a text")
        if not who.valid:
            raise Refused("number", NOT_A_NUMBER)
        called_us = info.direction is Direction.INBOUND and info.caller == who.text and not anonymous(info.caller)
        # A network of no country ("001") charges what it likes.
        if closest(self._rules.allow, who) is None and not (called_us and len(who.region) == len("US")):
            raise Refused("allow", f"{who.region or 'this network'} is not in `allow`, and they have not called us")
        if who.who in self._rules.dnc or who.who in self._opted_out:
            raise Refused("dnc", "it is on the do-not-call list")
