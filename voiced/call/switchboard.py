"""Knows every live call: announces calls, hands out their tickets, finds them again, and drains."""

from __future__ import annotations

import secrets
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import attrs
import msgspec
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from voiced.call.flow import Flow
from voiced.call.life import EXPECT_SECONDS
from voiced.call.program import Program
from voiced.call.records import CallInfo, CallRecord, Ending, Stage
from voiced.call.room import Purpose, Room
from voiced.errors import CallOver, Overloaded, UnknownTicket
from voiced.iguard import IPermit
from voiced.istanding import Standing

if TYPE_CHECKING:
    from voiced.call.book import Book
    from voiced.call.ordered import Ordered
    from voiced.call.session import CallSession

REMEMBERED = 1000
"""Spent tickets and ended calls that are kept in mind: a late comer gets the right word."""
LOOK_SECONDS = 1.0
"""How often a switchboard that drains looks whether anybody is left to wait for."""

log = Logger()

Finished = Callable[["CallSession", Ending], None]
MakeSession = Callable[[CallInfo, Program, Flow, IPermit, "Ordered | None", Finished], "CallSession"]


@attrs.frozen
class Ticket:
    """The right to open one media stream of one call, for 30 s."""

    name: str = attrs.field(repr=False)
    call_sid: str
    timer: IDelayedCall


