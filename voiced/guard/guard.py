"""The guard: says who may be called, by whom, how often and how long, and who may call; counts it all."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from voiced.call.records import CallInfo, Direction
from voiced.errors import Refused
from voiced.guard.callers import ANONYMOUS, anonymous, attested
from voiced.guard.counters import CROWD, CapReached, Charge, Counted, Counters, Window
from voiced.guard.destinations import Destination, caller, destination
from voiced.guard.patterns import closest
from voiced.guard.permission import permitted
from voiced.guard.places import Limit, Permit, Places
from voiced.guard.prices import cost
from voiced.guard.rules import Cap, Inbound, Outbound, Outcome
from voiced.ivoiced import CallOrder, Dial, ICounts, IGuard, IPermit, Party

SOON = 10.0
"""Seconds after which to ask again for a place among those at once: nobody knows when one will be free."""
_SHARE = 10
_SHORTEST_TALK = 300.0
"""An agent gets a tenth of the minutes that are left today, and no less than these seconds while there are as many.

Were it all that is left, the second of two at once would have none; were nothing set aside, all of them could talk as
long as was left for one. Who has so many at once that the shares are too short uses up the day within minutes."""


@attrs.frozen
class Attempt:
    """What was refused, for the journal. `party` is a person's number: the journal writes of it what it may."""

    what: str
    """`call` (to be placed), `ring` (a caller), `leg` or `agent`."""
    direction: Direction
    """Of what was refused: a leg of an inbound call is a call of ours."""
    account: str
    party: str
    key: str = ""
    """The name of the API key that asked for it."""
    call: str = ""
    """The call's SID, once there is a call."""


