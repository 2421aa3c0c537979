"""The recorder: what ends a recording, what is kept of it then, and what was said in it."""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from voiced.call.audio import FRAME, RATE, seconds, silence
from voiced.call.filing import Filed, IRecording, IRecordings, transcript_of
from voiced.call.keypad import Keypad
from voiced.call.recorder import KEPT_WITHIN, Recorder, facts_of
from voiced.call.records import CallInfo, CallRecord, Gap, RecordingRecord
from voiced.errors import RecognitionFailed, RecordingFailed
from voiced.ivoiced import IHearing, Recorded, RecordLimits
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fakes import spell

INFO = CallInfo("CA1", "main", "+14155550100", "+14155550123")
VOICE = b"\x10" * (8 * FRAME) + silence(0.04)
"""0.2 s of a voice: a syllable, and the gap before the next."""
FULL = RecordingFailed("the disk is full")


@implementer(IRecording, IRecordings)
@attrs.define(eq=False)
class Shelf:
    """Recordings in memory: one at a time, and it says what was done with it. `answer` is what finishing gives."""

    audio: bytes = b""
    room: int = 10**9
    failure: RecordingFailed | None = None
    finished: int | None = None
    answer: Deferred[Filed] | None = None
    texts: dict[str, str] = attrs.field(factory=dict)
    unreadable: bool = False

    def open(self, info: CallInfo) -> Shelf:
        """See IRecordings."""
        return self

    def write(self, audio: bytes) -> None:
        """See IRecording."""
        self.audio = (self.audio + audio)[: self.room]
        if len(self.audio) == self.room:
            self.failure = FULL

    def finish(self, length: int) -> Deferred[Filed]:
        """See IRecording."""
        self.finished = length
        return self.answer or succeed(Filed("recordings/x/CA1-1.wav", min(length, self.room)))

    def read(self, file: str, start: int, stop: int) -> Deferred[bytes]:
        """See IRecordings."""
        return fail(RecordingFailed("it is gone")) if self.unreadable else succeed(self.audio[start:stop])

    def write_down(self, file: str, text: str) -> Deferred[None]:
        """See IRecordings."""
        self.texts[file] = text
        return succeed(None)


