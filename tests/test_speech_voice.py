"""A Voice never leaves the caller in silence: it is on time, or another voice speaks, or it fails by name."""

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from voiced.errors import SynthesisError
from voiced.ivoiced import ITTSEngine, Utterance
from voiced.iwatch import Unwatched
from voiced.speech.voice import REST, Voice
from voiced.testing.fakes import SpellingVoice, read_speech


@implementer(ITTSEngine)
class Broken:
    """An engine that does what an engine must not."""

    def __init__(self, answer):
        self.answer = answer

    def synthesize(self, utterance, deliver):
        return self.answer(deliver)


class VoiceTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.first = SpellingVoice(self.clock, pace=0.1)
        self.second = SpellingVoice(self.clock, pace=0.1)
        self.audio = b""

    def hear(self, piece):
        self.audio += piece

    def heard(self):
        return read_speech(self.audio)

    def speak(self, voice, text="Hello"):
        return voice.synthesize(Utterance(text), self.hear)

    def assertFails(self, done, words):
        self.assertIn(words, str(self.failureResultOf(done, SynthesisError).value))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_is_an_engine(self):
        """It provides what it wraps."""
        verifyObject(ITTSEngine, Voice(self.first, self.clock))

    def test_speaks(self):
        """An engine in order speaks as if there were no Voice, and no timer is left."""
        done = self.speak(Voice(self.first, self.clock, self.second))
        self.clock.pump([0.1] * 4)
        self.successResultOf(done)
        self.assertEqual((self.heard(), self.second.syntheses, self.clock.getDelayedCalls()), (["Hello"], 0, []))

    def test_rests(self):
        """An engine that was late is left alone for a while: no other caller waits for it; then it is asked again."""
        voice = Voice(self.first, self.clock, self.second)
        self.first.first_after = 99.0
        for asked, wait in ((1, 1.5), (1, 0.0), (1, 0.0)):
            self.audio = b""
            done = self.speak(voice)
            self.clock.pump([wait] + [0.1] * 4)
            self.successResultOf(done)
            self.assertEqual((self.first.syntheses, self.heard()), (asked, ["Hello"]))
        self.first.first_after = 0.0
        self.clock.advance(REST)
        done = self.speak(voice)
        self.clock.pump([0.1] * 4)
        self.successResultOf(done)
        self.assertEqual((self.first.syntheses, self.second.syntheses), (2, 3))

    def test_speaks_what_it_holds_while_it_rests(self):
        """What it has said before does not need its vendor; a refusal of one text is no reason to rest."""
        voice = Voice(self.first, self.clock, self.second)
        self.first.holds = lambda utterance: utterance.text == "Kept"
        self.first.fail_with = SynthesisError("too long", retry=False)
        self.speak(voice)
        self.assertEqual((self.first.syntheses, self.second.syntheses), (1, 1))
        self.first.fail_with = SynthesisError("the network", retry=True)
        self.speak(voice)
        self.first.fail_with = None
        self.speak(voice)
        self.speak(voice, "Kept")
        self.assertEqual(self.first.spoken, ["Hello", "Hello", "Kept"])
        self.clock.pump([0.1] * 20)

    def test_watched(self):
        """Who watches hears by name who failed, on which call, and who has spoken what is not kept."""
        told = []

        class Watch(Unwatched):
            def voice_failed(self, kind, voice="", call=""):
                told.append((kind, voice, call))

            def voice_spoke(self, voice):
                told.append(voice)

        spare = Voice(self.second, self.clock, SpellingVoice(self.clock), name="spare")
        voice = Voice(self.first, self.clock, spare, watch=Watch(), name="anna")
        self.assertEqual(voice.names, ("anna", "spare", ""))
        self.first.fail_with = SynthesisError("no", kind="quota")
        voice.synthesize(Utterance("Hello", call="CA1"), self.hear)
        self.clock.pump([0.1] * 9)
        self.assertEqual(told, [("quota", "anna", "CA1"), "spare"])
        self.first.fail_with = None
        self.first.holds = lambda utterance: utterance.text == "Kept"
        self.speak(voice, "Kept")
        self.speak(voice)
        self.clock.pump([0.1] * 9)
        self.assertEqual(told[2:], ["anna"])

    def test_fails_alone(self):
        """Without a fallback the engine's error is the voice's."""
        self.first.fail_with = SynthesisError("no credits left", retry=True)
        self.assertFails(self.speak(Voice(self.first, self.clock)), "no credits left")

    def test_late(self):
        """The first byte has 1.5 s; then the engine is cancelled and the voice fails, and may be asked again."""
        self.first.first_after = 2
        done = self.speak(Voice(self.first, self.clock))
        self.clock.advance(1.49)
        self.assertNoResult(done)
        self.clock.advance(0.01)
        self.assertTrue(self.failureResultOf(done, SynthesisError).value.retry)
        self.assertEqual((self.first.cancellations, self.clock.getDelayedCalls()), (1, []))

    def test_late_falls_back(self):
        """A late engine is cancelled, and the fallback speaks the whole text."""
        self.first.first_after = 2
        done = self.speak(Voice(self.first, self.clock, self.second))
        self.clock.pump([1.5] + [0.1] * 4)
        self.successResultOf(done)
        self.assertEqual((self.heard(), self.first.cancellations), (["Hello"], 1))

    def test_fails_in_the_middle(self):
        """An engine that breaks in the middle is followed, after a breath, by the whole text in the other voice."""
        self.first.fail_with, self.first.fail_after = SynthesisError("lost"), 2
        done = self.speak(Voice(self.first, self.clock, self.second))
        self.clock.pump([0.1] * 6)
        self.successResultOf(done)
        self.assertEqual(self.heard(), ["He", "Hello"])

    def test_stalls_in_the_middle(self):
        """An engine that stops for 5 s in the middle is given up."""
        self.first.pace = 6
        done = self.speak(Voice(self.first, self.clock))
        self.clock.advance(5)
        self.assertFails(done, "stopped in the middle: no audio for 5 s")

    def test_fallback_late_too(self):
        """The fallback has its own 1.5 s, and the error names both."""
        self.first.fail_with = SynthesisError("no credits left")
        self.second.first_after = 2
        done = self.speak(Voice(self.first, self.clock, self.second))
        self.clock.advance(1.5)
        self.assertFails(done, "no credits left; and its fallback: the voice gave no audio within 1.5 s")

    def test_fallback_of_a_fallback(self):
        """A fallback that has a fallback is given its own 1.5 s, and then its fallback speaks."""
        self.first.first_after = self.second.first_after = 2
        second = Voice(self.second, self.clock, SpellingVoice())
        done = self.speak(Voice(self.first, self.clock, second))
        self.clock.pump([1.5, 1.5])
        self.successResultOf(done)
        self.assertEqual(self.heard(), ["Hello"])

    def test_cancel(self):
        """Cancelling stops whichever voice speaks, and nothing is heard afterwards."""
        for broken in (None, SynthesisError("broken")):
            self.first.fail_with, self.audio = broken, b""
            done = self.speak(Voice(self.first, self.clock, self.second))
            self.clock.advance(0.1)
            done.cancel()
            self.failureResultOf(done, CancelledError)
            self.clock.advance(10)
            self.assertEqual((self.heard(), self.clock.getDelayedCalls()), (["He"], []))
        self.assertEqual((self.first.cancellations, self.second.cancellations), (1, 1))

    def test_cancelled_by_what_it_says(self):
        """Who cancels because of the first piece hears no second one, and no other voice."""
        self.first.first_after, self.first.fail_with = 1, SynthesisError("broken")
        eager = Broken(lambda deliver: deliver(b"a") or deliver(b"b") or Deferred())
        pieces = []
        done = Voice(self.first, self.clock, eager).synthesize(
            Utterance("Hello"), lambda piece: pieces.append(piece) or done.cancel()
        )
        self.clock.advance(1)
        self.failureResultOf(done, CancelledError)
        self.assertEqual((pieces, self.clock.getDelayedCalls()), ([b"a"], []))

    def test_cancelled_by_the_breath(self):
        """Who cancels between the broken voice and its fallback does not start the fallback."""
        self.first.fail_with, self.first.fail_after = SynthesisError("lost"), 1
        pieces = []
        done = Voice(self.first, self.clock, self.second).synthesize(
            Utterance("Hello"), lambda piece: pieces.append(piece) or (len(pieces) == 2 and done.cancel())
        )
        self.clock.advance(0.1)
        self.failureResultOf(done, CancelledError)
        self.assertEqual((self.second.syntheses, self.clock.getDelayedCalls()), (0, []))

    def test_a_bug(self):
        """An engine that raises, or fails with what it must not, is logged and becomes a SynthesisError."""

        def raises(deliver):
            raise KeyError("oops")

        for bug in (raises, lambda deliver: fail(KeyError("oops")), lambda deliver: fail(CancelledError())):
            done = self.speak(Voice(Broken(bug), self.clock))
            self.assertFails(done, "the voice has a fault")
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 2)
        self.assertEqual(len(self.flushLoggedErrors(CancelledError)), 1)

    def test_no_sound(self):
        """An engine that says it is done without a sound has failed."""
        for answer in (lambda deliver: succeed(None), lambda deliver: deliver(b"")):
            self.assertFails(self.speak(Voice(Broken(answer), self.clock)), "no sound")

    def test_does_not_obey(self):
        """An engine that goes on when it is cancelled is not waited for, nor heard."""
        deliver, running = [], Deferred(lambda _: running.callback(None))
        done = self.speak(Voice(Broken(lambda d: deliver.append(d) or running), self.clock))
        self.clock.advance(2)
        self.assertFails(done, "no audio within")
        deliver[0](b"late")
        self.assertEqual(self.audio, b"")
