"""Speaking brings a voice and a line together, and ends both in every order."""

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.test_playback import PaperStream
from voiced.call.playback import Playback
from voiced.call.speaking import Speaking
from voiced.errors import SynthesisError
from voiced.ivoiced import Heard

BROKEN = SynthesisError("the voice is gone")


class Voice:
    """A voice in the test's hands: `deliver` and `done` are what `synthesize` was given and gave."""

    def __init__(self):
        self.cancelled = 0
        self.done = Deferred(self.cancel)

    def cancel(self, _):
        self.cancelled += 1

    def __call__(self, deliver):
        self.deliver = deliver
        return self.done


class SpeakingTests(SynchronousTestCase):
    def setUp(self):
        self.stream = PaperStream()
        self.playback = Playback(Clock())
        self.playback.attach(self.stream)
        self.voice = Voice()
        self.speaking = Speaking(self.playback.speak(), True)

    def start(self):
        return self.speaking.start(self.voice)

    def test_heard(self):
        """The step goes on when the last mark is back."""
        result = self.start()
        self.voice.deliver(b"\x01" * 160)
        self.assertTrue(self.speaking.active)
        self.voice.done.callback(None)
        self.assertFalse(self.speaking.active)
        self.assertNoResult(result)
        self.playback.mark_returned("0.1")
        self.assertEqual(self.successResultOf(result), Heard(0.02, 0.02))

    def test_at_once(self):
        """A voice may deliver everything before it returns."""
        result = self.speaking.start(lambda deliver: succeed(deliver(b"\x01" * 160)))
        self.assertEqual(self.stream.shape, [160, "0.1"])
        self.playback.mark_returned("0.1")
        self.successResultOf(result)

    def test_cut(self):
        """A cut stops the voice before the step goes on."""
        result = self.start().addCallback(lambda heard: (heard, self.voice.cancelled))
        self.voice.deliver(b"\x01" * 160)
        self.playback.interrupt()
        self.assertEqual(self.successResultOf(result), (Heard(0, 0.02, cut=True), 1))

    def test_cut_after_the_voice(self):
        """A cut after the voice has delivered everything has no voice to stop."""
        result = self.start()
        self.voice.deliver(b"\x01" * 160)
        self.voice.done.callback(None)
        self.playback.interrupt()
        self.assertEqual((self.successResultOf(result).cut, self.voice.cancelled), (True, 0))

    def test_cancelled(self):
        """A hang-up stops the voice; what was sent plays on, and nothing more is sent."""
        result = self.start()
        self.voice.deliver(b"\x01" * 160)
        result.cancel()
        self.voice.deliver(b"\x01" * 160)
        self.failureResultOf(result, CancelledError)
        self.assertEqual((self.voice.cancelled, self.stream.shape), (1, [160, "0.1"]))
        self.assertFalse(self.speaking.active)

    def test_awaited(self):
        """A step waits until it is heard, or until it hangs up."""
        result = self.start()
        self.assertTrue(self.speaking.awaited)
        result.cancel()
        self.failureResultOf(result, CancelledError)
        self.assertFalse(self.speaking.awaited)

    def test_outlives(self):
        """Last words are spoken to their end, even when nobody waits for them."""
        result = self.start()
        self.speaking.outlive()
        result.cancel()
        self.failureResultOf(result, CancelledError)
        self.voice.deliver(b"\x01" * 160)
        self.voice.done.callback(None)
        self.playback.mark_returned("0.1")
        self.assertEqual((self.voice.cancelled, self.stream.shape), (0, [160, "0.1"]))
        self.successResultOf(self.playback.when_heard())

    def test_last_words_may_be_cut(self):
        """What outlives its step still ends with its stream."""
        result = self.start()
        self.speaking.outlive()
        result.cancel()
        self.playback.attach(None)
        self.failureResultOf(result, CancelledError)
        self.assertEqual(self.voice.cancelled, 1)

    def test_last_words_may_fail(self):
        """A voice that breaks in its last words holds nobody up."""
        result = self.start()
        self.speaking.outlive()
        result.cancel()
        self.failureResultOf(result, CancelledError)
        heard = self.playback.when_heard()
        self.voice.done.errback(SynthesisError("no voice"))
        self.successResultOf(heard)

    def test_failed(self):
        """A voice that breaks in the middle fails the step; what was sent plays on."""
        result = self.start()
        self.voice.deliver(b"\x01" * 160)
        self.voice.done.errback(SynthesisError("no voice"))
        self.assertEqual(str(self.failureResultOf(result, SynthesisError).value), "no voice")
        self.assertEqual(self.stream.shape, [160, "0.1"])
        self.assertFalse(self.speaking.active)

    def test_fails_at_once(self):
        """A voice may refuse, or raise, before it has begun."""
        self.failureResultOf(self.speaking.start(lambda _: fail(SynthesisError("no"))), SynthesisError)
        self.failureResultOf(Speaking(self.playback.speak(), True).start(lambda _: 1 / 0), ZeroDivisionError)
        self.successResultOf(self.playback.when_heard())

    def test_gives_up(self):
        """A voice that is cancelled by somebody else has failed: to the flow it must not look like a hang-up."""
        result = self.start()
        self.voice.done.errback(CancelledError())
        self.failureResultOf(result, SynthesisError)

    def test_interruptible(self):
        """Whether a key may cut it is what it was made with."""
        self.assertTrue(self.speaking.interruptible)
        self.assertFalse(Speaking(self.playback.speak(), False).interruptible)


class ToldTests(SynchronousTestCase):
    """Whoever wants to know how much was heard is told once, however it ends."""

    def setUp(self):
        self.playback, self.voice, self.told = Playback(Clock()), Voice(), []
        self.playback.attach(PaperStream())
        self.speaking = Speaking(self.playback.speak(), True, self.told.append)

    def tearDown(self):
        """Nobody is told twice."""
        self.assertLessEqual(len(self.told), 1)

    def test_told(self):
        """All of it, with its last mark, also when the step does not wait any more."""
        result = self.speaking.start(self.voice)
        self.speaking.outlive()
        self.voice.deliver(b"\x01" * 160)
        result.cancel()
        self.failureResultOf(result, CancelledError)
        self.voice.done.callback(None)
        self.assertEqual(self.told, [])
        self.playback.mark_returned("0.1")
        self.assertEqual(self.told, [Heard(0.02, 0.02)])

    def test_told_when_it_is_cut(self):
        """As much as was heard when it was cut, when the step was stopped, or when the voice had failed."""
        ends = {
            "cut": lambda: self.playback.interrupt(),
            "stopped": lambda: self.result.cancel(),
            "failed": lambda: self.voice.done.errback(BROKEN),
        }
        for how, end in ends.items():
            self.setUp()
            self.result = self.speaking.start(self.voice).addErrback(lambda failure: None)
            self.voice.deliver(b"\x01" * 160)
            end()
            self.assertEqual([(heard.of, heard.cut) for heard in self.told], [(0.02, True)], how)
