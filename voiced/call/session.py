"""A call while it lives: what its carrier tells it, and what its life moves."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred, DeferredList, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.call.flow import Flow, Run
from voiced.call.life import begin_life
from voiced.call.program import Program
from voiced.call.records import CallInfo, Ending, Gap
from voiced.call.speaker import LAST_WORDS
from voiced.call.verbs import Verbs
from voiced.errors import CarrierError, VoicedError
from voiced.ivoiced import (
    Apologise,
    HangUp,
    ICarrier,
    IMediaStream,
    NewStream,
    Sequel,
)

MOST_STREAMS = 4
"""The fourth time that a call asks for a stream to go on with, its line is not worth another try."""

log = Logger()


class CallSession(Verbs):
    """One call, from the moment the carrier is told to open a stream until the record is written.

    `finished(session, ending)` is called once, when it is over and its record complete.
    """

    def __init__(
        self,
        info: CallInfo,
        program: Program,
        flow: Flow,
        clock: IReactorTime,
        carrier: ICarrier,
        finished: Callable[[CallSession, Ending], None],
    ) -> None:
        super().__init__(info, program, flow, clock, self._stalled)
        self.position: list[tuple[str, str, int]] = []
        """Where the flow stands: frames of (flow, node, step from 0). JSON, so that it can be kept."""
        self.rescued = False
        """Whether `on_error` has been tried; a part of the position, for it is tried once a call."""
        self.sockets = 0
        """Sockets that are open for this call's stream, whether they have begun or not."""
        self._carrier = carrier
        self._finished = finished
        self._verdict: Ending | None = None
        self._completed: Deferred[None] = succeed(None)
        """Fires when the carrier's API has been asked to end the call, if it had to be."""
        self._offers = 0
        """How often a new stream was offered."""
        self._life = begin_life(self)

    # What the carrier tells us

    def begin(self, stream: IMediaStream) -> bool:
        """A stream with a good ticket has started; False when no stream is wanted any more, or one is there."""
        if self._stream is not None or self._verdict is not None:
            return False
        streams = self.record.streams
        self._life.begin(stream)
        return self.record.streams > streams

    @property
    def streaming(self) -> bool:
        """Whether a stream is live: a second one is refused."""
        return self._stream is not None

    def key_pressed(self, key: str) -> None:
        """A key: cuts what may be cut, and goes to the listener, or waits for one; an agent is told of it, too."""
        self._keypad.press(key)
        if self._conversation is not None:
            self._conversation.key(key)
        self._speaker.key_pressed()
        self._keypad.hand_over()

    def mark_returned(self, name: str) -> None:
        """The carrier has played what stood before this mark, or cleared it."""
        self._speaker.mark_returned(name)

    def audio_came(self, audio: bytes, gap: Gap) -> None:
        """Audio of the caller, and what was dropped before it on the way to us."""
        self.record.missing += gap
        if self._ear is not None:
            self._ear(audio)

    def stream_lost(self, stream: IMediaStream, why: Ending, fault: str) -> None:
        """This stream's socket is gone, and the carrier did not say that the call is over."""
        if stream is self._stream:
            self._lose_stream(why, fault)

    def stream_failed(self, fault: str) -> None:
        """A stream that has not begun broke the rules, or had no good ticket; for the record."""
        self.record.faults.append(fault)

    def caller_gone(self, why: Ending) -> None:
        """The carrier says that the call is over."""
        self._life.caller_gone(why)

    def after(self) -> Sequel:
        """The carrier's stream has ended, and it asks what now. A stream that we still believed in is gone."""
        if self._stream is not None:
            self._lose_stream(Ending.STREAM_LOST, "the carrier left the stream before its socket closed")
        return self._life.after()

    def evict(self) -> None:
        """The daemon stops: the utterance now spoken is the last."""
        self._life.evict(Ending.DRAINED)

    def abandon(self) -> None:
        """The daemon stops at once: `on_hangup` is not waited for."""
        self._life.caller_gone(Ending.DRAINED)
        self._life.parted(Ending.DRAINED)

    # What the life machine moves (life.Core)

    def offer(self) -> Sequel:
        """See life.Core."""
        if self._verdict is not None:  # the flow is over, and this is what it chose
            return self._sequel or HangUp()
        self._offers += 1
        return NewStream() if self._offers < MOST_STREAMS else Apologise(self.program.apology)

    def start_flow(self, stream: IMediaStream) -> Deferred[None]:
        """See life.Core."""
        self._stream = stream
        self._started = self.clock.seconds()
        self.record.streams += 1
        self._speaker.attach(stream)
        log.info("{call}: stream {n} of flow {flow}", call=self.info.sid, n=self.record.streams, flow=self.flow.name)
        run = Run()
        walking = Deferred.fromCoroutine(self.flow.run(self, run))
        walking.addCallbacks(self._flow_ended, self._flow_broke, errbackArgs=(run,))

        def stop(_: object) -> None:
            run.stopped = True
            walking.cancel()

        return Deferred[None](stop).addErrback(lambda cancelled: None)

    def last_words(self) -> Deferred[None]:
        """See life.Core."""
        self._verdict = self._verdict or Ending.DRAINED
        return self._speaker.last_words()

    def drain_limit(self, why: Ending) -> float:
        """See life.Core."""
        limit = self._speaker.drain_limit()
        return min(limit, LAST_WORDS) if why is Ending.DRAINED else limit

    def close_stream(self) -> None:
        """See life.Core."""
        if self._stream is not None:
            stream, self._stream = self._stream, None
            self._speaker.attach(None)
            stream.close()

    def turn_away(self, why: Ending) -> None:
        """See life.Core."""
        if self._verdict is None:
            self._verdict = why
            self._sequel = Apologise(self.program.apology)

    def complete(self) -> None:
        """See life.Core."""
        log.warn("{call}: the carrier does not ask what now; ending the call by its API", call=self.info.sid)
        self._completed = self._carrier.complete(self.info.sid, self.info.account).addErrback(self._incomplete)

    def part(self) -> Deferred[None]:
        """See life.Core."""
        run = Run()
        walking = Deferred.fromCoroutine(self.flow.part(self, run))
        walking.addErrback(self._parted_badly, run)

        def stop(_: object) -> None:
            run.stopped = True
            walking.cancel()
            self._completed.cancel()

        done: Deferred[None] = Deferred(stop)
        # Cancelling `done` ends both, which then fire it: there is nothing else that could have fired it before.
        DeferredList([walking, self._completed]).addCallback(lambda _: done.callback(None))
        return done

    def finish(self, why: Ending) -> None:
        """See life.Core."""
        ending = self.record.ending = self._verdict or why
        self.record.ended = self.clock.seconds()
        log.info("{call}: over, {ending}", call=self.info.sid, ending=ending.value)
        self._finished(self, ending)

    # Within

    def _lose_stream(self, why: Ending, fault: str) -> None:
        # The flow is cancelled before what it said is cut: a cut would send it on to its next step.
        self.record.faults.append(fault)
        stream, self._stream = self._stream, None
        self._life.stream_lost(why)
        self._speaker.attach(None)
        if stream is not None:
            stream.close()

    def _stalled(self) -> None:
        self._lose_stream(Ending.STREAM_LOST, "the carrier does not say any more what it has played")

    def _flow_ended(self, ending: Ending) -> None:
        self._verdict = ending
        self._life.flow_ended(ending)

    def _flow_broke(self, failure: Failure, run: Run) -> None:
        if not run.stopped:
            log.failure("{call}: the flow broke down", failure, call=self.info.sid)
            self.turn_away(Ending.BUG)
            self._life.flow_ended(Ending.BUG)

    def _parted_badly(self, failure: Failure, run: Run) -> None:
        if run.stopped:
            return
        self.record.faults.append(f"on_hangup: {failure.getErrorMessage()}")
        if failure.check(VoicedError):
            log.warn("{call}: on_hangup: {error}", call=self.info.sid, error=failure.getErrorMessage())
        else:
            log.failure("{call}: on_hangup broke down", failure, call=self.info.sid)

    def _incomplete(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        failure.trap(CarrierError)
        self.record.faults.append(failure.getErrorMessage())
        log.error("{call}: {error}", call=self.info.sid, error=failure.getErrorMessage())
