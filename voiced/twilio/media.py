"""Twilio's media socket: one Autobahn factory and one socket for a call. Bytes in, calls on the session out.

Nothing is decided here: the codec says what a message is, the session what it means. Whatever goes wrong in one
socket closes that socket, with the code that says why, and nobody else notices.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.call.records import Ending
from voiced.call.session import CallSession
from voiced.call.switchboard import Switchboard
from voiced.errors import RemoteProtocolError, UnknownTicket
from voiced.icarrier import IMediaStream
from voiced.net.frames import FastLane
from voiced.net.kind import Settled, let_go, settle
from voiced.twilio.mediastream import (
    INTERNAL_ERROR,
    INVALID_PAYLOAD,
    LARGEST,
    POLICY_VIOLATION,
    Event,
    Key,
    Mark,
    Media,
    MediaStream,
    Start,
    Stop,
)
from voiced.twilio.webhook import TICKET

START_SECONDS = 10.0
"""From the handshake to `start`; Twilio sends it at once."""
CLOSE_SECONDS = 5.0
"""How long the other side may take to answer our close frame before the socket is dropped."""
MOST_EARLY = 500
"""Events kept while the ticket is being claimed."""

log = Logger()


def call_socket(session: CallSession, switchboard: Switchboard, clock: IReactorTime) -> WebSocketResource:
    """The resource that takes the WebSocket of this call, whose handshake has been checked."""
    return WebSocketResource(CallFactory(session, switchboard, clock))


class CallFactory(Settled, WebSocketServerFactory):  # type: ignore[misc]
    """Builds the protocol of one call's socket."""

    noisy = False

    def __init__(self, session: CallSession, switchboard: Switchboard, clock: IReactorTime) -> None:
        super().__init__(reactor=clock, server="voiced")
        self._call = (session, switchboard, clock)

    def buildProtocol(self, addr: Any) -> CallProtocol:
        """Named by Twisted."""
        protocol = CallProtocol()
        protocol.factory = self
        call = protocol._call = CallSocket(protocol, *self._call)
        protocol.onMessage = call.message  # straight to it: 50 times a second
        return protocol