class RecorderCase(SynchronousTestCase):
    """A recorder on a clock, and a caller who is heard in frames."""

    def setUp(self) -> None:
        """Nothing is recorded yet."""
        self.clock = Clock()
        self.keypad = Keypad(self.clock)
        self.record = CallRecord(INFO, "test", 0.0)
        self.shelf = Shelf()
        self.kept: list[Recorded] = []

    def begin(self, hearing: IHearing | None = None, **limits: Any) -> Deferred[Recorded]:
        """Record, within these limits."""
        self.recorder = Recorder(
            self.record, RecordLimits(**limits), self.shelf, hearing, self.keypad, self.clock, self.kept.append
        )
        return self.recorder.begin()

    def hears(self, sound: bytes, length: float | None = None) -> None:
        """The caller makes this sound, again and again for so many seconds, or once."""
        size = len(sound) if length is None else round(length * RATE)
        tape = (sound * (size // len(sound) + 1))[:size].ljust(-(-size // FRAME) * FRAME, b"\xff")
        for at in range(0, len(tape), FRAME):
            self.clock.advance(FRAME / RATE)
            self.recorder.hear(tape[at : at + FRAME])

    def press(self, keys: str) -> None:
        """The caller presses these keys."""
        for key in keys:
            self.keypad.press(key)
            self.keypad.hand_over()

    def assert_over(self) -> None:
        """Nothing is left of it: no timer, no listener; and what comes now changes nothing."""
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertIsNone(self.keypad._listener)
        self.successResultOf(self.recorder.settled)
        before = (len(self.shelf.audio), len(self.kept))
        self.hears(VOICE, 1.0)
        self.recorder.end("limit")
        self.assertEqual((len(self.shelf.audio), len(self.kept)), before)


class EndTests(RecorderCase):
    """What ends a recording."""

    def test_silence(self) -> None:
        """Five seconds without a sound end it; they are not in the file."""
        recording = self.begin()
        self.hears(silence(0.5))
        self.hears(VOICE, 3.0)
        self.hears(silence(4.9))
        self.assertNoResult(recording)
        self.hears(silence(0.2))
        recorded = self.successResultOf(recording)
        self.assertEqual(recorded, Recorded("recordings/x/CA1-1.wav", recorded.seconds, "silence"))
        self.assertAlmostEqual(recorded.seconds, 3.96, places=2)
        self.assertEqual(self.shelf.audio[: self.shelf.finished].strip(b"\xff")[: len(VOICE)], VOICE)
        self.assert_over()

    def test_key(self) -> None:
        """A key that ends it does so at once; others do not, and wait for no step."""
        recording = self.begin(keys="#*")
        self.hears(VOICE, 2.0)
        self.press("12")
        self.assertNoResult(recording)
        self.press("*")
        self.assertEqual(self.successResultOf(recording).ended_by, "key")
        self.assertEqual(len(self.keypad), 0)
        self.assert_over()

    def test_no_keys(self) -> None:
        """Where no key ends it, keys are kept for the steps that follow."""
        recording = self.begin(keys="")
        self.hears(VOICE, 1.0)
        self.press("#1")
        self.hears(silence(6.0))
        self.assertEqual((self.successResultOf(recording).ended_by, len(self.keypad)), ("silence", 2))
        self.assert_over()

    def test_limit(self) -> None:
        """The limit ends it, by the clock, whatever the caller does."""
        recording = self.begin(seconds=10.0)
        self.hears(VOICE, 9.9)
        self.assertNoResult(recording)
        self.hears(VOICE, 0.2)
        recorded = self.successResultOf(recording)
        self.assertEqual(recorded.ended_by, "limit")
        self.assertAlmostEqual(recorded.seconds, 10.0, places=1)
        self.assert_over()

    def test_no_audio(self) -> None:
        """A stream on which nothing comes any more is ended by the limit, too."""
        recording = self.begin(seconds=10.0)
        self.clock.advance(10.0)
        self.assertEqual(self.successResultOf(recording), Recorded("", 0.0, "limit"))
        self.assert_over()

    def test_hang_up(self) -> None:
        """Cancelled, it fails so at once, and what there is of it is kept."""
        recording = self.begin()
        self.hears(VOICE, 2.0)
        recording.cancel()
        self.failureResultOf(recording, CancelledError)
        [recorded] = self.kept
        self.assertEqual((recorded.ended_by, recorded.seconds), ("hangup", 2.0))
        self.assert_over()

    def test_nothing_said(self) -> None:
        """Without a sound there is no file, and nothing in the record; the flow is told."""
        recording = self.begin(silence=3.0)
        self.hears(silence(3.0))
        self.assertEqual(self.successResultOf(recording), Recorded("", 0.0, "silence"))
        self.assertEqual((self.shelf.audio, self.shelf.finished, self.record.recordings), (b"", None, []))
        self.assertEqual(self.kept, [Recorded("", 0.0, "silence")])
        self.assert_over()

    def test_hang_up_without_a_word(self) -> None:
        """Who hangs up before a word has left none."""
        recording = self.begin()
        recording.cancel()
        self.failureResultOf(recording, CancelledError)
        self.assertEqual(self.kept, [Recorded("", 0.0, "hangup")])
        self.assert_over()

    @given(st.lists(st.sampled_from(["voice", "silence", "lost", "#", "5", "cancel", "wait"]), max_size=12))
    def test_any_order(self, events: list[str]) -> None:
        """Whatever happens, in any order, it ends once, and as the record says."""
        self.setUp()
        recording = self.begin(seconds=20.0, silence=2.0)
        recording.addErrback(lambda failure: failure.trap(CancelledError))
        for event in [*events, "limit"]:
            match event:
                case "voice":
                    self.hears(VOICE, 1.5)
                case "silence":
                    self.hears(silence(1.5))
                case "lost":
                    self.record.missing += Gap(seconds=1.0)
                case "cancel":
                    recording.cancel()
                case "wait":
                    self.clock.advance(1.0)
                case "limit":
                    self.clock.advance(20.0)
                case key:
                    self.press(key)
        [recorded] = self.kept
        kept = [(each.file, each.seconds, each.ended_by) for each in self.record.recordings]
        self.assertEqual(kept, [attrs.astuple(recorded)] if recorded.file else [])
        self.assertLessEqual(recorded.seconds, 20.0 + 1.0 * len(events))
        self.assert_over()


class KeepingTests(RecorderCase):
    """What is kept, and a disk that does not keep it."""

    def test_record(self) -> None:
        """The recording is in the call's record and its facts."""
        self.begin()
        self.hears(VOICE, 2.0)
        self.press("#")
        self.assertEqual(self.record.recordings, [RecordingRecord("recordings/x/CA1-1.wav", 2.0, "key")])
        facts = {"voicemail.file": "recordings/x/CA1-1.wav", "voicemail.seconds": "2.0", "voicemail.ended_by": "key"}
        self.assertEqual(facts_of(self.kept[0], "voicemail"), facts)

    def test_gap(self) -> None:
        """What was lost on its way to us is silence in the file: the time in it is the time of the call."""
        for gap, length in ((Gap(frames=2), 0.04), (Gap(30, 30, 0.5), 0.6), (Gap(seconds=0.5), 0.5)):
            self.shelf, self.record.missing = Shelf(), Gap(9, 9, 7.0)
            self.begin()
            self.hears(VOICE, 1.0)
            self.record.missing += gap
            self.hears(VOICE, 1.0)
            self.assertEqual(self.shelf.audio, VOICE * 5 + silence(length) + VOICE * 5)
            self.press("#")

    def test_nonsense_gap(self) -> None:
        """A stream that says it has lost a day fills no disk."""
        for gap in (Gap(seconds=86400.0), Gap(frames=10**15)):
            self.shelf = Shelf()
            self.begin(seconds=10.0)
            self.hears(VOICE, 1.0)
            self.record.missing += gap
            self.hears(VOICE, 1.0)
            self.assertEqual(seconds(self.shelf.audio), 12.0)
            self.press("#")

    def test_full(self) -> None:
        """A full disk ends it: the flow is told why, and what there was before is in the record."""
        self.shelf.room = 16000
        recording = self.begin()
        self.hears(VOICE, 5.0)
        self.assertEqual(self.failureResultOf(recording, RecordingFailed).value, FULL)
        self.assertEqual(self.record.recordings, [RecordingRecord("recordings/x/CA1-1.wav", 2.0, "failed")])
        self.assertEqual(self.record.faults, [])
        self.assert_over()

    def test_full_at_the_end(self) -> None:
        """So does one that is found to be full only then."""
        self.shelf.answer = Deferred()
        recording = self.begin()
        self.hears(VOICE, 1.0)
        self.press("#")
        self.shelf.failure = FULL
        self.shelf.answer.callback(Filed("f.wav", 4000))
        self.failureResultOf(recording, RecordingFailed)
        self.assertEqual(self.record.recordings, [RecordingRecord("f.wav", 0.5, "failed")])

    def test_lost(self) -> None:
        """Where nothing could be kept, the flow is told."""
        self.shelf.answer = fail(FULL)
        recording = self.begin()
        self.hears(VOICE, 1.0)
        self.press("#")
        self.assertEqual(self.failureResultOf(recording, RecordingFailed).value, FULL)
        self.assertEqual((self.record.recordings, self.kept), ([], []))
        self.assert_over()

    def test_lost_after_the_hang_up(self) -> None:
        """With no flow left to tell, the record and the log say so."""
        self.shelf.answer = fail(FULL)
        recording = self.begin()
        self.hears(VOICE, 1.0)
        with capturedLogs() as logs:
            recording.cancel()
        self.failureResultOf(recording, CancelledError)
        self.assertEqual(self.record.faults, ["the disk is full"])
        self.assertEqual([event["call"] for event in logs], ["CA1"])

    def test_a_disk_that_hangs(self) -> None:
        """The caller does not wait for longer than five seconds, and neither does the end of the call."""
        self.shelf.answer = Deferred()
        recording = self.begin()
        self.hears(VOICE, 1.0)
        self.press("#")
        self.clock.advance(KEPT_WITHIN - 0.1)
        self.assertNoResult(recording)
        self.assertNoResult(self.recorder.settled)
        self.clock.advance(0.1)
        self.assertIn("within 5 s", str(self.failureResultOf(recording, RecordingFailed).value))
        self.assert_over()

    def test_hang_up_while_it_is_kept(self) -> None:
        """A hang-up then takes nothing away: it is in the record when the disk has it, and how it ended stays."""
        self.shelf.answer = Deferred()
        recording = self.begin()
        self.hears(VOICE, 1.0)
        self.press("#")
        recording.cancel()
        self.failureResultOf(recording, CancelledError)
        self.assertNoResult(self.recorder.settled)
        self.shelf.answer.callback(Filed("f.wav", 8000))
        self.assertEqual(self.record.recordings, [RecordingRecord("f.wav", 1.0, "key")])
        self.assert_over()

    def test_a_fault_of_ours_after_the_hang_up(self) -> None:
        """What is no failure of the disk is logged with its traceback when there is no flow left to tell."""
        self.shelf.answer = fail(ZeroDivisionError())
        recording = self.begin()
        self.hears(VOICE, 1.0)
        recording.cancel()
        self.failureResultOf(recording, CancelledError)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_fault_of_ours(self) -> None:
        """What is no failure of the disk comes to the flow as it is."""
        self.shelf.answer = fail(ZeroDivisionError())
        recording = self.begin()
        self.hears(VOICE, 1.0)
        self.press("#")
        self.failureResultOf(recording, ZeroDivisionError)
        self.assert_over()


class TranscriptTests(RecorderCase):
    """What our own ears write down."""

    def setUp(self) -> None:
        """Ears."""
        super().setUp()
        self.hearing = FakeHearing(self.clock, delay=0.5)

    def test_pieces(self) -> None:
        """When it is over, it is recognised piece by piece, each a line; the record says at once where it will be."""
        recording = self.begin(self.hearing, transcribe=True)
        for text in ("THE FIRST SENTENCE", "THE SECOND ONE"):
            self.hears(silence(1.0))
            self.hears(spell(text))
        self.hears(silence(3.5))
        self.hears(spell("ONE AFTER MANY SECONDS") * 14)
        self.assertEqual(self.hearing.recognised, [])
        self.hearing.texts = ["Hello.", "", "Bye."]
        self.press("#")
        self.assertEqual(self.successResultOf(recording).ended_by, "key")
        self.assertEqual(self.record.recordings[0].transcript, "recordings/x/CA1-1.txt")
        for _ in range(3):
            self.assertEqual(self.shelf.texts, {})
            self.clock.advance(0.5)
        self.assertEqual(self.shelf.texts, {"recordings/x/CA1-1.wav": "Hello.\nBye.\n"})
        lengths = [len(piece) for piece in self.hearing.recognised]
        self.assertEqual((len(lengths), max(lengths) <= 15 * RATE), (3, True))

    def test_not_asked_for(self) -> None:
        """Nobody writes down what is not asked for, nor where there are no ears."""
        for hearing, transcribe in ((self.hearing, False), (None, True)):
            self.record.recordings.clear()
            self.begin(hearing, transcribe=transcribe)
            self.hears(VOICE, 1.0)
            self.press("#")
            self.assertEqual(self.record.recordings[0].transcript, "")
        self.assertEqual(self.hearing.recognised, [])

    def test_hang_up(self) -> None:
        """Also of one that the caller ended by hanging up."""
        self.begin(self.hearing, transcribe=True).addErrback(lambda _: None).cancel()
        recording = self.begin(self.hearing, transcribe=True)
        self.hears(VOICE, 1.0)
        self.hearing.texts = ["Call me."]
        recording.addErrback(lambda _: None).cancel()
        self.clock.advance(0.5)
        self.assertEqual(list(self.shelf.texts.values()), ["Call me.\n"])

    def test_broken_ears(self) -> None:
        """Ears that break, or a file that is gone, leave no text, and a line in the log."""
        for failure, unreadable, why in (
            (RecognitionFailed("no model"), False, "no model"),
            (None, True, "it is gone"),
        ):
            self.hearing.fail_with, self.shelf.unreadable = failure, unreadable
            self.begin(self.hearing, transcribe=True)
            self.hears(VOICE, 1.0)
            with capturedLogs() as logs:
                self.press("#")
                self.clock.advance(0.5)
            self.assertEqual([(event["call"], event["error"]) for event in logs], [("CA1", why)])
        self.assertEqual(self.shelf.texts, {})

    def test_a_fault_of_ours(self) -> None:
        """A fault is logged with its traceback, and the call knows nothing of it."""
        self.hearing.fail_with = ZeroDivisionError()
        recording = self.begin(self.hearing, transcribe=True)
        self.hears(VOICE, 1.0)
        self.press("#")
        self.clock.advance(0.5)
        self.successResultOf(recording)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_beside(self) -> None:
        """The text stands beside the recording."""
        self.assertEqual(transcript_of("recordings/2026-03-01/CA1-2.wav"), "recordings/2026-03-01/CA1-2.txt")
