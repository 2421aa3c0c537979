"""Playback knows what the caller has heard: marks, generations, cuts, and a queue at the carrier to prove it by."""

from collections import deque

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from voiced.call.audio import FRAME, SILENCE
from voiced.call.playback import MARK_EVERY, MARK_LATE, MARK_SLOW, Playback
from voiced.icarrier import IMediaStream
from voiced.ivoiced import Heard
from voiced.watch.metrics import Metrics

RATE = 8000


@implementer(IMediaStream)
class PaperStream:
    """A stream that writes down what it is told."""

    def __init__(self):
        self.told = []

    def send_audio(self, audio, mark=""):
        self.told += [audio, mark] if mark else [audio]

    def send_mark(self, name):
        self.told.append(name)

    def send_clear(self):
        self.told.append("clear")

    def close(self):
        self.told.append("close")

    @property
    def shape(self):
        """What was told, with lengths for audio."""
        return [len(said) if isinstance(said, bytes) else said for said in self.told]


@implementer(IMediaStream)
class Carrier:
    """A perfect carrier: plays 8000 bytes a second, gives marks back when played, and all at once when cleared."""

    def __init__(self, clock, playback):
        self.clock = clock
        self.playback = playback
        self.sent = 0
        self.ends_at = 0.0
        self.marks = deque()

    def send_audio(self, audio, mark=""):
        self.sent += len(audio)
        self.ends_at = max(self.ends_at, self.clock.seconds()) + len(audio) / RATE
        if mark:
            self.send_mark(mark)

    def send_mark(self, name):
        timer = self.clock.callLater(max(self.ends_at - self.clock.seconds(), 0), self.give_back)
        self.marks.append((name, timer))

    def send_clear(self):
        self.sent, self.ends_at = 0, self.clock.seconds()
        stale, self.marks = self.marks, deque()
        for name, timer in stale:
            timer.cancel()
            self.clock.callLater(0, self.playback.mark_returned, name)

    def close(self):
        raise AssertionError("playback never closes a stream")

    def give_back(self):
        self.playback.mark_returned(self.marks.popleft()[0])

    @property
    def played(self):
        """The truth: bytes played since the last clear."""
        return self.sent - max(self.ends_at - self.clock.seconds(), 0) * RATE


class PlaybackCase(SynchronousTestCase):
    """A playback on a stream of paper."""

    def setUp(self):
        self.clock = Clock()
        self.clock.advance(1000)
        self.firsts = []
        self.stream = PaperStream()
        self.metrics = Metrics()
        self.silences = []
        self.playback = Playback(
            self.clock,
            lambda: self.firsts.append(self.clock.seconds()),
            sounds=lambda since: self.silences.append((since - 1000, self.clock.seconds() - 1000)),
            watch=self.metrics,
        )
        self.playback.attach(self.stream)

    def say(self, length):
        """A whole utterance of so many bytes."""
        speech = self.playback.speak()
        speech.feed(b"\x01" * length)
        speech.end()
        return speech