class CallProtocol(FastLane, WebSocketServerProtocol):  # type: ignore[misc]
    """Autobahn's side of the socket; everything of ours is in `_call`, for Autobahn owns the other names."""

    tcpNoDelay = True  # Autobahn reads the class attribute only: what the factory is told comes too late
    _call: CallSocket
    onMessage: Callable[[bytes, bool], None]

    def onOpen(self) -> None:
        """Named by Autobahn: the handshake is done."""
        self.transport.unregisterProducer()  # HTTP's, which would keep the request for as long as the socket is there
        let_go(self)
        self._call.guarded(self._call.opened)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Named by Autobahn: the socket is gone."""
        self._call.guarded(self._call.closed, code, reason)


settle(
    CallFactory,
    CallProtocol,
    failByDrop=False,
    closeHandshakeTimeout=CLOSE_SECONDS,
    maxMessagePayloadSize=LARGEST,
    maxFramePayloadSize=LARGEST,
    webStatus=False,
)


@implementer(IMediaStream)
class CallSocket:
    """One media socket, from its handshake to its end. `_on_event` is what it is doing now."""

    def __init__(
        self, protocol: CallProtocol, session: CallSession, switchboard: Switchboard, clock: IReactorTime
    ) -> None:
        self._protocol = protocol
        self._session = session
        session.sockets += 1
        self._switchboard = switchboard
        self._clock = clock
        self._wire = MediaStream()
        self._timer: IDelayedCall | None = None
        self._early: list[Event] = []
        self._claim: Deferred[Any] = succeed(None)
        self._on_event: Callable[[Event], None] = self._await_start
        self._hearing = False
        """Whether the caller is heard."""
        self._traffic = session.watch.traffic

    # What Autobahn tells us

    def guarded(self, act: Callable[..., None], *arguments: Any) -> None:
        """Do it; whatever it raises ends this stream with the right code, and nothing else."""
        try:
            act(*arguments)
        except Exception as error:  # noqa: BLE001 - Autobahn would swallow it in four different ways
            self._broken(error)

    def message(self, payload: bytes, binary: bool) -> None:
        """A message. The caller's audio has a way of its own, on which nothing else is looked at."""
        try:
            if self._hearing and not binary:
                audio = self._wire.next_audio(payload)
                if audio is not None:
                    traffic = self._traffic
                    traffic.frames_in += 1
                    traffic.bytes_in += len(audio)
                    self._session.hears(audio)
                    return
            self.received(payload, binary)
        except Exception as error:  # noqa: BLE001 - likewise
            self._broken(error)

    def _broken(self, error: Exception) -> None:
        if isinstance(error, RemoteProtocolError):
            self._fail(error.close_code, error.reason, Ending.PROTOCOL_ERROR)
        else:
            log.failure("{call}: a fault of ours in the media stream", call=self._session.info.sid)
            self._fail(INTERNAL_ERROR, "a fault of ours", Ending.BUG)

    def opened(self) -> None:
        """The handshake is done; `start` must come soon."""
        no_start = RemoteProtocolError(POLICY_VIOLATION, "no `start`")
        self._timer = self._clock.callLater(START_SECONDS, self.guarded, _throw, no_start)

    def received(self, payload: bytes, binary: bool) -> None:
        """A message. Raises RemoteProtocolError."""
        if self._on_event == self._ignore:
            return
        if binary:
            raise RemoteProtocolError(INVALID_PAYLOAD, "a binary message")
        event = self._wire.receive(payload)
        if event is not None:
            self._on_event(event)

    def closed(self, code: int | None, reason: str | None) -> None:
        """The socket is gone: by us, by Twilio, or by the network."""
        self._end()
        self._session.sockets -= 1
        ours = self._protocol.localCloseCode
        ending = Ending.PROTOCOL_ERROR if ours not in (None, code, 1000) else Ending.STREAM_LOST
        why = (
            f"we closed it: {ours} {self._protocol.localCloseReason!r}" if ours else f"{code} {reason or ''}".strip()
        )
        self._session.stream_lost(self, ending, f"the media socket is gone ({why})")

    # What the session tells us (IMediaStream)

    def send_audio(self, audio: bytes, mark: str = "") -> None:
        """See IMediaStream."""
        wire = self._wire
        self._protocol.say(wire.media(audio), wire.mark(mark) if mark else b"")

    def send_mark(self, name: str) -> None:
        """See IMediaStream."""
        self._protocol.say(self._wire.mark(name))

    def send_clear(self) -> None:
        """See IMediaStream."""
        self._protocol.say(self._wire.clear())

    def close(self) -> None:
        """See IMediaStream."""
        self._close(1000, "")

    # What it is doing

    def _await_start(self, event: Event) -> None:
        if not isinstance(event, Start):
            raise RemoteProtocolError(POLICY_VIOLATION, "something before `start`")
        self._stop_timer()
        if event.call_sid != self._session.info.sid:
            raise RemoteProtocolError(POLICY_VIOLATION, "`start` of another call than its path names")
        self._on_event = self._keep
        self._claim = self._switchboard.claim(event.parameters.get(TICKET), event.call_sid)
        self._claim.addCallbacks(partial(self.guarded, self._begin), partial(self.guarded, self._turned_away))

    def _keep(self, event: Event) -> None:
        if len(self._early) < MOST_EARLY:
            self._early.append(event)

    def _live(self, event: Event) -> None:
        match event:
            case Media(audio, gap):
                self._traffic.frames_in += 1
                self._traffic.bytes_in += len(audio)
                self._session.hears_after(gap, audio)
            case Key(digit):
                self._session.key_pressed(digit)
            case Mark(name):
                self._session.mark_returned(name)
            case Stop():
                self._hear_no_more()
                self._session.caller_gone(Ending.CALLER_HUNG_UP)
                self._close(1000, "")

    def _ignore(self, event: Event) -> None:
        pass

    def _begin(self, session: CallSession) -> None:
        self._on_event, self._hearing = self._live, True
        if not session.begin(self):
            self._on_event, self._hearing = self._keep, False
            raise RemoteProtocolError(POLICY_VIOLATION, "a stream that this call does not want (any more)")
        early, self._early = self._early, []
        for event in early:
            self._on_event(event)

    def _turned_away(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        failure.trap(UnknownTicket)
        self._session.stream_failed(failure.getErrorMessage())
        self._close(POLICY_VIOLATION, failure.getErrorMessage())

    # Within

    def _fail(self, code: int, reason: str, ending: Ending) -> None:
        log.warn(
            "{call}: closing its stream, {code}: {reason}", call=self._session.info.sid, code=code, reason=reason
        )
        begun = self._on_event == self._live
        self._close(code, reason)
        fault = f"the media stream broke the rules: {code} {reason}"
        if begun:
            self._session.stream_lost(self, ending, fault)
        else:
            self._session.stream_failed(fault)

    def _end(self) -> None:
        """Nothing that comes from now on is for this socket, not even its ticket."""
        self._stop_timer()
        self._hear_no_more()
        self._claim.cancel()

    def _hear_no_more(self) -> None:
        self._on_event, self._hearing = self._ignore, False

    def _close(self, code: int, reason: str) -> None:
        self._end()
        if self._protocol.state == self._protocol.STATE_OPEN:
            # sendClose knows only 1000 and 3000-4999; the frame itself carries any code
            self._protocol.sendCloseFrame(code, reason.encode()[:120])

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()


def _throw(error: Exception) -> None:
    raise error
