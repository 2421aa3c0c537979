"""Who says no: what may be placed, ring, be dialled, talk, be texted, and how long. voiced.ivoiced has the rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import attrs
import msgspec
from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from voiced.call.records import CallInfo
from voiced.errors import Refused
from voiced.icarrier import CallOrder
from voiced.ivoiced import Dial

_T = TypeVar("_T")


@attrs.frozen
class Party:
    """Who asks for a call to be placed, as far as the guard counts: an API key."""

    name: str
    flows: frozenset[str] | None = None
    """The flows it may use; None: all."""
    per_minute: int | None = None
    per_day: int | None = None
    """How many calls it may place; None: as many as the others may together."""
    on_call: bool = False
    """Whether it is the daemon itself, that rings its operator: `oncall.number` is a permission by name, and rules of
    its own hold: one such call at once, and one in ten minutes."""


class Charged(msgspec.Struct, frozen=True):
    """Something that was counted for a call, and is corrected when it is over."""

    rule: str
    name: str
    window: int
    """Seconds."""
    until: float
    """When it counts no more: seconds since the epoch."""
    by: float
    price: float = 0.0
    """A minute's, where it is money that was counted."""


class IPermit(Interface):
    """A call, or a leg of one, that may be: it holds its place among those at once until it is over."""

    seconds: int = Attribute("How long it may last.")
    charged: tuple[Charged, ...] = Attribute("What was counted for it, for whoever goes on with it (`carry_on`).")

    def over(talked: float | None) -> None:
        """It is over, after so many seconds of talk (None: it never came to be, and costs nothing). Once."""

    def leave() -> None:
        """Another daemon has a permit for it by now: the place is left, and what was counted is that one's to
        correct. Instead of `over`."""


class IGuard(Interface):
    """Says who may be called, by whom, how often and how long; counts, per carrier account. Nothing here waits.

    Whatever is refused raises Refused, costs no request to the carrier, and is in the journal.
    """

    def whole(ask: Callable[[], _T]) -> Deferred[_T]:
        """Call `ask`, which asks this guard, with all in view that was counted so far, also by other daemons that
        share its counts; none of them is answered meanwhile. Fires with what it gives, at once where there are none.

        Whoever may be refused by a cap asks so: else it is by what was seen last. Fails with what `ask` raises only.
        Cancelling before its turn leaves it unasked.
        """

    def place(order: CallOrder, party: Party) -> IPermit:
        """A call to be placed; counts it. The order's `seconds` are what was asked for; the permit's are what is
        granted, never more."""

    def ring(info: CallInfo) -> IPermit:
        """An inbound call; counts it."""

    def leg(info: CallInfo, dial: Dial, named: bool, party: Party | None = None) -> IPermit:
        """Somebody to be connected with the human of this call; counts it, also for the API key that asks for it.

        `named`: the operator has written this very target into the settings or the flow. That is a permission by
        name, as in `outbound.allow`; every counter, the do-not-call list and the number's form hold all the same.
        """

    def carry_on(
        info: CallInfo, seconds: int, dial: Dial | None = None, charged: tuple[Charged, ...] = ()
    ) -> IPermit:
        """A call of another daemon, or of one before us, or with `dial` a leg of it: it holds its place again, for so
        long, whatever the caps say. It was counted then (`charged`), and is not counted again."""

    def converse(info: CallInfo, seconds: int | None = None) -> IPermit:
        """An agent that is about to take the line: so long it may, and no longer than `seconds` (None: nobody else
        says how long); `over(seconds)` counts what it has taken."""

    def conversed(info: CallInfo, granted: int, began: float, ended: float) -> None:
        """An agent on a call of a daemon before us had the line then (seconds since the epoch), and had been granted
        so many seconds: those that it has not taken are there again."""

    def text(info: CallInfo, to: str) -> None:
        """A text message to be sent on this call, to that number; counts it."""

    def opt_out(info: CallInfo, how: str) -> None:
        """The human of this call does not want to be called any more: from now on every call and text to their
        number, and every leg that the operator has not named, is refused by the rule `dnc`, on every account, over
        restarts, too. Never fails: what cannot be kept
        is logged, and holds all the same while the daemon runs. Whoever has no number is noted only.

        `how`: see OptOutRecord.
        """

    def refuse(refusal: Refused, *, account: str, party: str, key: str) -> None:
        """Somebody else says no to a call that this API key has asked for, to that number: for the journal."""

    def settled() -> Deferred[None]:
        """Fires when all that was counted so far would survive a restart. Fails with StoreError when it would not."""