class Switchboard:
    """The live calls. `begun` and `ended` are told of each call's record, once."""

    def __init__(
        self,
        clock: IReactorTime,
        make_session: MakeSession,
        room: Room,
        begun: Callable[[CallRecord, Program], object],
        ended: Callable[[CallRecord, Program], object],
        new_name: Callable[[], str] = lambda: secrets.token_urlsafe(24),
        book: Book | None = None,
    ) -> None:
        self._clock = clock
        self._make_session = make_session
        self._begun = begun
        self._ended = ended
        self.new_name = new_name
        self.room = room
        self._book = book
        self._calls: dict[str, CallSession] = {}
        """By the carrier's name for them; by our reference, as long as that is not known."""
        self._placed: dict[str, CallSession] = {}
        """Those that we have placed, by our reference."""
        self._tickets: dict[str, Ticket] = {}
        self._spent: deque[tuple[str, str]] = deque(maxlen=REMEMBERED)
        self._past: deque[str] = deque(maxlen=REMEMBERED)
        self._drained: Deferred[None] | None = None
        self._leaving = False
        """Whether the calls are left to the daemon that follows."""
        self._look: IDelayedCall | None = None
        """While calls may still go on, although we are closing."""
        self.endings: Counter[Ending] = Counter()
        self.bad_tickets: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[CallSession]:
        return iter(list(self._calls.values()))

    def find(self, call_sid: str) -> CallSession | None:
        """The live call of that SID."""
        return self._calls.get(call_sid)

    def has_ended(self, call_sid: str) -> bool:
        """Whether that call was ours a while ago and is over."""
        return call_sid in self._past

    def check_room(self, purpose: Purpose = Purpose.INBOUND, *, beyond: int = 0) -> None:
        """Raises Overloaded when there is no room for another call (see Room), or when we are closing."""
        if self.draining:
            raise Overloaded("the daemon is stopping")
        self.room.check(len(self._calls), purpose, beyond=beyond)

    def expect(self, info: CallInfo, program: Program, flow: Flow, permit: IPermit) -> CallSession:
        """An inbound call whose stream will come."""
        session = self._calls[info.sid] = self._make_session(info, program, flow, permit, None, self.over)
        self._follow(session)
        self._begun(session.record, program)
        return session

    def place(self, info: CallInfo, program: Program, flow: Flow, permit: IPermit, ordered: Ordered) -> CallSession:
        """A call that we place; it has no SID yet (`named`), and the carrier may ask about it by its reference."""
        session = self._make_session(info, program, flow, permit, ordered, self.over)
        self._calls[ordered.order.reference] = self._placed[ordered.order.reference] = session
        self._follow(session)
        return session

    def take_up(self, session: CallSession) -> None:
        """A call of a daemon before us; whoever is told of calls that begin was told of it then."""
        self._calls[session.name] = session
        if session.ordered is not None:
            self._placed[session.ordered.order.reference] = session
        self._follow(session)
        session.go_on()

    def hand_over(self, session: CallSession) -> Standing:
        """Another daemon goes on with this call: where it stands, with its ticket. It is gone here, and nobody is
        told of an end. Raises CallOver where no stream is waited for."""
        ticket = next((each for each in self._tickets.values() if each.call_sid == session.info.sid), None)
        if ticket is None:
            raise CallOver
        standing = msgspec.structs.replace(session.hand_over(), ticket=ticket.name)
        self._spend(ticket.name, "handed over")
        self._forget(session)
        assert self._book is not None  # noqa: S101 - for the type checker: who has neighbours has a database
        self._book.leave(session.name)
        self._check_drained()
        return standing

    def expect_again(self, call_sid: str, ticket: str) -> None:
        """The stream of a call that was handed over to us comes with this ticket."""
        self._open(ticket, call_sid)

    def remember(self, over: Iterable[str]) -> None:
        """These calls were those of a daemon before us, and are over."""
        self._past.extend(over)

    def placed(self, reference: str) -> CallSession | None:
        """The live call that we have placed under this reference."""
        return self._placed.get(reference)

    def named(self, session: CallSession, call_sid: str) -> None:
        """The carrier has a name for a call that we have placed. Whoever says it first is believed, and one name is
        for one call."""
        if session.ordered is None or session.info.sid or session.stage is Stage.OVER or call_sid in self._calls:
            return
        del self._calls[session.ordered.order.reference]
        self._calls[call_sid] = session
        if self._book is not None:
            self._book.over(session.name)
        session.named(call_sid)
        self._begun(session.record, session.program)

    def refuse(self, info: CallInfo, program: Program, ending: Ending, why: str = "") -> None:
        """Record a call that begins and ends here."""
        now = self._clock.seconds()
        record = CallRecord(info, "", now, now, ending, version=program.version.hash)
        record.faults += [why] if why else []
        self._past.append(info.sid)
        self._begun(record, program)
        self._close(record, program, ending)

    def ticket(self, call_sid: str) -> str:
        """The ticket for that call's next stream: the open one, or a new one."""
        for ticket in self._tickets.values():
            if ticket.call_sid == call_sid:
                ticket.timer.reset(EXPECT_SECONDS)
                return ticket.name
        name = self.new_name()
        self._open(name, call_sid)
        return name

    def claim(self, name: str | None, call_sid: str) -> Deferred[CallSession]:
        """Spend a ticket: fires with its call. Fails with UnknownTicket, which is counted by its reason."""
        ticket = self._tickets.get(name or "")
        if ticket is not None and ticket.call_sid == call_sid:
            self._spend(ticket.name, "used")
            return succeed(self._calls[call_sid])
        reason = "for another call" if ticket else dict(self._spent).get(name or "", "wrong") if name else "missing"
        self.bad_tickets[reason] += 1
        log.warn("{call}: a stream came with a ticket that is {reason}", call=call_sid, reason=reason)
        return fail(UnknownTicket(reason))

    def leave(self) -> None:
        """The calls, and those that still begin, are left to the daemon that follows."""
        self._leaving = True
        for session in self:
            session.left_behind()

    @property
    def draining(self) -> bool:
        """Whether no new calls are taken any more."""
        return self._drained is not None

    def drain(self, seconds: float = 0.0) -> Deferred[None]:
        """Take no new call. The live ones may go on for `seconds`; whoever is left then hears the sentence now spoken
        to its end, and the goodbye. Fires when none is left.

        Nobody waits for those who do not need us: a telephone that we let ring is called off at once, and two who
        talk without us do so on.
        """
        if self._drained is None:
            self._drained = Deferred()
            for session in self:
                if session.stage is Stage.RINGING:
                    session.evict()
            self._wind_down(self._clock.seconds() + seconds)
        return self._drained

    def abandon(self) -> None:
        """End every call at once."""
        for session in self:
            session.abandon()

    def _wind_down(self, until: float) -> None:
        self._look = None
        left = until - self._clock.seconds()
        if left > 0 and any(not session.connected for session in self):
            self._look = self._clock.callLater(min(left, LOOK_SECONDS), self._wind_down, until)
            return
        for session in self:
            session.evict()
        self._check_drained()

    def over(self, session: CallSession, ending: Ending) -> None:
        """It has ended so: it is forgotten, and whoever is told of calls that end is told."""
        self._forget(session)
        if session.info.sid:
            self._past.append(session.info.sid)
        for ticket in [t for t in self._tickets.values() if t.call_sid == session.info.sid]:
            self._spend(ticket.name, "late")
        if session.info.sid:
            self._close(session.record, session.program, ending)
        if self._book is not None:
            session.changed = lambda within=0.0: None
            self._book.over(session.name)
        self._check_drained()

    def _forget(self, session: CallSession) -> None:
        reference = "" if session.ordered is None else session.ordered.order.reference
        self._placed.pop(reference, None)
        del self._calls[session.info.sid or reference]

    def _open(self, ticket: str, call_sid: str) -> None:
        timer = self._clock.callLater(EXPECT_SECONDS, self._spend, ticket, "late")
        self._tickets[ticket] = Ticket(ticket, call_sid, timer)

    def _follow(self, session: CallSession) -> None:
        """Keep where it stands."""
        if self._book is not None:
            session.changed = partial(self._book.changed, session)
            session.changed()
            if self._leaving:
                session.left_behind()

    def _close(self, record: CallRecord, program: Program, ending: Ending) -> None:
        self.endings[ending] += 1
        self._ended(record, program)

    def _spend(self, name: str, how: str) -> None:
        ticket = self._tickets.pop(name)
        self._spent.append((name, how))
        if ticket.timer.active():
            ticket.timer.cancel()

    def _check_drained(self) -> None:
        if self._drained is not None and not self._calls and not self._drained.called:
            look, self._look = self._look, None
            if look is not None:
                look.cancel()
            self._drained.callback(None)
