"""The fakes of voiced.testing do what tests rely on: the spelling voice can be read, and threads are none."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.call.audio import silence
from voiced.errors import SynthesisError
from voiced.ivoiced import ITTSEngine, Utterance
from voiced.testing.clock import StrictClock
from voiced.testing.fakes import CELL, FakeTools, SpellingVoice, read_speech, spell


class ReadSpeechTests(SynchronousTestCase):
    @given(st.lists(st.text(min_size=1, max_size=20).filter(lambda text: "\0" not in text), max_size=4))
    def test_reads_what_was_spelled(self, texts):
        """Whatever was said comes back, one text for each stretch of speech."""
        audio = silence(0.1).join(spell(text) for text in texts)
        self.assertEqual(read_speech(audio), texts)

    def test_a_cut_gives_a_prefix(self):
        """A cut utterance gives what was heard of it; less than half a letter is dropped."""
        audio = spell("Hello")
        self.assertEqual(read_speech(audio[: 2 * CELL + CELL // 2 - 1]), ["He"])
        self.assertEqual(read_speech(audio[: 2 * CELL + CELL // 2]), ["Hel"])
        self.assertEqual(read_speech(audio[:10]), [])

    def test_a_cut_letter(self):
        """A letter of two bytes that was cut in its middle is dropped."""
        self.assertEqual(read_speech(spell("né")[:-CELL]), ["n"])

    def test_short_silence_is_no_end(self):
        """Less than 10 ms of silence, as between two frames, does not end a stretch of speech."""
        self.assertEqual(read_speech(spell("a") + silence(0.009) + spell("b")), ["ab"])
        self.assertEqual(read_speech(silence(1) + spell("a") + silence(0.01) + spell("b")), ["a", "b"])

    def test_nothing(self):
        """Silence says nothing."""
        self.assertEqual(read_speech(b""), [])
        self.assertEqual(read_speech(silence(3)), [])


class SpellingVoiceTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.heard = []

    def speak(self, voice, text="abc"):
        return voice.synthesize(Utterance(text), self.heard.append)

    def test_is_an_engine(self):
        """It provides what it stands in for."""
        verifyObject(ITTSEngine, SpellingVoice())

    def test_at_once(self):
        """Without a clock all is delivered before `synthesize` returns."""
        voice = SpellingVoice(pause=0.5)
        self.successResultOf(self.speak(voice))
        self.assertEqual(self.heard, [spell("abc") + silence(0.5)])
        self.assertEqual((voice.spoken, voice.syntheses, voice.cancellations), (["abc"], 1, 0))

    def test_slow(self):
        """With a clock it may be late, and deliver a letter at a time."""
        voice = SpellingVoice(self.clock, pace=0.1)
        voice.first_after = 1
        done = self.speak(voice)
        self.clock.pump([0.9, 0.1, 0.1])
        self.assertEqual(read_speech(b"".join(self.heard)), ["ab"])
        self.clock.advance(0.1)
        self.successResultOf(done)

    def test_fails(self):
        """It fails with what it is told, after so many pieces."""
        voice = SpellingVoice()
        voice.fail_with = SynthesisError("no credits")
        voice.fail_after = 2
        self.assertEqual(str(self.failureResultOf(self.speak(voice), SynthesisError).value), "no credits")
        self.assertEqual(read_speech(b"".join(self.heard)), ["ab"])

    def test_cancelled(self):
        """A cancelled one stops, leaves no timer, and is counted."""
        voice = SpellingVoice(self.clock, pace=0.1)
        done = self.speak(voice)
        done.cancel()
        self.failureResultOf(done)
        self.assertEqual((voice.cancellations, self.clock.getDelayedCalls()), (1, []))

    def test_nothing_to_say(self):
        """An empty text fails, as the contract says."""
        self.failureResultOf(self.speak(SpellingVoice(), ""), SynthesisError)


class FakeToolsTests(SynchronousTestCase):
    def test_threads_are_none(self):
        """What runs in a thread runs at once, and so does what comes from one."""
        tools, said = FakeTools(Clock()), []
        self.assertEqual(self.successResultOf(tools.in_thread(divmod, 7, 2)), (3, 1))
        self.failureResultOf(tools.in_thread(divmod, 7, 0), ZeroDivisionError)
        tools.from_thread(said.append, 1)
        self.assertEqual(said, [1])

    def test_late_threads(self):
        """When asked, a thread's result comes a turn of the clock later, and can be cancelled until then."""
        clock, said = Clock(), []
        tools = FakeTools(clock, late=True)
        kept, cancelled = tools.in_thread(divmod, 7, 2), tools.in_thread(divmod, 7, 0)
        tools.from_thread(said.append, 1)
        cancelled.cancel()
        self.assertNoResult(kept)
        clock.advance(0)
        self.assertEqual((self.successResultOf(kept), said), ((3, 1), [1]))
        self.failureResultOf(cancelled)


class StrictClockTests(SynchronousTestCase):
    def test_delays(self):
        """It takes what the reactor takes: now, or later."""
        clock = StrictClock()
        for delay in (0, 1.5):
            clock.callLater(delay, list)
        self.assertRaises(AssertionError, clock.callLater, -0.001, list)
        self.assertEqual(len(clock.getDelayedCalls()), 2)
