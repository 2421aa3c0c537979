"""The road of a call: documents are fetched, verbs are done one after the other, until something ends it.

    webhook -> document -> verb, verb, <Connect> ... stream closed -> action (or the next verb) -> document ...

If a URL fails, the number's fallback URL is asked, with ErrorCode and ErrorUrl; if that fails too, the caller hears
of an "application error", and the call is over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeVar
from urllib.parse import urldefrag, urljoin

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from voiced.simulator import twiml
from voiced.simulator.call import SimulatedCall
from voiced.simulator.connecting import connect
from voiced.simulator.dialing import Dialing
from voiced.simulator.ending import Ended
from voiced.simulator.mulaw import RATE, read_wav
from voiced.simulator.number import Start
from voiced.simulator.sheet import Alert
from voiced.simulator.twiml import Connect, Dial, Document, Hangup, Pause, Play, Redirect, Reject, Say
from voiced.simulator.webhook import WebhookFailed

CHARACTERS_A_SECOND = 15
"""How fast <Say> speaks."""

TONE_SECONDS = {"w": 0.5, "W": 1.0}
"""How long the waits in digits to be pressed are; a key takes 0.2 s."""

APOLOGY = "We are sorry, an application error has occurred. Goodbye."

AfterClose = Literal["action", "next"]

T = TypeVar("T")


@frozen
class _Page:
    """A document and the URL it came from, which relative URLs are relative to."""

    url: str
    """Empty for a document that came with a request to the API."""
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
    dialing: Dialing
    after_close: AfterClose = "action"

    async def walk(self, call: SimulatedCall, start: Start, more: Mapping[str, str] | None = None) -> Ended:
        """Go the whole way; returns why it ends. Cancelling leaves it where it is: a stream is stopped.

        `more` goes into the form of the first request.
        """
        try:
            if start.document is None:
                page = await self._fetch(call, _Next(start.url, start.method, more or {}))
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
            fallback = call.plan.fallback
            if fallback is None:
                raise
            more = {**step.more, "ErrorCode": str(failed.code), "ErrorUrl": failed.url}
            try:
                return await self._ask(call, _Next(fallback.url, fallback.method, more))
            except WebhookFailed as again:
                call.alert(Alert(again.code, f"{again.url}: {again.text}", "error"))
                raise

    async def _ask(self, call: SimulatedCall, step: _Next) -> _Page:
        if "://" not in step.url:
            raise WebhookFailed(11100, step.url, "not absolute, in a document that has no URL itself")
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
            if not isinstance(verb, Reject | Redirect | Pause) and not _waits(verb):
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
            case Play(_, digits) if digits:
                await self._tones(call, digits)
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
        await connect(call, verb.stream, page.resolve(verb.stream.url))
        if verb.action is not None and self.after_close == "action":
            return _Next(page.resolve(verb.action), verb.method)
        return None

    async def _dial(self, call: SimulatedCall, page: _Page, verb: Dial) -> _Next | None:
        action = None if verb.action is None else page.resolve(verb.action)
        try:
            more = await self.dialing.dial(call, verb)
        except CancelledError:
            if call.over and action is not None:
                self._report(call, _Next(action, verb.method, self.dialing.left(call, verb)))
            raise
        return None if action is None else _Next(action, verb.method, more)

    def _report(self, call: SimulatedCall, step: _Next) -> None:
        """Tell an action that its call is over; what it answers is not obeyed."""
        call.note("twilio", "webhook", f"{step.method} {step.url} {call.status}")
        telling = Deferred.fromCoroutine(call.webhooks.fetch(step.url, call.form(**step.more), step.method))
        telling.addErrback(_complain, call)

    async def _tones(self, call: SimulatedCall, digits: str) -> None:
        call.note("twilio", "presses", digits)
        call.tones += digits
        await deferLater(self._clock, sum(TONE_SECONDS.get(digit, 0.2) for digit in digits))

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


def _waits(verb: twiml.Verb) -> bool:
    """Whether a call that still rings is answered only when somebody else answers."""
    return isinstance(verb, Dial) and verb.attributes.get("answerOnBridge") == "true"


def _complain(failure: Failure, call: SimulatedCall) -> None:
    failure.trap(WebhookFailed)
    failed: WebhookFailed = failure.value  # type: ignore[assignment]
    call.alert(Alert(failed.code, f"{failed.url}: {failed.text}", "error"))


def _unhurried(going: Deferred[T]) -> Deferred[T]:
    """Wait for something that goes on when nobody waits for it any more: a request is not taken back by a hang-up."""
    waiting: Deferred[T] = Deferred()

    def unless_left(fire: Callable[[T | Failure], None]) -> Callable[[T | Failure], None]:
        return lambda result: None if waiting.called else fire(result)

    going.addCallbacks(unless_left(waiting.callback), unless_left(waiting.errback))  # type: ignore[arg-type]
    return waiting
