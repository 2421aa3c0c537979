"""What the life of a call moves: its flow, its stream, its last words, and all that is released at its end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredList, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.call.flow import Flow, OnMachine, Run
from voiced.call.life import AWAY_SECONDS, Life, begin_life
from voiced.call.ordered import Ordered
from voiced.call.parts import Parts
from voiced.call.program import Program
from voiced.call.records import CallInfo, Departure, Ending, Stage
from voiced.call.speaker import LAST_WORDS
from voiced.call.verbs import Verbs
from voiced.errors import FlowError, VoicedError
from voiced.icarrier import CallOrder, ICarrier, IMediaStream
from voiced.iguard import IGuard, IPermit
from voiced.ivoiced import Apologise, Dial, HangUp, NewStream, Sequel, Utterance
from voiced.iwatch import IWatch

MOST_STREAMS = 4
"""The fourth time that a call asks for a stream to go on with, its line is not worth another try."""

RING_GRACE = 20.0
"""Seconds that the carrier's news of a call that we placed may be late, beside its ringing (Twilio rings some 5 s
more than it is told)."""

GOODBYE_SECONDS = 8.0
"""So many seconds before a call must end we begin to end it: the carrier ends one that we placed to the second."""

VERDICT_SECONDS = 32.0
"""So long after the answer Twilio may say who it is (it gives up after 30 s); a flow that leaves messages and is
over sooner, waits for it."""

_WITH_GOODBYE = (Ending.CANCELLED, Ending.TIMEOUT)
"""Whoever is taken off the line so hears `goodbye`: from us, or else from the carrier. A daemon that stops says it
itself, too (_LAST_SENTENCE); who is not on the line just then hears the apology, which asks them to call again."""
_LAST_SENTENCE = (*_WITH_GOODBYE, Ending.DRAINED)

log = Logger()


class LivingCall(Verbs):
    """What the life machine moves (life.Core): the flow on its stream, the last words, the way out.

    `finished(session, ending)` is called once, when it is over and its record complete.
    """

    def __init__(
        self,
        info: CallInfo,
        program: Program,
        flow: Flow,
        clock: IReactorTime,
        carrier: ICarrier,
        guard: IGuard,
        permit: IPermit,
        finished: Callable[[Any, Ending], None],
        ordered: Ordered | None = None,
        parts: Parts | None = None,
        watch: IWatch | None = None,
    ) -> None:
        super().__init__(info, program, flow, clock, carrier, guard, permit, self._stalled, ordered, parts, watch)
        self._stage = Stage.EXPECTED if ordered is None else Stage.RINGING
        self.being_asked_for = False
        """Whether the carrier is being asked for it: until it has answered, nobody looks for the call."""
        self.looks = 0
        """How often the carrier was asked what became of this call, which we have placed."""
        self.sockets = 0
        """Sockets that are open for this call's stream, whether they have begun or not."""
        self._finished = finished
        self._costs = True
        self._limit: IDelayedCall | None = None
        """Ends the call when it has lasted as long as it may."""
        self._stopping = False
        self._known: Deferred[None] | None = None
        """Fires when it is known who has answered, for a flow that waits for it."""
        self._verdict: Ending | None = None
        self._completed: Deferred[None] = succeed(None)
        """Fires when the carrier's API has been asked to end the call, if it had to be."""
        self._asked_to_end = False
        self._offers = 0
        """How often a new stream was offered."""
        self._news: IDelayedCall | None = None
        """Waits for the carrier's word about a leg, of a call that is over."""
        self._gone: Ending | None = None
        """Why the caller has gone, once they have."""
        self._resumed: Departure | None = None
        """How the daemon went before us in the step that the next stream begins with."""
        self._life: Life

    @property
    def stage(self) -> Stage:
        """Where it stands."""
        return self._stage

    @stage.setter
    def stage(self, stage: Stage) -> None:
        self._stage = stage
        self.changed()

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.stage is Stage.OVER

    @property
    def order(self) -> CallOrder:
        """What the carrier was asked for, of a call that we have placed."""
        return self._as_ordered.order

    # What the life machine moves (life.Core)

    def ring_limit(self) -> float:
        """See life.Core."""
        return self.order.timeout + RING_GRACE

    def look(self) -> None:
        """See life.Core."""
        self._as_ordered.look(self)

    def leg_limit(self) -> float:
        """See life.Core."""
        return AWAY_SECONDS if self._leg is None else self._leg.limit

    @property
    def stopping(self) -> bool:
        """See life.Core."""
        return self._stopping

    @property
    def connected(self) -> bool:
        """See life.Core."""
        return self._leg is not None and self._leg.offered

    def offer(self) -> Sequel:
        """See life.Core."""
        if self._verdict is not None:  # the flow is over, and this is what it chose
            if self._leg is not None and isinstance(self._sequel, Dial):
                self.stage = Stage.DIALLED
                return self._leg.offer(self._seconds_left())
            return self._sequel or HangUp()
        self._offers += 1
        return NewStream() if self._offers < MOST_STREAMS else Apologise(self.program.apology)

    def start_flow(self, stream: IMediaStream) -> Deferred[None]:
        """See life.Core."""
        self._stream = stream
        self.stage = Stage.RUNNING
        self._started = self.clock.seconds()
        self.record.streams += 1
        self.wire.note("stream")
        self._speaker.attach(stream)
        log.info("{call}: stream {n} of flow {flow}", call=self.info.sid, n=self.record.streams, flow=self.flow.name)
        run = self._run = Run(resumed=self._resumed)
        self._resumed = None
        walking = Deferred.fromCoroutine(self.flow.run(self, run))
        walking.addCallbacks(self._flow_ended, self._flow_broke, errbackArgs=(run,))

        def stop(_: object) -> None:
            run.stopped = True
            walking.cancel()

        return Deferred[None](stop).addErrback(lambda cancelled: None)

    def last_words(self, why: Ending) -> Deferred[None]:
        """See life.Core."""
        self.stage = Stage.DRAINING
        heard = self._speaker.last_words()
        if self._verdict is not None:  # the flow has said all it had to say
            return heard
        self._verdict = why
        return heard.addCallback(self._farewell) if why in _LAST_SENTENCE else heard

    def drain_limit(self, why: Ending) -> float:
        """See life.Core."""
        limit = self._speaker.drain_limit()
        if why in _WITH_GOODBYE:
            return LAST_WORDS if why is Ending.CANCELLED else GOODBYE_SECONDS
        return min(limit, LAST_WORDS) + GOODBYE_SECONDS if why is Ending.DRAINED else limit

    def close_stream(self) -> None:
        """See life.Core."""
        if self._stream is not None:
            stream, self._stream = self._stream, None
            self.stage = Stage.AWAY
            self._speaker.attach(None)
            stream.close()

    def turn_away(self, why: Ending) -> None:
        """See life.Core."""
        if self._verdict is None:
            self._verdict = why
            sentence = self.program.goodbye if why in _WITH_GOODBYE else self.program.apology
            self._sequel = HangUp() if why is Ending.MACHINE else Apologise(sentence)

    def complete(self) -> None:
        """See life.Core."""
        if not self.info.sid or self._asked_to_end:
            return  # not known yet, or not at all: who places it ends it when it is named
        self._asked_to_end = True
        log.info("{call}: ending the call by the carrier's API", call=self.info.sid)
        self._completed = self._carrier.complete(self.info.sid, self.info.account).addErrback(self._incomplete)

    def part(self, why: Ending) -> Deferred[None]:
        """See life.Core."""
        parted, self._gone = self._gone, self._gone or why
        self.stage = Stage.PARTING
        run = self._run = Run()
        if self.record.answered is None or parted:  # there was nobody to part from, or a daemon before us has
            return self._completed
        walking = Deferred.fromCoroutine(self._part(run))
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
        self.stage = Stage.OVER
        if self._verdict is Ending.TRANSFERRED and self._leg is not None and not self._leg.may_talk:
            self._verdict = None  # the human has left before anybody can have answered
        self._tell_verdict()
        self._out_of_parts()
        ending = self.record.ending = self._verdict or why
        now = self.record.ended = self.clock.seconds()
        self._stop_timers()
        if self._leg is not None:
            self._leg.left() if self._stopping and self.connected else self._leg.over(None)
        talked = 0.0 if self.record.answered is None else now - self.record.answered
        self._permit.over(talked if self._costs else None)
        log.info("{call}: over, {ending}", call=self.info.sid or "a call that was not placed", ending=ending.value)
        self._finished(self, ending)

    def verdict(self) -> Deferred[None]:
        """For a flow that has come to its end: fires when it is known who has answered, if a message may be left.

        What is said to a human is over then; to a machine it was said during its greeting.
        """
        asked = self.ordered is not None and self.ordered.order.detect != ""
        if not asked or self.record.answered_by or self.flow.on_machine is not OnMachine.LEAVE_MESSAGE:
            return succeed(None)
        since = self.record.answered or self.record.began
        left = since + VERDICT_SECONDS - self.clock.seconds()
        if left <= 0:
            return succeed(None)
        self._known = Deferred()
        return self._known.addTimeout(left, self.clock, lambda *_: None)

    # Within

    @property
    def _as_ordered(self) -> Ordered:
        assert self.ordered is not None, "nobody has placed this call"  # noqa: S101 - a fault of ours
        return self.ordered

    def _stop_timers(self) -> None:
        for timer in (self._limit, self._news, self._ending_step):
            if timer is not None and timer.active():
                timer.cancel()

    async def _part(self, run: Run) -> None:
        await self.when_kept()
        await self.flow.part(self, run)
        await self._texting.settled()  # for the record

    def _ring(self) -> None:
        """It begins."""
        ordered = self.ordered
        self._life = begin_life(self, outbound=ordered is not None)
        if ordered is None:
            self._taken_now()
            return
        self.being_asked_for = True
        self.record.placed_by = ordered.by
        self.wire.note(
            "asked",
            variables=ordered.variables,
            prompt=ordered.prompt,
            first_message=ordered.first_message,
        )

    def _taken_now(self) -> None:
        self.record.answered = self.clock.seconds()
        self._limit_from(self.record.answered)

    def _limit_from(self, answered: float) -> None:
        """It may last so long since then."""
        most = self._most_seconds
        left = answered + max(most - GOODBYE_SECONDS, most / 2) - self.clock.seconds()
        self._limit = self.clock.callLater(max(left, 0.0), self._time_is_up)

    def _time_is_up(self) -> None:
        if not self.connected:  # else the leg's own limit ends it, at the carrier
            self.record.faults.append("it has lasted as long as it may")
            self._end(Ending.TIMEOUT, politely=True)

    def _end(self, why: Ending, *, politely: bool) -> None:
        """Take the line away: when the sentence now spoken was heard, or at once."""
        if self.stage is Stage.RINGING or (politely and self.stage in (Stage.EXPECTED, Stage.RUNNING)):
            self._life.evict(why)
        elif politely and self.stage is Stage.DRAINING:
            if self._leg is not None:  # nobody is connected any more
                self._leg.over(None)
                self._leg, self._verdict, self._sequel = None, why, Apologise(self.program.goodbye)
        elif self.stage not in (Stage.PARTING, Stage.OVER):
            self._verdict, self._sequel = why, HangUp()
            self.complete()
            self._life.caller_gone(why)

    def _tell_verdict(self) -> None:
        known, self._known = self._known, None
        if known is not None and not known.called:
            known.callback(None)

    def _farewell(self, _: object) -> Deferred[None]:
        if self.record.opted_out is not None:  # they hear the confirmation, from the carrier
            return succeed(None)
        try:
            engine = self.voice()
        except FlowError:
            return succeed(None)
        goodbye = Utterance(self.program.goodbye, keep=True, call=self.info.sid)
        said = self._speaker.say(partial(engine.synthesize, goodbye), interruptible=False)
        # A voice that fails has no last word; a cancelled one is what the life machine does when time is up.
        return said.addCallbacks(lambda _: None, lambda failure: failure.trap(VoicedError) and None)

    def _lose_stream(self, why: Ending, fault: str) -> None:
        # The flow is cancelled before what it said is cut: a cut would send it on to its next step.
        self.record.faults.append(fault)
        self.wire.note("lost", why=why.value)
        stream, self._stream = self._stream, None
        self.stage = Stage.AWAY
        self._life.stream_lost(why)
        self._speaker.attach(None)
        if stream is not None:
            stream.close()

    def _stalled(self) -> None:
        self.watch.stream_stalled()
        self._lose_stream(Ending.STREAM_LOST, "the carrier does not say any more what it has played")

    def _flow_ended(self, ending: Ending) -> None:
        machine = self.record.answered_by == "machine" and self.flow.on_machine is OnMachine.LEAVE_MESSAGE
        machine = machine and self.record.opted_out is None
        self._verdict = Ending.MACHINE if machine and ending is Ending.COMPLETED else ending
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
        failure.trap(CancelledError)  # the call has parted; the carrier is asked on (voiced.call.persevering)
        self.record.faults.append("the carrier has not said yet that the call is ended")
