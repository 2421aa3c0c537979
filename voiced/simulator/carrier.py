"""The telephone carrier: Twilio, as far as the daemon can tell.

It rings, asks the daemon's webhooks, opens media streams, plays what it is sent, and serves the REST API; and it can
do all that as badly as carriers do. In memory or over real sockets, as the endpoint and the clock that it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from urllib.parse import urljoin

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

from voiced.simulator.account import Account
from voiced.simulator.call import Ended, SimulatedCall
from voiced.simulator.courier import Callbacks, Courier
from voiced.simulator.line import Line
from voiced.simulator.number import Number, Start
from voiced.simulator.rest import Ledger, Rest, RestRequest
from voiced.simulator.road import AfterClose, Callee, Road
from voiced.simulator.sheet import Entry, Sheet
from voiced.simulator.stream import MediaStream, StreamOrder
from voiced.simulator.webhook import Answer, Webhooks

__all__ = ["Callbacks", "Callee", "Carrier", "Ended", "Line", "SimulatedCall"]

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
        self.ledger = Ledger(self.account)
        self._clock = clock
        self._road = Road(clock)
        self._numbers: dict[str, Number] = {}

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
        self._numbers[number] = Number(number, absolute[0] or "", absolute[1], absolute[2])

    def callee(self, number: str, status: str = "completed", ring: float = 2.0, talk: float = 30.0) -> None:
        """What comes of a <Dial> to that number; ring and talk in seconds."""
        self._road.callees[number] = Callee(status, ring, talk)

    def ring(
        self,
        to: str,
        from_: str = "+14155550100",
        line: Line | None = None,
        on_entry: Callable[[Entry], object] | None = None,
        **extra: str,
    ) -> SimulatedCall:
        """Somebody dials `to`. `extra` goes into the form of every webhook about the call."""
        if to not in self._numbers:
            raise KeyError(f"{to} is nobody's number; known are {sorted(self._numbers)}: see Carrier.number")
        sheet, number = Sheet(self._clock, on_entry=on_entry), self._numbers[to]
        call = SimulatedCall(
            self.account,
            self.webhooks,
            self._courier(sheet),
            number,
            from_,
            (line or Line.clean()).leg(self._clock),
            sheet,
            self._road.walk,
            extra,
        )
        self.calls[call.sid] = call
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
        """So many REST requests from now on are answered with that status (500, 429 ...); None: not at all."""
        self.ledger.faults.extend([status] * times)

    def _begin(self, call: SimulatedCall) -> None:
        if not call.over:
            call.begin(Start(call.number.voice_url))

    def _courier(self, sheet: Sheet) -> Courier:
        return Courier(self._clock, self.webhooks, sheet, lambda: self.callbacks, lambda: self.account.new_sid(""))

    def _absolute(self, url: str) -> str:
        return url if "://" in url else urljoin(self.account.public_url.rstrip("/") + "/", url.lstrip("/"))