class MarkTests(PlaybackCase):
    def test_doubles(self):
        """The doubles are streams."""
        verifyObject(IMediaStream, self.stream)
        verifyObject(IMediaStream, Carrier(self.clock, self.playback))

    def test_every_300_ms_and_at_the_end(self):
        """Marks are named generation.number, stand 300 ms apart, and the last stands at the end."""
        self.say(2 * MARK_EVERY + FRAME)
        self.assertEqual(self.stream.shape, [2400, "0.1", 2400, "0.2", 160, "0.3"])

    def test_across_pieces(self):
        """Where the voice cuts its pieces says nothing of where the marks stand."""
        speech = self.playback.speak()
        for _ in range(4):
            speech.feed(b"\x01" * 800)
        speech.end()
        self.assertEqual(self.stream.shape, [800, 800, 800, "0.1", 800, "0.2"])

    def test_no_mark_twice_at_a_place(self):
        """An utterance that ends where a mark stands needs no other."""
        self.say(MARK_EVERY)
        self.say(0)
        self.assertEqual(self.stream.shape, [2400, "0.1"])

    def test_whole_frames(self):
        """Audio is cut at multiples of 160 bytes, and the tail is filled up with silence."""
        speech = self.playback.speak()
        for _ in range(3):
            speech.feed(b"\x01" * 100)
        self.assertEqual(self.stream.shape, [160])
        speech.end()
        self.assertEqual(self.stream.told, [b"\x01" * 160, b"\x01" * 140 + SILENCE * 20, "0.1"])

    @given(st.lists(st.integers(0, 3000), max_size=8))
    def test_any_pieces(self, lengths):
        """However it arrives, all audio is sent, in order, in whole frames, with a mark at least every 300 ms."""
        stream = PaperStream()
        self.playback.attach(stream)
        speech, given_ = self.playback.speak(), b""
        for number, length in enumerate(lengths):
            given_ += (piece := bytes([number]) * length)
            speech.feed(piece)
        speech.end()
        sent = [said for said in stream.told if isinstance(said, bytes)]
        self.assertEqual(b"".join(sent), given_ + SILENCE * (-len(given_) % FRAME))
        self.assertEqual([len(piece) % FRAME for piece in sent], [0] * len(sent))
        self.assertEqual(
            [s for s in stream.told if isinstance(s, str)],
            [f"{self.playback.generation}.{n + 1}" for n in range(-(-len(b"".join(sent)) // MARK_EVERY))],
        )

    def test_first_audio(self):
        """Whoever measures it is told when audio goes out for the first time, and of nothing else."""
        speech = self.playback.speak()
        self.assertEqual(self.firsts, [])
        speech.feed(b"\x01" * 100)
        self.assertEqual(self.firsts, [])
        speech.feed(b"\x01" * 100)
        self.assertEqual(self.firsts, [1000])

    def test_ended_speech_is_deaf(self):
        """What is fed or ended after the end is ignored."""
        speech = self.say(160)
        speech.feed(b"\x01" * 160)
        speech.end()
        self.assertEqual(self.stream.shape, [160, "0.1"])


class WatchTests(PlaybackCase):
    """What whoever counts is told."""

    def value(self, name):
        """What was counted."""
        return self.metrics.registry.get_sample_value(name)

    def test_late_marks(self):
        """A mark may be late by a second; one that is later says that the way to the carrier is slow."""
        self.say(2 * MARK_EVERY)
        self.clock.advance(0.3 + MARK_SLOW)
        self.playback.mark_returned("0.1")
        self.assertEqual(self.value("voiced_marks_late_total"), 0)
        self.clock.advance(0.3 + MARK_SLOW + 0.01)
        self.playback.mark_returned("0.2")
        self.assertEqual(self.value("voiced_marks_late_total"), 1)

    def test_traffic(self):
        """Every message to the carrier counts, with its bytes; what waits while we pause does not yet."""
        self.say(MARK_EVERY + FRAME)
        self.playback.pause()
        self.say(FRAME)
        traffic = self.metrics.traffic
        self.assertEqual((traffic.frames_out, traffic.bytes_out), (2, MARK_EVERY + FRAME))

    def test_silences(self):
        """Whenever something is to be heard again it is told since when nothing was; within a sentence never."""
        self.clock.advance(1)
        self.say(MARK_EVERY)
        self.say(MARK_EVERY)
        self.clock.advance(0.6)
        self.playback.mark_returned("0.2")
        self.clock.advance(2)
        self.say(FRAME)
        told = [(round(since, 3), round(now, 3)) for since, now in self.silences]
        self.assertEqual(told, [(0.0, 1.0), (1.6, 3.6)])


class HeardTests(PlaybackCase):
    def test_done_with_its_last_mark(self):
        """An utterance is heard when its last mark is back, not before."""
        done = self.say(MARK_EVERY + FRAME).done
        self.playback.mark_returned("0.1")
        self.assertNoResult(done)
        self.playback.mark_returned("0.2")
        self.assertEqual(self.successResultOf(done), Heard(0.32, 0.32))

    def test_one_after_another(self):
        """Each utterance is told apart by its own end."""
        first, second = self.say(160).done, self.say(320).done
        self.playback.mark_returned("0.1")
        self.assertEqual(self.successResultOf(first), Heard(0.02, 0.02))
        self.assertNoResult(second)
        self.playback.mark_returned("0.2")
        self.assertEqual(self.successResultOf(second), Heard(0.04, 0.04))

    def test_a_later_mark_proves_earlier_ones(self):
        """A mark that was lost on the way is made good by the next."""
        first, second = self.say(160).done, self.say(160).done
        self.playback.mark_returned("0.2")
        self.successResultOf(first)
        self.successResultOf(second)
        self.playback.mark_returned("0.1")
        self.assertEqual(self.playback.position(), 320)

    def test_nothing_said(self):
        """An utterance without audio is heard as soon as it ends."""
        self.assertEqual(self.successResultOf(self.say(0).done), Heard(0, 0))

    def test_strange_marks(self):
        """Marks of an old generation, of none, unknown or garbled say nothing."""
        done = self.say(160).done
        for name in ("", ".", "1", "0", "1.1", "-1.1", "0.0", "0.2", "0.01", "00.1", "0.1.1", "0. 1", "x.y", "0.1 "):
            self.playback.mark_returned(name)
        self.assertNoResult(done)

    def test_telling_one_may_end_another(self):
        """Two utterances that end with one mark may end each other."""
        first, second = self.say(160), self.say(160)
        first.done.addCallback(lambda _: second.done.cancel())
        self.playback.mark_returned("0.2")
        self.successResultOf(first.done)
        self.failureResultOf(second.done, CancelledError)


class PositionTests(PlaybackCase):
    def test_interpolates(self):
        """Between marks the position follows the clock."""
        self.say(2 * MARK_EVERY)
        self.clock.advance(0.1)
        self.assertEqual(self.playback.position(), 800)
        self.assertEqual(self.playback.queued, 0.5)

    def test_bounded_by_the_next_mark(self):
        """A mark that is not back was not played, whatever the clock says."""
        self.say(2 * MARK_EVERY)
        self.clock.advance(0.5)
        self.assertEqual(self.playback.position(), MARK_EVERY)

    def test_goes_on_from_a_mark(self):
        """A mark that is back early or late sets the clock right."""
        self.say(2 * MARK_EVERY)
        self.clock.advance(0.5)
        self.playback.mark_returned("0.1")
        self.clock.advance(0.1)
        self.assertEqual(self.playback.position(), MARK_EVERY + 800)

    def test_bounded_by_what_was_sent(self):
        """Audio that has no mark yet bounds the position by its end."""
        self.playback.send(b"\x01" * 320)
        self.clock.advance(10)
        self.assertEqual(self.playback.position(), 320)

    def test_starts_anew_after_a_pause(self):
        """The time in which nothing was playing does not count."""
        self.playback.send(b"\x01" * 320)
        self.clock.advance(10)
        self.playback.send(b"\x01" * 320)
        self.clock.advance(0.02)
        self.assertEqual(self.playback.position(), 480)

    def test_nothing_sent(self):
        """At first nothing was heard."""
        self.clock.advance(10)
        self.assertEqual((self.playback.position(), self.playback.queued), (0, 0))


class InterruptTests(PlaybackCase):
    def test_clear_comes_first(self):
        """`clear` is sent before the cut resumes a flow, which may speak at once."""
        self.say(160).done.addCallback(lambda _: self.say(320))
        self.playback.interrupt()
        self.assertEqual(self.stream.shape, [160, "0.1", "clear", 320, "1.1"])

    def test_heard_until_the_cut(self):
        """A cut utterance tells how much of it was heard."""
        done = self.say(MARK_EVERY).done
        self.clock.advance(0.1)
        self.playback.interrupt()
        self.assertEqual(self.successResultOf(done), Heard(0.1, 0.3, cut=True))

    def test_queued_behind_another(self):
        """Of an utterance that had not begun nothing was heard."""
        first, second = self.say(800).done, self.say(800).done
        self.clock.advance(0.05)
        self.playback.interrupt()
        self.assertEqual(self.successResultOf(first), Heard(0.05, 0.1, cut=True))
        self.assertEqual(self.successResultOf(second), Heard(0, 0.1, cut=True))

    def test_stale_marks(self):
        """The marks that `clear` gives back were not heard, and do not count for what follows."""
        self.say(MARK_EVERY)
        self.playback.interrupt()
        done = self.say(160).done
        self.playback.mark_returned("0.1")
        self.assertNoResult(done)
        self.playback.mark_returned("1.1")
        self.assertEqual(self.successResultOf(done), Heard(0.02, 0.02))

    def test_a_cut_speech_is_deaf(self):
        """What its voice still delivers is not sent."""
        speech = self.playback.speak()
        speech.feed(b"\x01" * 160)
        self.playback.interrupt()
        speech.feed(b"\x02" * 160)
        speech.end()
        self.assertEqual(self.stream.shape, [160, "clear"])

    def test_all_are_deaf_before_one_is_told(self):
        """No speech of the old generation gets into the new one, not even while the others are being told."""
        first, second = self.playback.speak(), self.playback.speak()
        first.done.addCallback(lambda _: second.feed(b"\x02" * 160))
        self.playback.interrupt()
        self.assertEqual(self.stream.shape, ["clear"])
        self.assertEqual(self.playback.sent, 0)

    def test_telling_one_may_cancel_another(self):
        """Who is told of a cut may let another speech, or another wait, go."""
        first, second = self.say(160), self.say(160)
        waiting = [self.playback.when_heard(), self.playback.when_heard()]
        first.done.addCallback(lambda _: (second.done.cancel(), waiting[1].cancel()))
        self.playback.interrupt()
        self.failureResultOf(second.done, CancelledError)
        self.successResultOf(waiting[0])
        self.failureResultOf(waiting[1], CancelledError)

    def test_twice(self):
        """Interrupting silence clears, and changes nothing else."""
        self.playback.interrupt()
        self.playback.interrupt()
        self.say(160)
        self.assertEqual(self.stream.shape, ["clear", "clear", 160, "2.1"])


class WhenHeardTests(PlaybackCase):
    def test_silence(self):
        """Where nothing was said all has been heard."""
        self.successResultOf(self.playback.when_heard())

    def test_utterances(self):
        """It waits for every utterance begun, also for one whose audio is still to come."""
        self.say(160)
        late = self.playback.speak()
        heard = self.playback.when_heard()
        self.playback.mark_returned("0.1")
        self.assertNoResult(heard)
        late.feed(b"\x01" * 160)
        late.end()
        self.assertNoResult(heard)
        self.playback.mark_returned("0.2")
        self.successResultOf(heard)

    def test_plain_audio(self):
        """Audio that belongs to no utterance gets a mark when somebody waits for it; one is enough."""
        self.playback.send(b"\x01" * 160)
        waiting = [self.playback.when_heard(), self.playback.when_heard()]
        self.assertEqual(self.stream.shape, [160, "0.1"])
        self.playback.mark_returned("0.1")
        for heard in waiting:
            self.successResultOf(heard)

    def test_what_comes_later_does_not_count(self):
        """Who goes on talking keeps nobody waiting for what was said before."""
        self.say(160)
        heard = self.playback.when_heard()
        self.say(160)
        self.playback.speak()
        self.playback.mark_returned("0.1")
        self.successResultOf(heard)

    def test_cut(self):
        """A cut ends the waiting."""
        self.say(160)
        heard = self.playback.when_heard()
        self.playback.interrupt()
        self.successResultOf(heard)

    def test_waiting_again(self):
        """Who is told of a cut may speak and wait again: for the new, not for the old."""
        self.say(160)
        again = []
        self.playback.when_heard().addCallback(lambda _: (self.say(160), again.append(self.playback.when_heard())))
        self.playback.interrupt()
        self.assertNoResult(again[0])
        self.playback.mark_returned("1.1")
        self.successResultOf(again[0])

    def test_cancelled(self):
        """Who waits no more is not told, and nobody else is disturbed."""
        self.say(160)
        gone, stays = self.playback.when_heard(), self.playback.when_heard()
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self.playback.mark_returned("0.1")
        self.successResultOf(stays)

    def test_telling_one_may_cancel_another(self):
        """The first who is told may end the waiting of the second."""
        self.say(160)
        first, second = self.playback.when_heard(), self.playback.when_heard()
        first.addCallback(lambda _: second.cancel())
        self.playback.mark_returned("0.1")
        self.successResultOf(first)
        self.failureResultOf(second, CancelledError)


class StallTests(SynchronousTestCase):
    """A mark that does not come back."""

    def setUp(self):
        self.clock, self.stalls = Clock(), []
        self.playback = Playback(self.clock, stalled=lambda: self.stalls.append(self.clock.seconds()))
        self.playback.attach(PaperStream())

    def feed(self, size):
        speech = self.playback.speak()
        speech.feed(b"\x01" * size)
        speech.end()

    def test_late(self):
        """It has stalled when a mark is ten seconds late, counted from when its audio should have ended."""
        self.feed(1600)
        self.clock.advance(0.2 + MARK_LATE - 0.01)
        self.assertEqual(self.stalls, [])
        self.clock.advance(0.02)
        self.assertEqual(len(self.stalls), 1)

    def test_in_time(self):
        """Each mark that comes back gives the next one its time; after the last nothing is waited for."""
        self.feed(4000)
        self.clock.advance(0.3)
        self.playback.mark_returned("0.1")
        self.clock.advance(MARK_LATE)
        self.playback.mark_returned("0.2")
        self.clock.advance(100)
        self.assertEqual((self.stalls, self.clock.getDelayedCalls()), ([], []))

    def test_cut(self):
        """What was cleared, or went with its stream, is not waited for."""
        self.feed(1600)
        self.playback.interrupt()
        self.feed(1600)
        self.playback.attach(None)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class CancelTests(PlaybackCase):
    def test_plays_on(self):
        """A speech that is let go sends no `clear`; what was sent gets its mark and plays on."""
        speech = self.playback.speak()
        speech.feed(b"\x01" * 200)
        speech.done.cancel()
        speech.feed(b"\x01" * 200)
        self.failureResultOf(speech.done, CancelledError)
        self.assertEqual(self.stream.shape, [160, "0.1"])

    def test_is_still_waited_for(self):
        """All is heard when its audio is, and a speech that sent none holds nobody up."""
        speech = self.playback.speak()
        speech.feed(b"\x01" * 160)
        heard = self.playback.when_heard()
        speech.done.cancel()
        self.assertNoResult(heard)
        self.playback.mark_returned("0.1")
        self.successResultOf(heard)
        silent = self.playback.speak()
        heard = self.playback.when_heard()
        silent.done.cancel()
        self.successResultOf(heard)
        self.failureResultOf(speech.done, CancelledError)
        self.failureResultOf(silent.done, CancelledError)


class AttachTests(PlaybackCase):
    def test_without_a_stream(self):
        """Without one nothing is sent or waited for, and nothing fails."""
        playback = Playback(self.clock)
        speech = playback.speak()
        speech.feed(b"\x01" * 160)
        speech.end()
        playback.send(b"\x01" * 160)
        playback.interrupt()
        playback.mark_returned("-1.1")
        self.assertEqual(self.successResultOf(speech.done), Heard(0, 0))
        self.successResultOf(playback.when_heard())

    def test_losing_it(self):
        """What was open is cut as far as it was heard, and nothing goes to the old stream."""
        done, heard = self.say(MARK_EVERY).done, self.playback.when_heard()
        self.clock.advance(0.1)
        self.playback.attach(None)
        self.assertEqual(self.successResultOf(done), Heard(0.1, 0.3, cut=True))
        self.successResultOf(heard)
        self.say(160)
        self.assertEqual(self.stream.shape, [2400, "0.1"])

    def test_a_new_one(self):
        """A new stream's queue is empty: a new generation begins on it, and old marks say nothing."""
        self.say(MARK_EVERY)
        stream = PaperStream()
        self.playback.attach(stream)
        done = self.say(160).done
        self.assertEqual(stream.shape, [160, "1.1"])
        self.playback.mark_returned("0.1")
        self.assertNoResult(done)
        self.playback.mark_returned("1.1")
        self.assertEqual(attrs.astuple(self.successResultOf(done)), (0.02, 0.02, False))


FEED = st.tuples(st.just("feed"), st.integers(0, 6000))
ADVANCE = st.tuples(st.just("advance"), st.integers(0, 150))
OTHERS = st.tuples(st.sampled_from(["end", "interrupt", "let go", "audio", "wait"]), st.just(0))


class TruthTests(SynchronousTestCase):
    # Time goes in steps of 10 ms, so marks come back up to 10 ms late, as on any real network.

    @settings(deadline=None)  # it is the fake clock that has to run a long way
    @given(st.lists(FEED | ADVANCE | OTHERS, max_size=40))
    def test_position_is_true(self, doings):
        """Whatever is fed and cut, the position is never beyond what was sent, and within 60 ms of the truth."""
        clock = Clock()
        playback = Playback(clock)
        carrier = Carrier(clock, playback)
        playback.attach(carrier)
        speech, all_done = playback.speak(), []
        for doing, amount in doings:
            before, generation = playback.position(), playback.generation
            if doing == "feed":
                speech.feed(b"\x01" * amount)
            elif doing == "advance":
                clock.pump([0.01] * amount)
            elif doing == "interrupt":
                playback.interrupt()
            elif doing == "audio":
                playback.send(b"\x01" * FRAME)
            elif doing == "wait":
                all_done.append(playback.when_heard())
            else:
                speech.end() if doing == "end" else speech.done.cancel()
            if speech.ended:
                all_done.append(speech.done.addErrback(lambda gone: gone.trap(CancelledError)))
                speech = playback.speak()
            self.assertEqual(playback.sent, carrier.sent)
            self.assertLessEqual(playback.position(), playback.sent)
            self.assertLessEqual(abs(playback.position() - carrier.played), 480)
            if playback.generation == generation:
                self.assertGreaterEqual(playback.position(), before)
        speech.end()
        clock.pump([0.05] * (int(playback.queued / 0.05) + 2))
        for done in [*all_done, speech.done]:
            self.successResultOf(done)
        self.assertEqual((playback.position(), playback.queued), (carrier.sent, 0))
