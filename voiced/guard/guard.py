"""The guard: says who may be called, by whom, how often and how long, and who may call; counts it all."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import attrs
from twisted.internet.defer import Deferred, execute
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from voiced.call.records import CallInfo, Direction
from voiced.errors import Refused
from voiced.guard.counters import Charge, Counted, Window
from voiced.guard.destinations import Destination, destination
from voiced.guard.leavers import Leavers
from voiced.guard.ledger import Ledger, Terms, a_day, a_minute, ten_minutes
from voiced.guard.others import Others
from voiced.guard.permission import permitted
from voiced.guard.places import Limit, Permit
from voiced.guard.prices import cost
from voiced.guard.refusals import Refusals
from voiced.guard.ringing import Ringing
from voiced.guard.rules import Inbound, Outbound
from voiced.guard.texting import Texting
from voiced.guard.together import Together
from voiced.icarrier import CallOrder
from voiced.iguard import Charged, IGuard, IPermit, Party
from voiced.ikept import ICounts, IOptedOut, ISharedCounts
from voiced.ivoiced import Dial

T = TypeVar("T")

_SHARE = 10
_SHORTEST_TALK = 300.0
"""An agent gets a tenth of the minutes that are left today, and no less than these seconds while there are as many;
but no more than its call has left, or a large cap would be set aside for the first hundred agents.

