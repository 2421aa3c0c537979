"""Knows what of our speech the caller has heard: marks by generation.

The carrier queues what we send and plays it in order. We put a mark after each utterance and every 300 ms within it,
named `<generation>.<number>`; each comes back when what stood before it has been played. `clear` empties the queue
and gives *all* marks back at once, so it starts a new generation, and a mark of an old one was not heard
(Twilio: Media Streams WebSocket messages, "clear").
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from voiced.call import audio
from voiced.call.kept import BACK, Kept
from voiced.icarrier import IMediaStream
from voiced.ivoiced import Heard, ISpeech
from voiced.iwatch import IWatch, Unwatched

MARK_EVERY = 2400
"""Bytes between marks: 300 ms."""
MARK_LATE = 10.0
"""Seconds after which a mark will not come any more: the stream is dead, though its socket may not know it yet."""

MARK_SLOW = 1.0
"""Seconds after which a mark that came back was late: the network or the carrier is slow, the caller hears gaps."""


@implementer(ISpeech)
@attrs.define(eq=False)
class Speech:
    """One utterance on its way to the caller: feed it audio, then end it; `done` fires with Heard.

    `done` fires when its last mark has come back, or when it is cut. Cancelling it ends the feeding; what was sent
    already plays on.
    """

    _playback: Playback
    start: int
    """Where it begins, in bytes of this generation."""
    _fed: Callable[[], object] | None = None
    """Told after each piece of it."""
    done: Deferred[Heard] = attrs.field(init=False)
    ended: bool = False
    _rest: bytes = b""
    _stop: int = attrs.field(init=False)
    _result: Heard | None = None

    def __attrs_post_init__(self) -> None:
        self.done = Deferred(self._forget)
        self._stop = self.start

    def feed(self, piece: bytes) -> None:
        """Send on what has arrived, whole frames of it. Nothing happens once it is ended or cut."""
        if self.ended:
            return
        if self._rest or len(piece) % audio.FRAME:
            piece = self._rest + piece
            whole = len(piece) - len(piece) % audio.FRAME
            self._rest = piece[whole:]
            piece = piece[:whole]
        if piece:
            self._playback.send(piece)
            self._stop = self._playback.sent
        if self._fed is not None:
            self._fed()

    def end(self) -> None:
        """All of it has been fed: the last broken frame is filled up with silence, and the last mark follows."""
        if self.ended:
            return
        if self._rest:
            self._playback.send(self._rest.ljust(audio.FRAME, audio.SILENCE))
            self._stop = self._playback.sent
        self.ended = True
        self._playback.speech_ended()

    def heard(self, position: int) -> Heard:
        """How much of it was heard when the caller had heard so many bytes of this generation."""
        of = self._stop - self.start
        until = min(max(position - self.start, 0), of)
        return Heard(audio.seconds(until), audio.seconds(of))

    def confirmed(self) -> int:
        """Bytes of it that were certainly heard: up to the last mark that came back."""
        return min(max(self._playback.confirmed - self.start, 0), self._stop - self.start)

    def so_far(self) -> Heard:
        """How much of it was heard by now; in the end, what `done` fired with."""
        return self._result or self.heard(self._playback.position())

    def finish(self, heard: Heard) -> None:
        """Nothing more of it will be heard."""
        self._result = heard
        self._fed = None
        if not self.done.called:  # telling one may have cancelled another
            self.done.callback(heard)

    def _forget(self, _: object) -> None:
        self._playback.forget(self)

    @property
    def stop(self) -> int:
        """Where it ends so far, in bytes of this generation."""
        return self._stop


@attrs.frozen(eq=False)
class _Waiting:
    """Someone who waits until so many bytes of this generation and these speeches are heard."""

    until: int
    speeches: tuple[Speech, ...]
    done: Deferred[None]


class Playback:
    """The queue at the carrier, as far as we know it. One for a call; `attach` it to each new stream.

    It may pause: then the carrier's queue is empty, and what comes is kept, until it goes on from what was heard.

    `first_audio()` is called when audio is sent for the first time, `stalled()` when a mark is too late to come,
    `sounds(since)` when something is to be heard again, and nothing was since then.
    """

    def __init__(
        self,
        clock: IReactorTime,
        first_audio: Callable[[], None] = lambda: None,
        stalled: Callable[[], None] = lambda: None,
        sounds: Callable[[float], None] = lambda since: None,
        watch: IWatch | None = None,
    ) -> None:
        self._clock = clock
        self._first_audio = first_audio
        self._sounded = False
        self._stalled = stalled
        self._sounds = sounds
        self._watcher = watch or Unwatched()
        self._traffic = self._watcher.traffic
        self._overdue: IDelayedCall | None = None
        self._due = 0.0
        """When the stream will have stalled, unless the next mark comes back."""
        self._stream: IMediaStream | None = None
        self.generation = -1
        self.sent = 0
        """Bytes given to us since the queue was last cleared for good."""
        self._gone = 0
        """How many of them are with the carrier, or were; fewer while we pause."""
        self._paused: int | None = None
        """What had been heard when we paused; None while we do not."""
        self._kept = Kept()
        self._keeps = True
        self._marks: list[tuple[str, int]] = []
        """Those of this generation that have not come back, and where they stand."""
        self._numbers = 0
        self._anchor = (0.0, 0)
        """When the caller had heard how much, for all we can tell."""
        self.until = 0.0
        """When what was sent so far will have been heard, if it is played on at once (seconds since the epoch)."""
        self._marked = 0
        self._confirmed = 0
        """Where the last mark that came back stood."""
        self._speeches: list[Speech] = []
        self._waiting: list[_Waiting] = []

    def attach(self, stream: IMediaStream | None) -> None:
        """Go on with this stream, whose queue is empty (None: with none; nothing is sent). What was open is cut."""
        self._stream = stream
        self._turn()

    def speak(self, fed: Callable[[], object] | None = None) -> Speech:
        """A new utterance, after all that was sent before; `fed()` is called after each piece of it."""
        speech = Speech(self, self.sent, fed)
        self._speeches.append(speech)
        return speech

    def send(self, piece: bytes) -> None:
        """Queue audio (whole frames), with its marks."""
        stream = self._stream
        if stream is None:
            return
        if not self._sounded:
            self._sounded = True
            self._first_audio()
        size = len(piece)
        sent, now = self.sent, self._clock.seconds()
        if now >= self.until and self.position() == sent:  # nothing is playing: it starts now
            self._sounds(self.until)
            self._anchor = (now, sent)
        if self._keeps:
            self._kept.add(piece)
        at, heard = self._anchor
        self.sent = sent = sent + size
        self.until = at + (sent - heard) / audio.RATE
        if self._paused is None:
            if self._gone - self._marked + size < MARK_EVERY:  # most of them have no mark in them
                stream.send_audio(piece)
                self._traffic.frames_out += 1
                self._traffic.bytes_out += size
                self._gone += size
            else:
                self._pass_on(stream, (piece,))

    def speech_ended(self) -> None:
        """An utterance is complete: mark its end."""
        self._mark()
        self._settle()

    def mark_returned(self, name: str) -> None:
        """The carrier gave a mark back. One of an old generation, or a strange one, says nothing."""
        if name not in [each for each, _ in self._marks]:
            return
        while True:
            mark, self._confirmed = self._marks.pop(0)
            if mark == name:
                break
        (at, heard), now = self._anchor, self._clock.seconds()
        if now - at - audio.seconds(self._confirmed - heard) > MARK_SLOW:
            self._watcher.mark_late()
        self._drop_anchor(now, self._confirmed)
        self._kept.forget(self._confirmed - BACK)
        self._watch()
        self._settle()

    def position(self) -> int:
        """Bytes heard: the last mark returned and the time since, up to the next mark."""
        if self._paused is not None:
            return self._paused
        at, heard = self._anchor
        bound = self._marks[0][1] if self._marks else self._gone
        return min(heard + round((self._clock.seconds() - at) * audio.RATE), bound)

    @property
    def confirmed(self) -> int:
        """Bytes certainly heard: where the last mark that came back stood."""
        return self._confirmed

    @property
    def queued(self) -> float:
        """Seconds of audio sent and not heard yet."""
        return audio.seconds(self.sent - self.position())

    @property
    def protected(self) -> bool:
        """Whether something is to be heard that nobody may interrupt."""
        return False

    @property
    def playing(self) -> bool:
        """Whether something is to be heard, or was until we paused."""
        return self.position() < self.sent

    def interrupt(self) -> None:
        """Silence it at once: `clear` first, then cut what was queued (the cut resumes the flow, which may speak)."""
        if self._stream is not None and self._paused is None:
            self._stream.send_clear()
        self._turn()

    def keep(self, keeps: bool) -> None:
        """Whether what is said from now on is kept until it is heard. What was not kept cannot be paused."""
        if keeps is not self._keeps:
            self._keeps = keeps
            self._kept.clear(self.sent)

    def pause(self) -> None:
        """Silence it at once; keep what was not heard, and what comes from now on, until `resume` or `interrupt`."""
        position = self.position()  # once: what is over a moment later cannot be paused any more
        if self._stream is None or self._paused is not None or position >= self.sent:
            return
        if not self._keeps or position < self._kept.begins:
            return
        self._paused = position
        self._new_generation()
        self._stream.send_clear()

    def resume(self) -> None:
        """Go on where we paused, from the beginning of the word."""
        if self._stream is None or self._paused is None:
            return
        opens = min((speech.start for speech in self._speeches), default=0)
        again = max(self._kept.word_before(self._paused), min(opens, self._paused))
        self._paused = None
        self._gone = self._marked = again
        self._drop_anchor(self._clock.seconds(), again)
        ends = {one.until for one in self._waiting} | {each.stop for each in self._speeches if each.ended}
        self._pass_on(self._stream, self._kept.between(again, self.sent), ends)

    def when_heard(self) -> Deferred[None]:
        """Fires when all utterances begun so far, and all audio sent so far, are heard or cut."""
        if not self._speeches:
            self._mark()
        done: Deferred[None] = Deferred(self._wait_no_more)
        self._waiting.append(_Waiting(self.sent, tuple(self._speeches), done))
        self._settle()
        return done

    def forget(self, speech: Speech) -> None:
        """A speech nobody waits for: it will not be fed again."""
        speech.ended = True
        if speech in self._speeches:
            self._speeches.remove(speech)
            self.speech_ended()

    def _pass_on(self, stream: IMediaStream, pieces: Iterable[bytes], ends: Collection[int] = ()) -> None:
        """Give the carrier what it has not yet, with a mark every 300 ms and at these ends."""
        for piece in pieces:
            at = 0
            while at < len(piece):
                to_mark = MARK_EVERY - (self._gone - self._marked)
                part = piece[at : at + min([to_mark, *(end - self._gone for end in ends if end > self._gone)])]
                at += len(part)
                self._gone += len(part)
                self._traffic.frames_out += 1
                self._traffic.bytes_out += len(part)
                if self._gone - self._marked >= MARK_EVERY or self._gone in ends:
                    stream.send_audio(part, self._new_mark())
                    self._marked_out()
                else:
                    stream.send_audio(part)

    def _mark(self) -> None:
        """Mark the end of what the carrier has, unless it is marked already."""
        if self._stream is not None and self._gone != self._marked:
            self._stream.send_mark(self._new_mark())
            self._marked_out()

    def _new_mark(self) -> str:
        """The name of a mark at the end of what the carrier has, or is about to have."""
        self._numbers += 1
        name = f"{self.generation}.{self._numbers}"
        self._marks.append((name, self._gone))
        self._marked = self._gone
        return name

    def _marked_out(self) -> None:
        """It is on its way."""
        if len(self._marks) == 1:
            self._watch()

    def _watch(self) -> None:
        """See that the next mark comes back; when it is late by MARK_LATE, tell that the stream has stalled."""
        if self._marks:
            until = audio.seconds(self._marks[0][1] - self.position()) + MARK_LATE
            self._due = self._clock.seconds() + until
            if self._overdue is None or self._overdue.getTime() > self._due:
                self._stop_watching()
                self._overdue = self._clock.callLater(until, self._look)

    def _look(self) -> None:
        """One timer for many marks: those that came back in time have moved what is due."""
        self._overdue = None
        left = self._due - self._clock.seconds()
        if not self._marks:
            return
        if left > 0:
            self._overdue = self._clock.callLater(left, self._look)
        else:
            self._stalled()

    def _stop_watching(self) -> None:
        overdue, self._overdue = self._overdue, None
        if overdue is not None:
            overdue.cancel()

    def _drop_anchor(self, at: float, heard: int) -> None:
        """The caller had heard so much then."""
        self._anchor = (at, heard)
        self.until = at + (self.sent - heard) / audio.RATE

    def _turn(self) -> None:
        """A new generation: its queue is empty; all speeches of the old one end as heard so far."""
        position = self.position()
        cut, self._speeches = self._speeches, []
        waiting, self._waiting = self._waiting, []
        self.sent = self._gone = self._marked = self._confirmed = 0
        self._paused = None
        self._kept.clear()
        self._drop_anchor(self._clock.seconds(), 0)
        self._new_generation()
        for speech in cut:
            speech.ended = True
        for speech in cut:
            speech.finish(attrs.evolve(speech.heard(position), cut=True))
        for one in waiting:
            if not one.done.called:
                one.done.callback(None)

    def _new_generation(self) -> None:
        """No mark that comes back from now on says that anything was heard."""
        self.generation += 1
        self._numbers = 0
        self._marks.clear()
        self._stop_watching()

    def _settle(self) -> None:
        """Tell those who wait for what has been heard."""
        for speech in [s for s in self._speeches if s.ended and s.stop <= self._confirmed]:
            if speech in self._speeches:  # telling one may have ended another
                self._speeches.remove(speech)
                speech.finish(speech.heard(speech.stop))
        for one in [w for w in self._waiting if self._is_heard(w)]:
            if one in self._waiting:
                self._waiting.remove(one)
                one.done.callback(None)

    def _is_heard(self, waiting: _Waiting) -> bool:
        over = not any(speech in self._speeches for speech in waiting.speeches)
        return over and waiting.until <= self._confirmed

    def _wait_no_more(self, done: Deferred[None]) -> None:
        self._waiting = [one for one in self._waiting if one.done is not done]
