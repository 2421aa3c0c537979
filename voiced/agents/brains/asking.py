"""Asking: one request for a streamed completion, from the first byte sent until its stream has ended or is stopped.

-> POST {base_url}/chat/completions   authorization: Bearer …
   {"model": …, "messages": […], "stream": true, …}
<- 200, text/event-stream (voiced.agents.brains.completion)
<- 4xx, 5xx with a JSON `error`
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse

from voiced.agents.brains.completion import QUOTA, complaint
from voiced.agents.brains.eventstream import EventStream
from voiced.errors import AgentError
from voiced.net.exchange import abort
from voiced.net.trouble import NETWORK, sentence

_log = Logger()

_REASON_BYTES = 8192
"""How much of a refusal's body is read."""
_BUSY = (408, 409, 429, 500, 502, 503, 504, 529)
"""Statuses that may be gone a moment later."""


class Unanswered(AgentError):
    """Nothing of an answer has come; `retry` says whether the same request may work a moment later."""

    def __init__(self, message: str, *, retry: bool, kind: str = "failed") -> None:
        self.retry = retry
        super().__init__(message, kind=kind)


class Asking(Protocol):
    """Calls `receive(event)` for each event, and `ended()` after the last; then `done` fires.

    `receive` says whether there was something of the answer in it: the first has `first` seconds, what follows
    `stall` seconds each. Cancelling `done` closes the connection. It fails with AgentError, or with what `receive`
    raised.
    """

    def __init__(
        self,
        receive: Callable[[str], bool],
        ended: Callable[[], object],
        clock: IReactorTime,
        first: float,
        stall: float,
    ) -> None:
        self.done: Deferred[None] = Deferred(lambda _: self._stop(Failure(CancelledError())))
        self._receive = receive
        self._ended = ended
        self._clock = clock
        self._first = first
        self._stall = stall
        self._events = EventStream()
        self._status = 200
        self._reason = b""
        self._begun = False

    def start(self, http: Any, url: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> None:
        """Send the request."""
        self._host = urlsplit(url).netloc.rpartition("@")[2]
        self._timer = self._clock.callLater(self._first, self._late)
        # `reactor`: treq would import the global one. Redirects would take the key to another host.
        self._request: Deferred[IResponse] = http.request(
            "POST",
            url,
            headers={"content-type": "application/json", "accept": "text/event-stream", **headers},
            data=json.dumps(body).encode(),
            unbuffered=True,
            allow_redirects=False,
            reactor=self._clock,
        )
        self._request.addCallbacks(self._answered, self._lost)

    def _answered(self, response: IResponse) -> None:
        self._status = response.code
        response.deliverBody(self)

    def connectionMade(self) -> None:
        if self.done.called:
            abort(self.transport)

    def dataReceived(self, data: bytes) -> None:
        if self.done.called:
            return
        if self._status != 200:
            self._reason += data
            if len(self._reason) > _REASON_BYTES:
                self._stop(Failure(self._refusal()))
            return
        self._take(self._events.feed, data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.done.called:
            return
        if self._status != 200:
            self._stop(Failure(self._refusal()))
        elif not reason.check(ResponseDone, PotentialDataLoss):
            self._stop(Failure(self._broken(f"{self._host} broke off its answer in the middle")))
        else:
            self._take(lambda _: self._events.end(), b"")
            if not self.done.called:
                self._ended()
            self._stop(None)

    def _take(self, feed: Callable[[bytes], list[str]], data: bytes) -> None:
        try:
            for event in feed(data):
                if not self.done.called and self._receive(event):
                    self._begun = True
                    self._timer.reset(self._stall)
        except ValueError as error:
            self._stop(Failure(AgentError(f"{self._host} sent {error}: check base_url")))
        except Exception:  # noqa: BLE001 - nothing is awaited here; Twisted would hide it in a ResponseFailed
            self._stop(Failure())

    def _lost(self, failure: Failure) -> None:
        if self.done.called:
            return
        if failure.check(*NETWORK):
            failure = Failure(Unanswered(sentence(failure, self._host), retry=True))
        self._stop(failure)

    def _late(self) -> None:
        if self._begun:
            self._stop(Failure(AgentError(f"{self._host} stopped in the middle of its answer")))
        else:
            why = f"{self._host} has not begun to answer within {self._first:g} s"
            self._stop(Failure(Unanswered(why, retry=False)))

    def _broken(self, why: str) -> AgentError:
        return AgentError(why) if self._begun else Unanswered(why, retry=True)

    def _refusal(self) -> AgentError:
        try:
            said = complaint(json.loads(self._reason))
        except ValueError:
            said = complaint(None)
        match self._status:
            case 401 | 403:  # what is said of a key shows a part of it
                why = f"{self._host} refuses the key ({self._status}): check api_key"
            case 404:
                why = f"{self._host} does not know this model or path (404: {said}): check model and base_url"
            case 429:
                why = f"{self._host} takes no more at the moment (429: {said}): check its limits and its bill"
            case status:
                why = f"{self._host} refuses the request ({status}: {said})"
        kind = "quota" if said in QUOTA or self._status == HTTPStatus.PAYMENT_REQUIRED else "failed"
        return Unanswered(why, retry=self._status in _BUSY, kind=kind)

    def _stop(self, result: Failure | None) -> None:
        """It is over, so or so; a connection that is still open is closed."""
        if self.done.called:
            return
        if self._timer.active():
            self._timer.cancel()
        self.done.callback(result)
        self._request.cancel()
        abort(self.transport)
