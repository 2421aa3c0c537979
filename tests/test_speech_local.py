"""The local voice: a sentence at a time, the same bytes each time, trimmed and levelled for the telephone."""

import sys
from importlib.util import find_spec
from unittest.mock import patch

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from voiced.call.audio import SILENCE, seconds, silence, to_linear
from voiced.errors import SynthesisError, VoicedError
from voiced.ivoiced import Utterance
from voiced.speech.local import LocalVoice, Settings, make
from voiced.testing.fakes import FakeTools, read_speech, spell


class Model:
    """A model whose sentences are words, spelled."""

    def __init__(self):
        self.rendered = []

    def sentences(self, text):
        return text.split()

    def render(self, sentence, speed):
        self.rendered.append((sentence, speed))
        if sentence == "broken":
            raise RuntimeError("the model is damaged")
        return b"" if sentence == "-" else spell(sentence)


class LocalVoiceTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.model = Model()
        self.tools = FakeTools(self.clock)
        self.heard = []

    def speak(self, text, tools=None):
        voice = LocalVoice(Settings(speed=1.5), tools or self.tools, self.model)
        return voice.synthesize(Utterance(text), self.heard.append)

    def test_sentence_by_sentence(self):
        """Each sentence is a piece, in order; a pause stands before all but the first."""
        self.successResultOf(self.speak("one two"))
        self.assertEqual(self.heard, [spell("one"), silence(0.12) + spell("two")])
        self.assertEqual(self.model.rendered, [("one", 1.5), ("two", 1.5)])

    def test_as_soon_as_it_is_there(self):
        """The first sentence is delivered before the second one is synthesized; a cancel skips the rest."""
        turns = []

        def in_thread(f, *args):
            turns.append(Deferred().addCallback(lambda _: f(*args)))
            return turns[-1]

        tools = FakeTools(self.clock)
        object.__setattr__(tools, "in_thread", in_thread)
        done = self.speak("one two three", tools)
        turns[0].callback(None)
        self.assertEqual(read_speech(b"".join(self.heard)), ["one"])
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertEqual((len(turns), len(self.model.rendered)), (2, 1))

    def test_silent_sentences(self):
        """A sentence without sound is passed over; a text of such sentences is an error."""
        self.successResultOf(self.speak("- one"))
        self.assertEqual(self.heard, [spell("one")])
        self.assertIn("English only", str(self.failureResultOf(self.speak("- -"), SynthesisError).value))

    def test_broken_model(self):
        """What a model raises is a SynthesisError, with its traceback in the log."""
        self.assertIn("RuntimeError", str(self.failureResultOf(self.speak("one broken"), SynthesisError).value))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_extra_missing(self):
        """Without the extra, making the voice says how to install it."""
        with patch.dict(sys.modules, {"hibari": None}):
            sys.modules.pop("voiced.speech.local_model", None)
            error = self.assertRaises(VoicedError, make, Settings(), self.tools)
        self.assertIn("(hibari): pip install 'voiced[local]'", str(error))

    def test_settings(self):
        """Only the voice in the package is accepted, at a pace that can be understood."""
        for wrong in ({"voice": "emma"}, {"speed": 3}, {"speed": 0.4}, {"pitch": 1}):
            self.assertRaises(msgspec.ValidationError, msgspec.convert, wrong, Settings)


class RealModelTests(SynchronousTestCase):
    def setUp(self):
        if not all(map(find_spec, ("hibari", "soxr", "numpy"))):
            raise SkipTest("the extra `local` is not installed")
        self.voice = make(Settings(), FakeTools(Clock()))

    def speak(self, text):
        heard = []
        self.successResultOf(self.voice.synthesize(Utterance(text), heard.append))
        return heard

    def samples(self, audio):
        return [abs(sample) / 32768 for sample in memoryview(to_linear(audio)).cast("h")]

    def test_reproducible(self):
        """The same text gives the same bytes, so that stored speech can be rendered again."""
        self.assertEqual(self.speak("Hello there. Goodbye."), self.speak("Hello there. Goodbye."))

    def test_trimmed_and_levelled(self):
        """No silence stands around a sentence, and nothing is louder than 0.8 nor too soft to hear."""
        for text in ("Yes.", "Good morning, and welcome to Acme.", "Sorry, I did not understand that."):
            samples = self.samples(self.speak(text)[0])
            self.assertLess(next(at for at, sample in enumerate(samples) if sample > 0.02), 0.12 * 8000)
            self.assertLess(next(at for at, sample in enumerate(reversed(samples)) if sample > 0.02), 0.15 * 8000)
            self.assertTrue(0.3 < max(samples) < 0.82)

    def test_pause_between_sentences(self):
        """Two sentences are two pieces, with a natural pause between them."""
        first, second = self.speak("Thank you for calling. Goodbye.")
        self.assertTrue(second.startswith(SILENCE * 960))
        self.assertTrue(1 < seconds(first) + seconds(second) < 3)

    def test_tags_are_not_read(self):
        """SSML is left out, not read aloud."""
        self.assertEqual(self.speak('<speak>Hello <break time="1s"/> there.</speak>'), self.speak("Hello   there."))

    def test_numbers_are_spelled(self):
        """A telephone number is read digit by digit."""
        self.assertEqual(self.speak("Call 555-0100."), self.speak("Call five five five, zero one zero zero."))

    def test_endless_sentence(self):
        """A sentence without an end comes in pieces, so that no caller waits for all of it."""
        self.assertGreater(len(self.speak("word " * 300)), 3)

    def test_nothing_to_say(self):
        """What the model cannot pronounce is an error."""
        for text in ("", "  \n", "!!!", "你好", "<break/>"):
            done = self.voice.synthesize(Utterance(text), lambda piece: None)
            self.failureResultOf(done, SynthesisError)