Were it all that is left, the second of two at once would have none; were nothing set aside, all of them could talk as
long as was left for one. Who has so many at once that the shares are too short uses up the day within minutes."""


@attrs.frozen
class Attempt:
    """What was refused, for the journal. `party` is a person's number: the journal writes of it what it may."""

    what: str
    """`call` (to be placed), `ring` (a caller), `leg`, `agent` or `text`."""
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
    which rule it is and names nobody. `pepper`: see Ledger. `opted_out`: where it is kept who has opted out (None:
    nowhere). `shared`: the counts of other daemons that this one counts with (None: there are none).
    """

    def __init__(
        self,
        outbound: Outbound,
        inbound: Inbound,
        clock: IReactorTime,
        counts: ICounts,
        refused: Callable[[Refused, Attempt], object],
        pepper: bytes = b"",
        opted_out: IOptedOut | None = None,
        shared: ISharedCounts | None = None,
    ) -> None:
        self._clock = clock
        self._refused = refused
        self._refusals = Refusals(clock)
        others = None if shared is None else Others(clock)
        self._ledger = Ledger(clock, counts, pepper, others)
        self._leavers = Leavers(clock, opted_out)
        self._together = (
            None
            if shared is None or others is None
            else Together(shared, others, self._leavers.see, self._ledger.keeping)
        )
        self.follow(outbound, inbound)

    def follow(self, outbound: Outbound, inbound: Inbound) -> None:
        """These are the rules from now on. Whatever was counted counts on, and whoever has a place keeps it."""
        self._outbound = outbound
        self._inbound = inbound
        self._ringing = Ringing(inbound, self._ledger)
        self._texting = Texting(outbound, self._ledger, self._leavers)

    def __len__(self) -> int:
        """How many places are taken: none, when all is over."""
        return len(self._ledger)

    def whole(self, ask: Callable[[], T]) -> Deferred[T]:
        """See IGuard."""
        return execute(ask) if self._together is None else self._together.whole(ask)

    def place(self, order: CallOrder, party: Party) -> IPermit:
        """See IGuard."""
        attempt = Attempt("call", Direction.OUTBOUND, order.account, order.to, key=party.name)
        return self._guarded(attempt, lambda: self._place(order, party))

    def leg(self, info: CallInfo, dial: Dial, named: bool, party: Party | None = None) -> IPermit:
        """See IGuard. It may last as long as the call it belongs to might; one that an API key asks for no longer
        than a call that it had placed."""
        key = "" if party is None else party.name
        attempt = Attempt("leg", Direction.OUTBOUND, info.account, dial.to, key=key, call=info.sid)
        return self._guarded(attempt, lambda: self._leg(info, dial, named, party))

    def ring(self, info: CallInfo) -> IPermit:
        """See IGuard."""
        attempt = Attempt("ring", Direction.INBOUND, info.account, info.caller, call=info.sid)
        return self._guarded(attempt, lambda: self._ringing.ring(info))

    def carry_on(
        self, info: CallInfo, seconds: int, dial: Dial | None = None, charged: tuple[Charged, ...] = ()
    ) -> IPermit:
        """See IGuard. What was set aside for a leg stays spent: nobody knows how much of it was."""
        inbound = dial is None and info.direction is Direction.INBOUND
        terms = self._ringing.place_of(info) if inbound else self._calls(info.account)
        terms = Terms(terms.limits)
        self._ledger.hold(terms)
        counted = [_counted(each) for each in charged]
        price = max((each.price for each in charged), default=0.0)
        return self._permit(seconds, terms, counted, price)

    def converse(self, info: CallInfo, seconds: int | None = None) -> IPermit:
        """See IGuard. The permit's seconds are set aside until it is over: all agents at once keep the cap, too."""
        attempt = Attempt("agent", info.direction, info.account, info.party, call=info.sid)
        return self._guarded(attempt, lambda: self._converse(info, seconds))

    def conversed(self, info: CallInfo, granted: int, began: float, ended: float) -> None:
        """See IGuard."""
        charge = attrs.evolve(self._minutes(info), by=float(granted))
        talked = min(max(ended - began, 0.0), float(granted))
        self._ledger.correct(self._ledger.taken(charge, began), talked)

    def text(self, info: CallInfo, to: str) -> None:
        """See IGuard."""
        attempt = Attempt("text", Direction.OUTBOUND, info.account, to, call=info.sid)
        self._guarded(attempt, lambda: self._texting.text(info, to))

    def opt_out(self, info: CallInfo, how: str) -> None:
        """See IGuard."""
        self._leavers.add(info, how)

    def refuse(self, refusal: Refused, *, account: str, party: str, key: str) -> None:
        """See IGuard."""
        self._tell(refusal, Attempt("call", Direction.OUTBOUND, account, party, key=key))

    def settled(self) -> Deferred[None]:
        """See IGuard. Who has opted out counts, too."""
        return self._ledger.settled().addCallback(lambda _: self._leavers.settled())

    def _guarded(self, attempt: Attempt, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except Refused as refusal:
            raise self._tell(refusal, attempt) from None

    def _tell(self, refusal: Refused, attempt: Attempt) -> Refused:
        """Tell of it; gives what is told to whoever has asked."""
        said, tell = self._refusals.one_more(refusal, attempt.key) if attempt.key else (refusal, True)
        if tell:
            self._refused(said, attempt)
        return said

    def _place(self, order: CallOrder, party: Party) -> IPermit:
        to = destination(order.to)
        self._permitted(to, named=party.on_call)
        seconds = max(1, min(order.seconds, self._outbound.max_seconds))
        if party.on_call:
            return self._operators(order.account, seconds)
        terms = self._calls(order.account) + self._of_key(order.account, party)
        return self._dial(order.account, to, seconds, terms + self._of_destination(order.account, to))

    def _operators(self, account: str, seconds: int) -> IPermit:
        """The call to the operator takes no place and no money from the others, and they none from it: whoever has
        used those up may be the trouble. It is few instead."""
        terms = Terms(
            (Limit("oncall_at_once", f"oncall {account!r}", 1),),
            (ten_minutes("oncall_per_ten_minutes", repr(account), 1),),
        )
        self._ledger.take(terms)
        return Permit(seconds, lambda talked: self._ledger.leave(terms))

    def _leg(self, info: CallInfo, dial: Dial, named: bool, party: Party | None) -> IPermit:
        to = destination(dial.to)
        self._permitted(to, named=named)
        most = (self._inbound if info.direction is Direction.INBOUND else self._outbound).max_seconds
        if party is not None:
            most = min(most, self._outbound.max_seconds)
        seconds = max(1, min(dial.seconds or most, most))
        terms = Terms((Limit("legs_at_once", f"legs {info.account!r} {info.sid!r}", 1),))
        # Whom an API key has connected counts among its calls, also with the operator's own targets: else it could
        # use up what the callers' transfers have.
        terms += self._transfers(info.account) if named and party is None else self._calls(info.account)
        terms += Terms() if party is None else self._of_key(info.account, party)
        return self._dial(info.account, to, seconds, terms + self._of_destination(info.account, to, named=named))

    def _permitted(self, to: Destination, *, named: bool = False) -> None:
        """Raises Refused for somebody who may not be called, nor written to."""
        permitted(to, self._outbound, self._clock.seconds(), named=named, opted_out=self._leavers)

    def _calls(self, account: str) -> Terms:
        """What all calls share, and whoever is connected with somebody that the operator has not named."""
        rules = self._outbound
        return Terms(
            (Limit("calls_at_once", f"outbound {account!r}", rules.calls_at_once),),
            (
                a_minute("calls_per_minute", repr(account), rules.calls_per_minute),
                a_day("calls_per_day", repr(account), rules.calls_per_day),
            ),
        )

    def _transfers(self, account: str) -> Terms:
        """What the others share."""
        rules = self._outbound
        return Terms(
            (Limit("transfers_at_once", f"transfers {account!r}", rules.transfers_at_once),),
            (a_minute("transfers_per_minute", repr(account), rules.transfers_per_minute),),
        )

    def _of_key(self, account: str, party: Party) -> Terms:
        name, charges = f"{account!r} {party.name!r}", []
        if party.per_minute is not None:
            charges.append(a_minute("keys.calls_per_minute", name, party.per_minute))
        if party.per_day is not None:
            charges.append(a_day("keys.calls_per_day", name, party.per_day))
        return Terms((), tuple(charges))

    def _of_destination(self, account: str, to: Destination, *, named: bool = False) -> Terms:
        rules = self._outbound
        rule, most = "per_destination_per_day", rules.per_destination_per_day
        if named:
            rule, most = "transfers_per_destination_per_day", rules.transfers_per_destination_per_day
        return Terms((), (a_day(rule, f"{account!r} {self._ledger.hashed(to.who)}", most),))

    def _dial(self, account: str, to: Destination, seconds: int, terms: Terms) -> IPermit:
        """What holds for whomever the carrier shall dial."""
        rules, price = self._outbound, 0.0
        if rules.spend_per_day is not None:
            listed = rules.prices.per_minute(to)
            if listed is None:
                line = f'"sip:*@{to.host}"' if to.host else to.region or "default"
                raise Refused(
                    "prices",
                    f"`spend_per_day` is set and there is no price: write `{line}: <per minute>` into `prices`",
                )
            price = listed
            spend = a_day("spend_per_day", repr(account), rules.spend_per_day, by=cost(price, seconds))
            terms += Terms((), (spend,))
        return self._permit(seconds, terms, self._ledger.take(terms), price)

    def _permit(self, seconds: int, terms: Terms, counted: Sequence[Counted], price: float) -> Permit:
        return Permit(
            seconds,
            lambda talked: self._dialled(terms, counted, price, talked),
            lambda: self._ledger.leave(terms),
            tuple(_charged(each, price) for each in counted),
        )

    def _dialled(self, terms: Terms, counted: Sequence[Counted], price: float, talked: float | None) -> None:
        """A call, or leg, is over. What never came to be is not held against the day; against the minute it is, which
        protects the carrier from being asked."""
        self._ledger.leave(terms)
        for each in counted:
            if each.charge.rule == "spend_per_day":
                self._ledger.correct(each, cost(price, talked or 0.0))
            elif talked is None and each.charge.window is Window.DAY:
                self._ledger.correct(each, 0.0)

    def _minutes(self, info: CallInfo) -> Charge:
        return a_day("agent_minutes_per_day", repr(info.account), self._inbound.agent_minutes_per_day.most * 60)

    def _converse(self, info: CallInfo, seconds: int | None) -> IPermit:
        cap = self._inbound.agent_minutes_per_day
        empty = self._minutes(info)
        left = empty.cap - self._ledger.amount(empty.name)
        most = left if seconds is None else min(left, seconds)
        granted = math.floor(min(most, max(left / _SHARE, _SHORTEST_TALK)))
        try:
            (counted,) = self._ledger.take(Terms((), (attrs.evolve(empty, by=float(max(granted, 1))),)))
        except Refused as refusal:
            message = f"{cap.most} minutes a day (UTC) are the most"
            raise Refused(
                refusal.rule, message, retry_after=refusal.retry_after, say=cap.outcome.say
            ) from None  # they are in a flow already: no other takes them
        return Permit(granted, lambda talked: self._ledger.correct(counted, talked or 0.0))


def _charged(counted: Counted, price: float) -> Charged:
    charge = counted.charge
    return Charged(charge.rule, charge.name, charge.window.value, counted.until, charge.by, price)


def _counted(charged: Charged) -> Counted:
    charge = Charge(charged.rule, charged.name, Window(charged.window), math.inf, charged.by)
    return Counted(charge, charged.until)
