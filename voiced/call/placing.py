"""Places calls: what is asked for is checked, guarded, remembered by its key, and asked of the carrier once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.call.dialplan import plain
from voiced.call.flow import Flow
from voiced.call.lookout import Lookout
from voiced.call.ordered import Ordered
from voiced.call.program import Program
from voiced.call.records import CallInfo, Direction, Ending
from voiced.call.room import Purpose
from voiced.call.session import CallSession
from voiced.call.switchboard import Switchboard
from voiced.call.underway import UnderWay
from voiced.call.wish import Ways, Wish
from voiced.errors import BadWish, CarrierError, KeyReused, Overloaded, Refused, StoreError, VoicedError
from voiced.icarrier import CallOrder, ICarrier
from voiced.iguard import IGuard, Party
from voiced.ikept import IPlacedCalls, Placed
from voiced.ivoiced import Dial

CERTAIN_AFTER = 90.0
"""Seconds after which a call that the carrier does not list was certainly not placed."""

log = Logger()


@attrs.frozen
class Request:
    """A wish on its way, with all that it needs."""

    wish: Wish
    party: Party
    program: Program
    flow: Flow
    order: CallOrder
    key: str
    """The idempotency key, with whose it is; "" where there is none."""

    def placed(self, now: float) -> Placed:
        """What is kept of it."""
        return Placed(self.wish.fingerprint, self.order, now)


class Connectable(Protocol):
    """A live call whose human can be connected with somebody."""

    def transfer(self, dial: Dial, party: Party) -> None:
        """See CallSession."""


class Placing:
    """Where calls are placed."""

    def __init__(
        self,
        program: Callable[[], Program],
        ways: Ways,
        switchboard: Switchboard,
        carrier: ICarrier,
        guard: IGuard,
        book: IPlacedCalls,
        clock: IReactorTime,
    ) -> None:
        self._program = program
        self.ways = ways
        """How calls are placed from now on."""
        self._switchboard = switchboard
        self._carrier = carrier
        self._guard = guard
        self._book = book
        self._clock = clock
        self._lookout = Lookout(switchboard, carrier, book, clock)
        self._wishes = UnderWay()
        self._at_work: dict[str, list[Deferred[None]]] = {}
        """Who waits until nobody else asks for a call with the same key."""

    def place(self, wish: Wish, party: Party) -> Deferred[str]:
        """Fires with the call's SID, when the carrier has accepted it, or had before for this idempotency key.

        Fails with BadWish (400), KeyReused (422), Refused (403, or 429 where `retry_after` is set), Overloaded (503),
        StoreError (503) or CarrierError (its `answer`). It is not to be cancelled: what was asked for happens.
        """
        self._wishes.begin()
        return Deferred.fromCoroutine(self._place(wish, party)).addBoth(self._done)

    def settled(self) -> Deferred[None]:
        """Fires when no wish is on its way any more."""
        return self._wishes.settled()

    def connect(self, session: Connectable, dial: Dial, party: Party) -> Deferred[None]:
        """Connect the human of a live call with somebody, as an API client wants it; fires when that is begun.

        Fails with BadWish, CallOver, Refused and StoreError.
        """
        return Deferred.fromCoroutine(self._connect(session, dial, party))

    def end(self, call_sid: str) -> Deferred[bool]:
        """End a call that a daemon before us has placed; fires with whether it was one. Fails with StoreError."""
        return Deferred.fromCoroutine(self._end(call_sid))

    def ordered(self, ordered: Ordered) -> Ordered:
        """The same, with us to be told of its name, and to look for it."""
        key = ordered.key
        return attrs.evolve(ordered, named=partial(self._keep, key), look=partial(self._look, key))

    async def _connect(self, session: Connectable, dial: Dial, party: Party) -> None:
        if dial.caller_id is not None and plain(dial.caller_id) not in self.ways.numbers:
            raise BadWish("caller_id", "this is none of our numbers")
        await self._guard.settled()
        await self._guard.whole(partial(session.transfer, dial, party))

    async def _end(self, call_sid: str) -> bool:
        placed = await self._book.called(call_sid)
        if placed is not None:
            self._carrier.complete(call_sid, placed.order.account).addErrback(_not_ended, call_sid)
        return placed is not None

    def _done(self, result: Any) -> Any:
        self._wishes.end()
        return result

    async def _place(self, wish: Wish, party: Party) -> str:
        if self._switchboard.draining:  # also for a key that is known: who repeats a request would keep us for ever
            raise Overloaded("the daemon is stopping")
        program = self._program()
        try:
            flow = self.ways.flow_of(wish, party, program.flows)
        except Refused as refusal:
            account = next(iter(self.ways.numbers.values()), "")
            self._guard.refuse(refusal, account=account, party=wish.number, key=party.name)
            raise
        order = self.ways.order_of(wish, flow, self._switchboard.new_name())
        key = "" if wish.idempotency_key is None else f"{party.name} {wish.idempotency_key}"
        request = Request(wish, party, program, flow, order, key)
        if not key:
            return await self._new(request)
        while key in self._at_work:
            waiting: Deferred[None] = Deferred()
            self._at_work[key].append(waiting)
            await waiting
        self._at_work[key] = []
        try:
            return await self._once(request)
        finally:
            for waiting in self._at_work.pop(key):
                waiting.callback(None)

    async def _once(self, request: Request) -> str:
        known = await self._book.begin(request.key, request.placed(self._clock.seconds()))
        if known is None:
            return await self._new(request)
        if known.fingerprint != request.wish.fingerprint:
            raise KeyReused("this idempotency key stands for another request")
        if known.sid:
            return known.sid
        if await self._came_to_nothing(known, request.key):
            await self._book.forget(request.key)
            return await self._once(request)
        return await self._sid_of(known, request.key)

    # A call that is new

    async def _new(self, request: Request) -> str:
        try:
            session = await self._guard.whole(partial(self._begin, request))
        except VoicedError:
            await self._free(request.key)
            raise
        try:
            await self._guard.settled()
        except StoreError as error:
            if not request.party.on_call:  # its trouble may be that very disk
                session.not_placed(str(error))
                await self._free(request.key)
                raise
        if session.over:
            await self._free(request.key)
            raise Overloaded("the daemon is stopping")
        try:
            sid = await self._ordered(session, request.key)
        except CarrierError as error:
            log.error("{error}", error=str(error))
            if not error.unsure:
                session.not_placed(f"not placed: error {error.code or error.status}")
                await self._free(request.key)
            raise
        finally:
            session.being_asked_for = False
        if session.over and (not session.info.sid or session.record.ending is Ending.DRAINED):
            log.info("{call}: it is taken back: the daemon is stopping", call=sid)
            await self._free(request.key)
            self._carrier.complete(sid, session.order.account).addErrback(_not_ended, sid)
            raise Overloaded("the daemon is stopping")
        self._switchboard.named(session, sid)
        return sid

    async def _ordered(self, session: CallSession, key: str) -> str:
        """The SID that the carrier gives the call, or has given it already when it asked us about it."""
        asked = self._clock.seconds()
        try:
            return await self._carrier.create(session.order)
        except CarrierError as error:
            sid = session.info.sid or (await self._lookout.look_for(session, key, asked) if error.unsure else "")
            if not sid:
                raise
            return sid

    def _begin(self, request: Request) -> CallSession:
        """What there is of the call on our side, before the carrier is asked: it may ask us before it answers."""
        self._switchboard.check_room(Purpose.ON_CALL if request.party.on_call else Purpose.OUTBOUND)
        wish, order = request.wish, request.order
        permit = self._guard.place(order, request.party)
        order = attrs.evolve(order, seconds=permit.seconds)
        ordered = self.ordered(
            Ordered(order, request.party.name, wish.prompt, wish.first_message, wish.variables, request.key)
        )
        info = CallInfo("", order.account, order.from_, order.to, Direction.OUTBOUND)
        return self._switchboard.place(info, request.program, request.flow, permit, ordered)

    def _keep(self, key: str, sid: str) -> None:
        """The call has a SID: whoever asks with the same key gets it."""
        if key:
            self._book.named(key, sid).addErrback(_not_kept, sid)

    async def _free(self, key: str) -> None:
        if key:
            try:
                await self._book.forget(key)
            except StoreError as error:
                log.error("an idempotency key is not freed: {error}", error=str(error))

    # A key whose call has no SID yet

    async def _came_to_nothing(self, known: Placed, key: str) -> bool:
        """Whether a call that was asked for certainly never came to be."""
        if self._switchboard.placed(known.order.reference) is not None:
            return False
        if self._clock.seconds() - known.asked < CERTAIN_AFTER:
            return False
        return await self._lookout.listed(known.order, known.asked, None, key) == ""

    async def _sid_of(self, known: Placed, key: str) -> str:
        """Its SID. Raises CarrierError when nobody can say yet."""
        session = self._switchboard.placed(known.order.reference)
        sid = "" if session is None else session.info.sid
        sid = sid or await self._lookout.listed(known.order, known.asked, session, key) or ""
        if not sid:
            message = "Twilio has not said yet whether this call was placed: repeat it with the same key in a minute"
            raise CarrierError(message, unsure=True, answer=504)
        if session is not None:
            self._switchboard.named(session, sid)
        else:
            self._keep(key, sid)
        return sid

    # A call of which nothing is heard

    def _look(self, key: str, session: CallSession) -> None:
        if session.being_asked_for:
            return
        asking = Deferred.fromCoroutine(self._lookout.ask_about(session, key))
        asking.addErrback(_broke, session.info.sid)


def _not_kept(failure: Failure, call_sid: str) -> None:
    failure.trap(StoreError)
    log.error("{call}: its idempotency key is not kept: {error}", call=call_sid, error=failure.getErrorMessage())


def _not_ended(failure: Failure, call_sid: str) -> None:
    failure.trap(CarrierError)  # it was logged where it was tried


def _broke(failure: Failure, call_sid: str) -> None:
    log.failure("{call}: asking the carrier about it broke down", failure, call=call_sid)
