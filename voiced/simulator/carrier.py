"""The telephone carrier: Twilio, as far as the daemon can tell.

It rings, and is told through its REST API whom to call; asks the daemon's webhooks, opens media streams, plays what
it is sent; and it can do all that as badly as carriers do. In memory or over real sockets, as the endpoint and the
clock that it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any
from urllib.parse import urljoin

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

from voiced.simulator.account import Account
from voiced.simulator.call import SimulatedCall
from voiced.simulator.courier import Callbacks, Courier
from voiced.simulator.dialing import Callee, Dialing
from voiced.simulator.ending import Ended
from voiced.simulator.ledger import LOST, Fault, Ledger, RestRequest
from voiced.simulator.line import Line
from voiced.simulator.number import Number, Plan
from voiced.simulator.orders import Order
from voiced.simulator.outbound import Outbound
from voiced.simulator.person import Does, Person
from voiced.simulator.rest import Rest
from voiced.simulator.road import AfterClose, Road
from voiced.simulator.sheet import Entry, Sheet
from voiced.simulator.stream import MediaStream, StreamOrder
from voiced.simulator.texts import Text
from voiced.simulator.webhook import Answer, Webhooks

__all__ = ["Callbacks", "Callee", "Carrier", "Ended", "Line", "Person", "RestRequest", "SimulatedCall"]

ACCOUNT_SID = "AC" + "5" * 32
AUTH_TOKEN = "a pretend account's token"  # noqa: S105 - it opens nothing


class Carrier:
    """One account at the carrier, and the daemon it belongs to."""

    def __init__(
        self,
        clock: IReactorTime,
        *,
        daemon: IStreamClientEndpoint,
        public_url: str,
        account_sid: str = ACCOUNT_SID,
        auth_token: str = AUTH_TOKEN,
        seed: int = 0,
    ) -> None:
        self.account = Account(clock, daemon, public_url, account_sid, auth_token, Random(seed))
        self.callbacks = Callbacks()
        self.webhooks = Webhooks(self.account)
        self.ledger = Ledger(self.account, self._place, self.webhooks.exchanged)
        self.placed: list[SimulatedCall] = []
        """The calls that were asked for through the API, in that order; they are among `calls` too."""
        self.on_placed: Callable[[SimulatedCall], object] | None = None
        """Called with each of them before anything becomes of it."""
        self._clock = clock
        self._dialing = Dialing(clock)
        self._road = Road(clock, self._dialing)
        self._outbound = Outbound(clock, self._road)
        self._waiting: list[Deferred[SimulatedCall]] = []

    @property
    def calls(self) -> dict[str, SimulatedCall]:
        """Every call so far, by CallSid."""
        return self.ledger.calls

    @property
    def rest(self) -> Rest:
        """A site's root that is api.twilio.com for this account. For several: `Rest([one.ledger, other.ledger])`."""
        return Rest([self.ledger])

    @property
    def rest_requests(self) -> list[RestRequest]:
        """What was asked of the REST API."""
        return self.ledger.requests

    @property
    def texts(self) -> list[Text]:
        """The text messages that it has taken; none of them arrives anywhere."""
        return self.ledger.texts

    @property
    def after_close(self) -> AfterClose:
        """What follows a stream that is over: `action` asks <Connect>'s action, `next` goes on with the next verb.

        Twilio's pages disagree; a daemon has to live with both.
        """
        return self._road.after_close

    @after_close.setter
    def after_close(self, wanted: AfterClose) -> None:
        self._road.after_close = wanted

    def number(
        self, number: str, voice_url: str, fallback_url: str | None = None, status_url: str | None = None
    ) -> None:
        """What the operator types into Twilio's console for a number. URLs may be paths under the public URL."""
        absolute = [None if url is None else self._absolute(url) for url in (voice_url, fallback_url, status_url)]
        self.account.numbers[number] = Number(number, absolute[0] or "", absolute[1], absolute[2])

    def callee(self, number: str, status: str = "completed", ring: float = 2.0, talk: float = 30.0) -> None:
        """What comes of a <Dial> to that number; ring and talk in seconds."""
        self._dialing.callees[number] = Callee(status, ring, talk)

    def person(self, number: str, does: Does = "answers", **about: Any) -> None:
        """Who is at that number when the API is asked to call it; `about` are the fields of Person.

        At a number that was never set up there is a human who answers after two seconds.
        """
        self._outbound.people[number] = Person(does, **about)

    def refuse(self, number: str, code: int = 21216) -> None:
        """The API refuses to call that number, with that error code (and <Dial> does, with its own)."""
        self.account.refused[number] = code

    def refuse_texts(self, number: str, code: int = 21610) -> None:
        """The API refuses to text that number, with that error code."""
        self.account.untexted[number] = code

    @property
    def calls_per_second(self) -> float | None:
        """How many calls that were asked for begin in a second; the others are queued. None: all begin at once."""
        return self._outbound.per_second

    @calls_per_second.setter
    def calls_per_second(self, wanted: float | None) -> None:
        self._outbound.per_second = wanted

    def when_placed(self) -> Deferred[SimulatedCall]:
        """Fires with the next call that is asked for through the API."""
        waiting: Deferred[SimulatedCall] = Deferred()
        self._waiting.append(waiting)
        return waiting

    def ring(
        self,
        to: str,
        from_: str = "+14155550100",
        line: Line | None = None,
        on_entry: Callable[[Entry], object] | None = None,
        **extra: str,
    ) -> SimulatedCall:
        """Somebody dials `to`. `extra` goes into the form of every webhook about the call."""
        numbers = self.account.numbers
        if to not in numbers:
            raise KeyError(f"{to} is nobody's number; known are {sorted(numbers)}: see Carrier.number")
        call = self._call(numbers[to].inbound(from_), line or Line.clean(), on_entry, extra)
        self._clock.callLater(0, self._begin, call)
        return call

    def post(self, path: str, form: Mapping[str, str], signature: str | None = None) -> Deferred[Answer]:
        """POST a form once, signed rightly, or with that signature, or (empty) none; fires with any answer."""
        return Deferred.fromCoroutine(self.webhooks.once(self._absolute(path), form, signature=signature))

    def open_stream(
        self,
        path: str,
        call_sid: str = "",
        parameters: Mapping[str, str] | None = None,
        signature: str | None = None,
        silent: bool = False,
    ) -> MediaStream:
        """Open a stream's socket that no TwiML asked for; `silent` sends nothing by itself (see `send_raw`)."""
        url = self._absolute(path)
        url = "ws" + url[4:] if url.startswith("http") else url
        order = StreamOrder(url, call_sid, parameters or {}, signature=signature, silent=silent)
        stream = MediaStream(self.account, Sheet(self._clock), Line.clean().leg(self._clock), order)
        stream.dial()
        return stream

    def drop_stream(self, call: SimulatedCall) -> None:
        """The connection of the call's stream breaks; the call itself lives on."""
        if call.stream is not None:
            call.stream.drop()

    def refuse_webhooks(self, times: int) -> None:
        """So many requests from now on, tries and callbacks alike, find the daemon's port closed."""
        self.webhooks.refuse = times

    def lose_answers(self, times: int) -> None:
        """So many requests from now on reach the daemon, but their answers do not come back."""
        self.webhooks.lose_answers = times

    def fail_rest(self, status: int | None, times: int = 1) -> None:
        """So many REST requests from now on are not done, and answered with that status (500, 429 ...); None: not
        at all."""
        self.ledger.faults.extend([Fault(done=False, status=status)] * times)

    def lose_rest(self, times: int = 1) -> None:
        """So many REST requests from now on are done, but their answers never arrive."""
        self.ledger.faults.extend([LOST] * times)

    def delay_rest(self, seconds: float, times: int = 1) -> None:
        """So many REST requests from now on are done at once, and answered so many seconds later."""
        self.ledger.faults.extend([Fault(done=True, late=seconds)] * times)

    def _place(self, order: Order) -> SimulatedCall:
        """Begin a call that was asked for."""
        call = self._call(order.plan, self._outbound.person(order.plan.to).line)
        self.placed.append(call)
        if self.on_placed is not None:
            self.on_placed(call)
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(call)
        call.note("twilio", "queued", f"{call.to} from {call.from_}")
        self._clock.callLater(0, lambda: None if call.over else call.go(self._outbound.go(call, order)))
        return call

    def _call(
        self,
        plan: Plan,
        line: Line,
        on_entry: Callable[[Entry], object] | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> SimulatedCall:
        sheet = Sheet(self._clock, on_entry=on_entry)
        call = SimulatedCall(
            account=self.account,
            webhooks=self.webhooks,
            courier=self._courier(sheet),
            plan=plan,
            leg=line.leg(self._clock),
            record=sheet,
            walk=self._road.walk,
            extra=extra or {},
        )
        self.calls[call.sid] = call
        return call

    def _begin(self, call: SimulatedCall) -> None:
        if not call.over:
            call.begin(call.plan.start)

    def _courier(self, sheet: Sheet) -> Courier:
        return Courier(self._clock, self.webhooks, sheet, lambda: self.callbacks, lambda: self.account.new_sid(""))

    def _absolute(self, url: str) -> str:
        return url if "://" in url else urljoin(self.account.public_url.rstrip("/") + "/", url.lstrip("/"))
