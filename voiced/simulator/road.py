"""The road of a call: documents are fetched, verbs are done one after the other, until something ends it.

    webhook -> document -> verb, verb, <Connect> ... stream closed -> action (or the next verb) -> document ...

If a URL fails, the number's fallback URL is asked, with ErrorCode and ErrorUrl; if that fails too, the caller hears
of an "application error", and the call is over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal, TypeVar
from urllib.parse import urldefrag, urljoin

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from voiced.simulator import twiml
from voiced.simulator.call import Ended, SimulatedCall
from voiced.simulator.mulaw import RATE, read_wav
from voiced.simulator.number import Start
from voiced.simulator.sheet import Alert
from voiced.simulator.stream import MediaStream, StreamEnd, StreamOrder
from voiced.simulator.twiml import Connect, Dial, Document, Hangup, Pause, Play, Redirect, Reject, Say
from voiced.simulator.webhook import WebhookFailed

CHARACTERS_A_SECOND = 15
"""How fast <Say> speaks."""

APOLOGY = "We are sorry, an application error has occurred. Goodbye."

AfterClose = Literal["action", "next"]

T = TypeVar("T")


@frozen
class Callee:
    """What happens to a <Dial> to somebody."""

    status: str = "completed"
    """DialCallStatus: completed, busy, no-answer, failed, canceled."""
    ring: float = 2.0
    """Seconds until that is known."""
    talk: float = 30.0
    """Seconds until the callee hangs up, if completed."""


@frozen
class _Page:
    """A document and the URL it came from, which relative URLs are relative to."""

    url: str
    document: Document

    def resolve(self, url: str) -> str:
        return urljoin(urldefrag(self.url).url, url)


@frozen
class _Next:
    """Where to go on."""

    url: str
    method: str
    more: Mapping[str, str] = field(factory=dict)


@define(eq=False)
class Road:
    """How an account's calls go."""

    _clock: IReactorTime
    after_close: AfterClose = "action"
    callees: dict[str, Callee] = field(factory=dict)

    async def walk(self, call: SimulatedCall, start: Start) -> Ended:
        """Go the whole way; returns why it ends. Cancelling leaves it where it is: a stream is stopped."""
        try:
            if start.document is None:
                page = await self._fetch(call, _Next(start.url, start.method))
            else:
                page = self._receive(call, start.url, start.document)
            while True:
                step = await self._document(call, page)
                if isinstance(step, Ended):
                    return step
                page = await self._fetch(call, step)
        except WebhookFailed:
            call.note("twilio", "says", APOLOGY)
            call.said.append(APOLOGY)
            return Ended.ERROR

    async def _fetch(self, call: SimulatedCall, step: _Next) -> _Page:
        try:
            return await self._ask(call, step)
        except WebhookFailed as failed:
            call.alert(Alert(failed.code, f"{failed.url}: {failed.text}", "error"))
            if call.number.fallback_url is None:
                raise
            more = {**step.more, "ErrorCode": str(failed.code), "ErrorUrl": failed.url}
            try:
                return await self._ask(call, _Next(call.number.fallback_url, "POST", more))
            except WebhookFailed as again:
                call.alert(Alert(again.code, f"{again.url}: {again.text}", "error"))
                raise

    async def _ask(self, call: SimulatedCall, step: _Next) -> _Page:
        call.note("twilio", "webhook", f"{step.method} {step.url} {call.status}")
        asking = call.webhooks.fetch(step.url, call.form(**step.more), step.method)
        answer = await _unhurried(Deferred.fromCoroutine(asking))
        return self._receive(call, step.url, twiml.read(answer.body, answer.content_type, answer.sized))

    def _receive(self, call: SimulatedCall, url: str, document: Document) -> _Page:
        call.twiml.append(document.text)
        call.note("daemon", "twiml", " ".join(document.text.split()))
        for alert in document.alerts:
            if document.failed and alert.level == "error":
                raise WebhookFailed(alert.code, url, alert.text)
            call.alert(alert)
        return _Page(url, document)

    async def _document(self, call: SimulatedCall, page: _Page) -> Ended | _Next:
        for verb in page.document.verbs:
            if not isinstance(verb, Reject | Redirect | Pause):
                call.answer()
            step = await self._verb(call, page, verb)
            if step is not None:
                return step
        return Ended.DOCUMENT

    async def _verb(self, call: SimulatedCall, page: _Page, verb: twiml.Verb) -> Ended | _Next | None:
        match verb:
            case Connect():
                return await self._connect(call, page, verb)
            case Dial():
                return await self._dial(call, page, verb)
            case Say(text):
                call.said.append(text)
                call.note("twilio", "says", text)
                await deferLater(self._clock, len(text) / CHARACTERS_A_SECOND)
            case Play(url):
                await self._play(call, page.resolve(url))
            case Pause(length):
                await deferLater(self._clock, length)
            case Redirect(url, method):
                return _Next(page.resolve(url), method)
            case Hangup():
                return Ended.HANGUP
            case Reject(reason) if call.answered_at is None:
                return Ended.BUSY if reason == "busy" else Ended.REJECTED
            case Reject():
                return Ended.HANGUP
        return None

    async def _connect(self, call: SimulatedCall, page: _Page, verb: Connect) -> _Next | None:
        url = page.resolve(verb.stream.url)
        url = "ws" + url[4:] if url.startswith("http") else url
        stream = call.open_stream(StreamOrder(url, call.sid, verb.stream.parameters, verb.stream.name))
        stream.on_begin = lambda: self._tell(call, verb.stream, stream, "stream-started")
        call.note("twilio", "connects", url)
        stream.dial()
        try:
            await stream.when_ended()
        except CancelledError:  # and not `finally`: a call that is garbage sends nothing
            stream.stop()
            self._tell_end(call, verb.stream, stream, stream.end)
            raise
        self._tell_end(call, verb.stream, stream, stream.end)
        if verb.action is not None and self.after_close == "action":
            return _Next(page.resolve(verb.action), verb.method)
        return None

    def _tell_end(
        self, call: SimulatedCall, wanted: twiml.Stream, stream: MediaStream, end: StreamEnd | None
    ) -> None:
        if end is not None and not end.opened and end.code != 1000:
            self._tell(call, wanted, stream, "stream-error", StreamError=end.reason)
        elif end is not None and end.opened:
            self._tell(call, wanted, stream, "stream-stopped")

    def _tell(self, call: SimulatedCall, wanted: twiml.Stream, stream: MediaStream, event: str, **more: str) -> None:
        if wanted.status_callback is None:
            return
        if "://" not in wanted.status_callback:
            call.alert(Alert(11100, f"statusCallback={wanted.status_callback!r} is not an absolute URL"))
            return
        form = {
            "AccountSid": call.account.sid,
            "CallSid": call.sid,
            "StreamSid": stream.sid,
            "StreamName": wanted.name or stream.sid,
            "StreamEvent": event,
            "Timestamp": _iso(self._clock.seconds()),
        }
        call.courier.send(event, wanted.status_callback, {**form, **more})

    async def _dial(self, call: SimulatedCall, page: _Page, verb: Dial) -> _Next | None:
        call.dialed.append(verb)
        callee = self.callees.get(verb.numbers[0], Callee())
        status = callee.status if callee.ring <= verb.timeout else "no-answer"
        call.note("twilio", "dials", f"{', '.join(verb.numbers)}: {status}")
        await deferLater(self._clock, min(callee.ring, verb.timeout))
        more = {"DialCallStatus": status, "DialCallSid": call.account.new_sid("CA"), "DialBridged": "false"}
        if status == "completed":
            talk = min(callee.talk, verb.time_limit)
            await deferLater(self._clock, talk)
            more.update(DialCallDuration=str(int(talk)), DialBridged="true")
        call.note("twilio", "dialed", status)
        return None if verb.action is None else _Next(page.resolve(verb.action), verb.method, more)

    async def _play(self, call: SimulatedCall, url: str) -> None:
        call.played.append(url)
        call.note("twilio", "plays", url)
        try:
            answer = await _unhurried(Deferred.fromCoroutine(call.webhooks.fetch(url, {}, "GET")))
        except WebhookFailed as failed:
            call.alert(Alert(failed.code, f"{url}: {failed.text}", "error"))
            return
        sound = read_wav(answer.body)
        call.sound(sound)
        await deferLater(self._clock, len(sound) / RATE)


def _unhurried(going: Deferred[T]) -> Deferred[T]:
    """Wait for something that goes on when nobody waits for it any more: a request is not taken back by a hang-up."""
    waiting: Deferred[T] = Deferred()

    def unless_left(fire: Callable[[T | Failure], None]) -> Callable[[T | Failure], None]:
        return lambda result: None if waiting.called else fire(result)

    going.addCallbacks(unless_left(waiting.callback), unless_left(waiting.errback))  # type: ignore[arg-type]
    return waiting


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