@implementer(IGuard)
class Guard:
    """See IGuard. Raises StoreError when what was counted before cannot be read.

    Whatever is refused is told to `refused(refusal, attempt)` first; nothing is logged here. A refusal's message says
    which rule it is and names nobody.

    Numbers are hashed in the names of counts, which are on the disk for as long as they count (a day). Telephone
    numbers are so few that whoever has the file could try them all; with a `pepper` that is not in the file (made of
    a secret of the settings, so that it is the same after a restart) they cannot.
    """

    def __init__(
        self,
        outbound: Outbound,
        inbound: Inbound,
        clock: IReactorTime,
        counts: ICounts,
        refused: Callable[[Refused, Attempt], object],
        pepper: bytes = b"",
    ) -> None:
        self._outbound = outbound
        self._inbound = inbound
        self._clock = clock
        self._refused = refused
        self._pepper = hashlib.sha256(pepper).digest()
        self._counters = Counters(clock, counts)
        self._places = Places()

    def __len__(self) -> int:
        """How many places are taken: none, when all is over."""
        return len(self._places)

    def place(self, order: CallOrder, party: Party) -> IPermit:
        """See IGuard."""
        attempt = Attempt("call", Direction.OUTBOUND, order.account, order.to, key=party.name)
        return self._guarded(attempt, lambda: self._place(order, party))

    def leg(self, info: CallInfo, dial: Dial, named: bool) -> IPermit:
        """See IGuard. It may last as long as the call it belongs to might."""
        attempt = Attempt("leg", Direction.OUTBOUND, info.account, dial.to, call=info.sid)
        return self._guarded(attempt, lambda: self._leg(info, dial, named))

    def ring(self, info: CallInfo) -> IPermit:
        """See IGuard."""
        attempt = Attempt("ring", Direction.INBOUND, info.account, info.caller, call=info.sid)
        return self._guarded(attempt, lambda: self._ring(info))

    def converse(self, info: CallInfo) -> IPermit:
        """See IGuard. The permit's seconds are set aside until it is over: all agents at once keep the cap, too."""
        attempt = Attempt("agent", info.direction, info.account, info.party, call=info.sid)
        return self._guarded(attempt, lambda: self._converse(info))

    def settled(self) -> Deferred[None]:
        """See IGuard."""
        return self._counters.settled()

    def _guarded(self, attempt: Attempt, ask: Callable[[], IPermit]) -> IPermit:
        try:
            return ask()
        except Refused as refusal:
            self._refused(refusal, attempt)
            raise

    def _place(self, order: CallOrder, party: Party) -> IPermit:
        to = destination(order.to)
        permitted(to, self._outbound, self._clock.seconds())
        seconds = max(1, min(order.seconds, self._outbound.max_seconds))
        asked = f"{order.account!r} {party.name!r}"
        charges = []
        if party.per_minute is not None:
            charges.append(_a_minute("keys.calls_per_minute", asked, party.per_minute))
        if party.per_day is not None:
            charges.append(_a_day("keys.calls_per_day", asked, party.per_day))
        most = self._outbound.per_destination_per_day
        charges.append(_a_day("per_destination_per_day", f"{order.account!r} {self._hash(to.text)}", most))
        return self._dial(order.account, to, seconds, charges, [])

    def _leg(self, info: CallInfo, dial: Dial, named: bool) -> IPermit:
        to = destination(dial.to)
        permitted(to, self._outbound, self._clock.seconds(), named=named)
        rules = self._inbound if info.direction is Direction.INBOUND else self._outbound
        seconds = max(1, min(dial.seconds or rules.max_seconds, rules.max_seconds))
        rule = "transfers_per_destination_per_day" if named else "per_destination_per_day"
        most = getattr(self._outbound, rule)
        charges = [_a_day(rule, f"{info.account!r} {self._hash(to.text)}", most)]
        legs = Limit("legs_at_once", f"legs {info.account!r} {info.sid!r}", 1)
        return self._dial(info.account, to, seconds, charges, [legs])

    def _dial(
        self, account: str, to: Destination, seconds: int, charges: list[Charge], limits: list[Limit]
    ) -> IPermit:
        """What holds for whomever the carrier shall dial."""
        rules = self._outbound
        limits = [*limits, Limit("calls_at_once", f"outbound {account!r}", rules.calls_at_once)]
        charges = [
            _a_minute("calls_per_minute", repr(account), rules.calls_per_minute),
            _a_day("calls_per_day", repr(account), rules.calls_per_day),
            *charges,
        ]
        price = 0.0
        if rules.spend_per_day is not None:
            listed = rules.prices.per_minute(to)
            if listed is None:
                line = f'"sip:*@{to.host}"' if to.host else to.region or "default"
                raise Refused(
                    "prices",
                    f"`spend_per_day` is set and there is no price: write `{line}: <per minute>` into `prices`",
                )
            price = listed
            charges.append(
                _a_day("spend_per_day", repr(account), rules.spend_per_day, by=cost(price, seconds)),
            )
        counted = self._take(limits, charges)
        return Permit(seconds, lambda talked: self._dialled(limits, counted, price, talked))

    def _dialled(
        self, limits: Sequence[Limit], counted: Sequence[Counted], price: float, talked: float | None
    ) -> None:
        """A call, or leg, is over. What never came to be is not held against the day; against the minute it is, which
        protects the carrier from being asked."""
        self._places.leave(*(limit.name for limit in limits))
        for each in counted:
            if each.charge.rule == "spend_per_day":
                self._counters.correct(each, cost(price, talked or 0.0))
            elif talked is None and each.charge.window is Window.DAY:
                self._counters.correct(each, 0.0)

    def _ring(self, info: CallInfo) -> IPermit:
        rules = self._inbound
        nameless = anonymous(info.caller)
        refusal = self._unwelcome(info, nameless)
        if refusal is not None and refusal.flow is None:
            raise refusal
        who = f"{info.account!r} {ANONYMOUS if nameless else self._hash(caller(info.caller).text)}"
        limits = [Limit("calls_at_once", f"inbound {who}", rules.calls_at_once.most)]
        charges = [_a_day("calls_per_day", f"inbound {who}", rules.calls_per_day.most, crowd=True)]
        caps = {"calls_at_once": rules.calls_at_once, "calls_per_day": rules.calls_per_day}
        try:
            self._take(limits, charges)
        except Refused as reached:
            raise _told(reached.rule, str(reached), caps[reached.rule].outcome, reached.retry_after) from None
        permit = Permit(rules.max_seconds, lambda talked: self._places.leave(limits[0].name))
        if refusal is not None:  # a flow takes them: that is a call like any other
            refusal.permit = permit
            raise refusal
        return permit

    def _unwelcome(self, info: CallInfo, nameless: bool) -> Refused | None:
        """Why this caller is not taken as others are, whatever has been counted."""
        rules = self._inbound
        if closest(rules.deny.numbers, caller(info.caller)) is not None:
            return _told("deny", "this caller is on the list of `deny`", rules.deny.outcome)
        if nameless and rules.anonymous is not None:
            return _told("anonymous", "this caller hides their number", rules.anonymous)
        if rules.unattested is not None and not attested(info.attestation, rules.unattested.least):
            return _told("unattested", "nobody vouches for this caller's number", rules.unattested.outcome)
        return None

    def _converse(self, info: CallInfo) -> IPermit:
        cap: Cap = self._inbound.agent_minutes_per_day
        name = repr(info.account)
        empty = _a_day("agent_minutes_per_day", name, cap.most * 60)
        left = empty.cap - self._counters.amount(empty.name)
        granted = math.floor(min(left, max(left / _SHARE, _SHORTEST_TALK)))
        try:
            (counted,) = self._take([], [attrs.evolve(empty, by=float(max(granted, 1)))])
        except Refused as refusal:
            raise _told(
                refusal.rule, f"{cap.most} minutes a day (UTC) are the most", cap.outcome, refusal.retry_after
            ) from None
        return Permit(granted, lambda talked: self._counters.correct(counted, talked or 0.0))

    def _take(self, limits: Sequence[Limit], charges: Sequence[Charge]) -> Sequence[Counted]:
        """Take a place under each limit, and count every charge; or nothing of it, and Refused."""
        for limit in limits:
            if self._places.taken(limit.name) >= limit.most:
                raise Refused(limit.rule, f"{limit.most} at once is the most", retry_after=SOON)
        try:
            counted = self._counters.spend(charges)
        except CapReached as reached:
            raise Refused(reached.charge.rule, _sentence(reached), retry_after=reached.wait) from None
        self._places.take(*(limit.name for limit in limits))
        return counted

    def _hash(self, party: str) -> str:
        text = party.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, digest_size=16, key=self._pepper).hexdigest()


def _a_minute(rule: str, name: str, cap: float) -> Charge:
    return Charge(rule, f"{rule} {name}", Window.MINUTE, cap)


def _a_day(rule: str, name: str, cap: float, *, by: float = 1.0, crowd: bool = False) -> Charge:
    return Charge(rule, f"{CROWD if crowd else ''}{rule} {name}", Window.DAY, cap, by)


def _sentence(reached: CapReached) -> str:
    charge = reached.charge
    window = "minute" if charge.window is Window.MINUTE else "day (UTC)"
    if reached.wait is None:
        return f"this call alone might take {charge.by:g}, and {charge.cap:g} a {window} is the most"
    return f"{charge.cap:g} a {window} is the most"


def _told(rule: str, message: str, outcome: Outcome, retry_after: float | None = None) -> Refused:
    return Refused(rule, message, retry_after=retry_after, say=outcome.say, flow=outcome.flow)
