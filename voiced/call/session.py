"""A call while it lives: what its carrier tells it, and what an API client wants of it."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from twisted.logger import Logger

from voiced.call.book import TALK
from voiced.call.flow import OnMachine
from voiced.call.lasting import LastingCall
from voiced.call.records import Ending, Gap, Said, Stage
from voiced.errors import CallOver
from voiced.icarrier import IMediaStream
from voiced.iguard import Party
from voiced.ivoiced import Apologise, Dial, Dialled, Sequel

NEWS_SECONDS = 5.0
"""Seconds that the carrier may take to say what became of a leg, when the call is over."""

log = Logger()


class CallSession(LastingCall):
    """One call, from the moment the carrier is told of it until the record is written."""

    # What the carrier tells us

    def named(self, call_sid: str) -> None:
        """The carrier's name for a call that we have placed."""
        self.info = self.record.info = attrs.evolve(self.info, sid=call_sid)
        self.facts["call.sid"] = call_sid
        self._as_ordered.named(call_sid)
        self.changed()

    def not_placed(self, fault: str) -> None:
        """The carrier certainly did not place this call of ours: it costs nothing."""
        self.record.faults.append(fault)
        self._costs = False
        self._life.caller_gone(Ending.FAILED)

    def taken(self) -> None:
        """The human whom we ring has taken the call; a stream is expected. Once is enough."""
        if self.stage is Stage.RINGING:
            self.stage = Stage.EXPECTED
            self._taken_now()
            self._life.answered()

    def answered_by(self, who: str) -> None:
        """The carrier has found out who took the call: `human`, `machine`, `fax` or `unknown`."""
        if self.record.answered_by:
            return
        log.info("{call}: answered by {who}", call=self.info.sid, who=who)
        self.record.answered_by = self.facts["call.answered_by"] = who
        self.wire.note("answered_by", who=who)
        self.changed()
        wanted, message = self.flow.on_machine, self.flow.message
        if who not in ("machine", "fax") or wanted in (None, OnMachine.CONTINUE):
            self._tell_verdict()
        elif self._verdict is None and who == "machine" and message is not None:
            self._leave_message(message)
        elif self._verdict is None or self._leg is not None:
            self._end(Ending.MACHINE, politely=False)
        elif self._verdict is Ending.COMPLETED:
            self._verdict = Ending.MACHINE

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
        self.inputs += 1
        if self._takes_leave(key):
            self.wire.note("key", key=key)
            return
        if self._conversation is not None:
            self.wire.note("key", key=key)
            self._conversation.key(key)
        self._keypad.press(key)
        self._speaker.key_pressed()
        self._keypad.hand_over()
        self.changed()

    def mark_returned(self, name: str) -> None:
        """The carrier has played what stood before this mark, or cleared it."""
        self._speaker.mark_returned(name)
        if self._conversation is None:
            self.changed()
        else:
            self.changed(TALK)

    def hears_after(self, gap: Gap, audio: bytes) -> None:
        """Audio of the caller, and what was dropped before it."""
        self.record.missing += gap
        self.hears(audio)

    def stream_lost(self, stream: IMediaStream, why: Ending, fault: str) -> None:
        """This stream's socket is gone, and the carrier did not say that the call is over."""
        if stream is self._stream:
            self._lose_stream(why, fault)

    def stream_failed(self, fault: str) -> None:
        """A stream that has not begun broke the rules, or had no good ticket; for the record."""
        self.record.faults.append(fault)

    def caller_gone(self, why: Ending) -> None:
        """The carrier says that the call is over. What became of a leg, it says a moment before or after that."""
        self.wire.note("gone", why=why.value)
        if not self.connected:
            self._life.caller_gone(why)
        elif self._news is None:
            self._news = self.clock.callLater(NEWS_SECONDS, self._life.caller_gone, why)

    def after(self, dialled: Dialled | None = None) -> Sequel:
        """The carrier asks what now: its stream has ended, or, with `dialled`, a leg has.

        A stream that we still believed in is gone.
        """
        self.taken()
        if self._stream is not None:
            self._lose_stream(Ending.STREAM_LOST, "the carrier left the stream before its socket closed")
        if dialled is not None and self.connected:
            self._leg_over(dialled)
        sequel = self._life.after()
        self.changed()
        return sequel

    def evict(self) -> None:
        """The daemon stops: the utterance now spoken is the last."""
        self._stopping = True
        self._life.evict(Ending.DRAINED)

    # What an API client wants

    def end_by_api(self, goodbye: bool) -> None:
        """End the call: with a last sentence, after the one now spoken, or at once. One that rings is taken back."""
        self._end(Ending.CANCELLED, politely=goodbye)

    def said(self) -> Sequence[Said]:
        """What was said so far in the conversation that an agent has on it now."""
        return () if self._conversation is None else self._conversation.lines()

    def transfer(self, dial: Dial, party: Party | None = None) -> None:
        """Connect the human with somebody else, after the sentence now spoken.

        Where the other side does not answer, the flow goes on with the step it was in, from its beginning.
        Raises CallOver where no flow is running, or the human has opted out, and Refused (see IGuard.leg).
        """
        if self.stage is not Stage.RUNNING or self.record.opted_out is not None:
            raise CallOver
        self._order_leg(dial, party=party)
        self._life.evict(Ending.TRANSFERRED)

    def abandon(self) -> None:
        """The daemon stops at once: `on_hangup` is not waited for, and the carrier is told."""
        if self.stage not in (Stage.PARTING, Stage.OVER) and not self.connected:
            self.complete()
        self._life.caller_gone(Ending.DRAINED)
        self._life.parted(Ending.DRAINED)

    # Within

    def _takes_leave(self, key: str) -> bool:
        """Whether this key is one of a human who opts out of being called, or has."""
        if self.record.opted_out is not None:
            return True
        opt_out = self.opts_out(key) if self.stage in (Stage.RUNNING, Stage.DRAINING) else None
        if opt_out is None:
            return False
        self._opted_out("key", opt_out)
        if self.stage is Stage.DRAINING:  # its flow has no word any more: the carrier says it, after what is said now
            sentence = opt_out.confirm.fill(self.facts, self.language)
            self._verdict, self._sequel = Ending.COMPLETED, Apologise(sentence)
        return True

    def _leave_message(self, node: str) -> None:
        if self.stage is Stage.RUNNING:
            self._run.divert(node, self._speaker.interrupt)
        else:
            self.position = [(self.flow.name, node, 0)]

    def _leg_over(self, dialled: Dialled) -> None:
        leg, self._leg = self._leg, None
        assert leg is not None  # noqa: S101 - for the type checker: `connected` has looked
        leg.over(dialled)
        log.info("{call}: the other side: {result}", call=self.info.sid, result=dialled.result)
        to = leg.dial.to if leg.dial.to in self.program.named else self.program.privacy.party(leg.dial.to)
        self.wire.note("dialled", to=to, result=dialled.result, seconds=dialled.seconds)
        self.facts["transfer.result"] = dialled.result
        self._sequel = None
        if self._limit is not None and not self._limit.active():
            self._verdict, self._sequel = Ending.TIMEOUT, Apologise(self.program.goodbye)
        elif dialled.result != "answered" and leg.returns:
            self._verdict, self._offers = None, 0
            self._returned = None if leg.step is None else (leg.step, dialled)
