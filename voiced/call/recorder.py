"""Records the human of a call: from the first sound to the last, until silence, a key, the limit or the hang-up.

The audio is taken from the media stream and not by the carrier (Twilio's <Record>): it is here already and stays in
the house, nothing has to be fetched with credentials and deleted there, stream and flow go on without a gap, our own
ears can write it down, and the simulator carries it. What that costs: frames that were dropped on their way to us are
missing, and silence takes their place, so that the time in the file is the time of the call.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.call import audio
from voiced.call.dictation import write_down
from voiced.call.filing import Filed, IRecording, IRecordings, transcript_of
from voiced.call.keypad import Keypad
from voiced.call.records import CallRecord, RecordingRecord
from voiced.call.take import Take
from voiced.errors import RecordingFailed, VoicedError
from voiced.ivoiced import IHearing, Recorded, RecordLimits

KEPT_WITHIN = 5.0
"""Seconds that the disk has for the end of a recording: the caller waits for it, or a call that is over (10 s)."""

log = Logger()


def facts_of(recorded: Recorded, into: str) -> dict[str, str]:
    """What a flow may know of a recording, by facts that begin with `into`."""
    return dict(zip(names_of(into), (recorded.file, f"{recorded.seconds:.1f}", recorded.ended_by), strict=True))


def names_of(into: str) -> tuple[str, str, str]:
    """The names of these facts."""
    return f"{into}.file", f"{into}.seconds", f"{into}.ended_by"


class Recorder:
    """One recording. `begin` gives what the step waits for; cancelling that ends it as a hang-up does.

    `record` is the call's: it says what was lost of the caller's audio, and the recording is written into it when it
    is on the disk. `kept(recorded)` is called then, too, also when nothing was said, and also after a hang-up.
    """

    def __init__(
        self,
        record: CallRecord,
        limits: RecordLimits,
        recordings: IRecordings,
        hearing: IHearing | None,
        keypad: Keypad,
        clock: IReactorTime,
        kept: Callable[[Recorded], object],
    ) -> None:
        """Raises RecordingFailed when there is no file for this call."""
        self.settled: Deferred[None] = Deferred()
        """Fires when it has ended and is on the disk, or never will be. Never fails."""
        self._record = record
        self._limits = limits
        self._recordings = recordings
        self._hearing = hearing if limits.transcribe else None
        self._keypad = keypad
        self._clock = clock
        self._kept = kept
        self._missing = record.missing
        self._take = Take()
        self._recording: IRecording = recordings.open(record.info)
        self._keys: Deferred[Any] = succeed(None)
        self._result: Deferred[Recorded] = Deferred(self._hung_up)
        self._ended_by = ""
        """Empty while it lasts."""

    def begin(self) -> Deferred[Recorded]:
        """Record from now on; fires when it has ended and is kept. Fails with RecordingFailed."""
        self._timer = self._clock.callLater(self._limits.seconds, self.end, "limit")
        self._listen()
        return self._result

    def hear(self, frame: bytes) -> None:
        """Audio of the caller, as it comes."""
        if self._ended_by:
            return
        if keep := self._take.hear(frame, self._lost(audio.seconds(frame))):
            self._recording.write(keep)
        if self._recording.failure is not None:
            self.end("failed")
        elif self._take.quiet >= self._limits.silence:
            self.end("silence")

    def end(self, ended_by: str) -> None:
        """It is over, and what there is of it is kept. What else would end it changes nothing then."""
        if self._ended_by:
            return
        self._ended_by = ended_by
        if self._timer.active():
            self._timer.cancel()
        self._keys.cancel()
        keeping = Deferred.fromCoroutine(self._keep()).addCallbacks(self._tell, self._broke)
        keeping.addCallback(lambda _: self.settled.callback(None))

    # Within

    def _listen(self) -> None:
        if self._limits.keys:  # else they are left for the steps to come
            self._keys = self._keypad.listen(self._limits.seconds)
            self._keys.addCallbacks(self._pressed, lambda failure: failure.trap(CancelledError))

    def _pressed(self, key: str | None) -> None:
        if key is not None and key in self._limits.keys:
            self.end("key")
        else:
            self._listen()

    def _hung_up(self, result: Deferred[Recorded]) -> None:
        # It fails first: what is kept at once would fire it, as if nobody had cancelled it.
        result.errback(CancelledError())
        self.end("hangup")

    def _lost(self, length: float) -> float:
        """Seconds that were lost since the last frame; one takes `length`.

        The time stamps tell of a long gap, the frames' numbers of a short one, too. What a stream says may be
        nonsense: no more is filled in than may be recorded at all.
        """
        before, now = self._missing, self._record.missing
        self._missing = now
        lost = max(now.seconds - before.seconds, (now.frames - before.frames) * length)
        return min(lost, self._limits.seconds)

    async def _keep(self) -> Recorded:
        if not self._take.length:
            nothing = Recorded("", 0.0, self._ended_by)
            self._kept(nothing)
            return nothing
        try:
            filed = await self._recording.finish(self._take.length).addTimeout(KEPT_WITHIN, self._clock)
        except TimedOut:
            raise RecordingFailed(f"the disk did not take the end of a recording within {KEPT_WITHIN:g} s") from None
        failure = self._recording.failure
        recorded = Recorded(filed.file, audio.seconds(filed.length), "failed" if failure else self._ended_by)
        text = "" if self._hearing is None else transcript_of(filed.file)
        self._record.recordings.append(RecordingRecord(recorded.file, recorded.seconds, recorded.ended_by, text))
        if self._hearing is not None:
            self._write_down(filed, self._hearing)
        self._kept(recorded)
        if failure is not None:
            raise failure
        return recorded

    def _write_down(self, filed: Filed, hearing: IHearing) -> None:
        """In the background: the call does not wait for it."""
        pieces = [(start, min(stop, filed.length)) for start, stop in self._take.pieces() if start < filed.length]
        call = self._record.info.sid
        writing = Deferred.fromCoroutine(write_down(call, filed.file, pieces, self._recordings, hearing))
        writing.addErrback(partial(log.failure, "{call}: a recording cannot be written down", call=call))

    def _tell(self, recorded: Recorded) -> None:
        if not self._result.called:
            self._result.callback(recorded)

    def _broke(self, failure: Failure) -> None:
        if not self._result.called:
            self._result.errback(failure)
            return
        call, error = self._record.info.sid, failure.getErrorMessage()
        self._record.faults.append(error)
        if failure.check(VoicedError):
            log.error("{call}: what was recorded until the hang-up is not all kept: {error}", call=call, error=error)
        else:
            log.failure("{call}: keeping a recording broke down", failure, call=call)
