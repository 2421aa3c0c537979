"""A vendor's HTTP side: what it was asked, what it answers, how late, and how it refuses."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET, Request

_log = Logger()


@frozen
class Asked:
    """A request that came, WebSocket handshakes among them."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By their names in lower case; the last one of each."""
    body: bytes

    @classmethod
    def of(cls, request: Request) -> Asked:
        """What that request asks."""
        query = {key.decode(): values[-1].decode() for key, values in (request.args or {}).items()}
        raw = request.requestHeaders.getAllRawHeaders()
        headers = {name.decode().lower(): values[-1].decode("utf-8", "replace") for name, values in raw}
        body = request.content.read() if request.content is not None else b""
        return cls(request.method.decode(), request.path.decode(), query, headers, body)


@frozen
class Refusal(Exception):
    """An answer that is none."""

    status: int | None
    """None: never answer at all."""
    body: Any = None
    """Sent as JSON, or as it is if it is a str."""


Complaint = Callable[[int], object]
"""A vendor's error body for a status."""


@define(eq=False)
class Weather:
    """How one endpoint behaves: change it at any time, from the next request on."""

    _complain: Complaint
    after: float = 0.0
    """Seconds before an answer begins, of whatever kind."""
    faults: deque[Refusal] = field(factory=deque)
    """What the next requests are refused with, one each."""

    def fail(self, status: int | None, times: int = 1, body: object = None) -> None:
        """Refuse so many requests with that status, and the vendor's body for it or that one; None: never answer."""
        if body is None and status is not None:
            body = self._complain(status)
        self.faults.extend([Refusal(status, body)] * times)

    async def pass_by(self, clock: IReactorTime) -> None:
        """What a request has to go through before it is served. Raises Refusal."""
        fault = self.faults.popleft() if self.faults else None
        if fault is not None and fault.status is None:
            raise fault
        if self.after:
            await deferLater(clock, self.after)
        if fault is not None:
            raise fault


def serve(request: Request, serving: Coroutine[Deferred[Any], Any, None]) -> int:
    """Run what answers a request, until the client goes; a Refusal that it raises is the answer."""
    gone = request.notifyFinish()
    served = Deferred.fromCoroutine(serving)
    gone.addErrback(lambda _: served.cancel())
    served.addErrback(_failed, request)
    return NOT_DONE_YET


def write_json(request: Request, status: int, body: object) -> int:
    """The whole of an answer; gives what `render` is to return."""
    written = (body if isinstance(body, str) else json.dumps(body)).encode()
    request.setResponseCode(status)
    request.setHeader("Content-Type", "text/html" if isinstance(body, str) else "application/json")
    request.setHeader("Content-Length", str(len(written)))
    request.write(written)
    request.finish()
    return NOT_DONE_YET


def _failed(failure: Failure, request: Request) -> None:
    refusal = failure.value
    if isinstance(refusal, Refusal):
        if refusal.status is not None:
            write_json(request, refusal.status, refusal.body)
    elif not isinstance(refusal, CancelledError):
        _log.failure("a fault of the double's", failure=failure)
        write_json(request, 500, "a fault of the double's")
