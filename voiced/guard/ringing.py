"""Who may call: the rules of `inbound:`, but for the agents' minutes."""

from __future__ import annotations

import attrs

from voiced.call.records import CallInfo
from voiced.errors import Refused
from voiced.guard.callers import ANONYMOUS, anonymous, attested
from voiced.guard.destinations import caller
from voiced.guard.ledger import Ledger, Terms, a_day
from voiced.guard.patterns import mentions
from voiced.guard.places import Limit, Permit
from voiced.guard.rules import Inbound, Outcome
from voiced.iguard import IPermit

INSTEAD_SECONDS = 600
"""How long somebody who is over a cap may be in the flow that takes them instead."""


@attrs.frozen
class Ringing:
    """Lets callers in, and refuses others with what is chosen for them.

    A refusal with a flow has a permit for it: whom a rule sends there is on the line like anybody, and counts so.
    Over a cap there are as many places again, for that flow; when they are taken, too, the caller is refused without.
    """

    _rules: Inbound
    _ledger: Ledger

    def ring(self, info: CallInfo) -> IPermit:
        """See IGuard."""
        rules = self._rules
        nameless = anonymous(info.caller)
        refusal = self._unwelcome(info, nameless)
        if refusal is not None and refusal.flow is None:
            raise refusal
        who = self._who(info)
        try:
            permit = self._admit(f"inbound {who}", rules.max_seconds)
        except Refused as reached:
            raise self._over(reached, f"instead {who}") from None
        if refusal is not None:
            refusal.permit = permit
            raise refusal
        return permit

    def place_of(self, info: CallInfo) -> Terms:
        """Which of the places at once a caller has."""
        return Terms((Limit("calls_at_once", f"inbound {self._who(info)}", self._rules.calls_at_once.most),))

    def _who(self, info: CallInfo) -> str:
        who = ANONYMOUS if anonymous(info.caller) else self._ledger.hashed(caller(info.caller).who)
        return f"{info.account!r} {who}"

    def _unwelcome(self, info: CallInfo, nameless: bool) -> Refused | None:
        """Why this caller is not taken as others are, whatever has been counted."""
        rules = self._rules
        if mentions(rules.deny.numbers, caller(info.caller)):
            return _told("deny", "this caller is on the list of `deny`", rules.deny.outcome)
        if nameless and rules.anonymous is not None:
            return _told("anonymous", "this caller hides their number", rules.anonymous)
        if rules.unattested is not None and not attested(info.attestation, rules.unattested.least):
            return _told("unattested", "nobody vouches for this caller's number", rules.unattested.outcome)
        return None

    def _admit(self, who: str, seconds: int) -> IPermit:
        rules = self._rules
        terms = Terms(
            (Limit("calls_at_once", who, rules.calls_at_once.most),),
            (a_day("calls_per_day", who, rules.calls_per_day.most, crowd=True),),
        )
        self._ledger.take(terms)
        return Permit(seconds, lambda talked: self._ledger.leave(terms), lambda: self._ledger.leave(terms))

    def _over(self, reached: Refused, who: str) -> Refused:
        """What a caller over a cap gets."""
        rules = self._rules
        cap = {"calls_at_once": rules.calls_at_once, "calls_per_day": rules.calls_per_day}[reached.rule]
        refusal = _told(reached.rule, str(reached), cap.outcome)
        refusal.retry_after = reached.retry_after
        if refusal.flow is None:
            return refusal
        try:
            refusal.permit = self._admit(who, min(INSTEAD_SECONDS, rules.max_seconds))
        except Refused:
            return reached
        return refusal


def _told(rule: str, message: str, outcome: Outcome) -> Refused:
    return Refused(rule, message, say=outcome.say, flow=outcome.flow)
