"""Every voice keeps the contract of ITTSEngine: the vendor's, the local one, the cache, the policy, and the fake."""

from functools import partial
from importlib.util import find_spec
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, LoopingCall, deferLater
from twisted.trial.reporter import TestResult
from twisted.trial.runner import TestLoader
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from zope.interface import implementer

from tests.test_speech_elevenlabs import settings
from voiced.errors import SynthesisError
from voiced.ivoiced import ITTSEngine
from voiced.simulator.memory import MemoryNetwork, elapse
from voiced.speech import elevenlabs, local
from voiced.speech.cache import Cache
from voiced.speech.delivery import delivering
from voiced.speech.voice import Voice
from voiced.testing.contracts import TTSEngineContract
from voiced.testing.fakes import FakeTools, SpellingVoice, spell


class SpellingVendor(Resource):
    """ElevenLabs, as far as the contract goes: spells the text, a letter every 20 ms."""

    isLeaf = True

    def __init__(self, clock):
        super().__init__()
        self.clock = clock
        self.broken = False
        self.open = 0

    def render(self, request):
        text = request.content.read().partition(b'"text": "')[2].partition(b'"')[0].decode()
        if self.broken:
            request.setResponseCode(401)
            return b'{"detail": {"status": "quota_exceeded"}}'
        request.setHeader(b"content-type", b"audio/basic")
        letters = iter(text)
        writing = LoopingCall(self.write, request, letters)
        writing.clock = self.clock
        request.notifyFinish().addBoth(self.ended, writing)
        self.open += 1
        writing.start(0.02, now=False)
        return NOT_DONE_YET

    def ended(self, _, writing):
        self.open -= 1
        if writing.running:
            writing.stop()

    def write(self, request, letters):
        letter = next(letters, None)
        if letter is None:
            request.finish()
        else:
            request.write(spell(letter))


class ElevenLabsContract(TTSEngineContract, SynchronousTestCase):
    def make_engine(self):
        self.clock = Clock()
        network = MemoryNetwork(self.clock)
        self.vendor = SpellingVendor(self.clock)
        network.listen("api.elevenlabs.io", Site(self.vendor, reactor=self.clock, timeout=None))
        return elevenlabs.make(settings(), FakeTools(self.clock, http=network.http()))

    def advance(self, seconds):
        elapse(self.clock, seconds)

    def break_engine(self, engine):
        self.vendor.broken = True

    def left_open(self):
        return self.vendor.open


class LocalContract(TTSEngineContract, SynchronousTestCase):
    unspeakable = "你好"
    steps = 20

    def make_engine(self):
        if not all(map(find_spec, ("hibari", "soxr", "numpy"))):
            raise SkipTest("the extra `local` is not installed")
        self.clock = Clock()
        return local.make(local.Settings(), FakeTools(self.clock, late=True))


class SpellingContract(TTSEngineContract, SynchronousTestCase):
    def make_engine(self):
        self.clock = Clock()
        return SpellingVoice(self.clock, pace=0.02)

    def break_engine(self, engine):
        engine.fail_with, engine.fail_after = SynthesisError("no credits left"), 3


class AtOnceContract(TTSEngineContract, SynchronousTestCase):
    """An engine that has delivered everything when it returns."""

    def make_engine(self):
        self.clock = Clock()
        return SpellingVoice()

    def break_engine(self, engine):
        engine.fail_with = SynthesisError("no credits left")


class CacheContract(TTSEngineContract, SynchronousTestCase):
    def make_engine(self):
        self.clock = Clock()
        self.engine = SpellingVoice(self.clock, pace=0.02)
        tools = FakeTools(self.clock, late=True)
        return Cache(self.engine, b"", Path(self.mktemp()), tools, memory=0)

    def break_engine(self, engine):
        self.engine.fail_with, self.engine.fail_after = SynthesisError("no credits left"), 3


class VoiceContract(TTSEngineContract, SynchronousTestCase):
    def make_engine(self):
        self.clock = Clock()
        self.engine = SpellingVoice(self.clock, pace=0.02)
        return Voice(self.engine, self.clock)

    def break_engine(self, engine):
        self.engine.fail_with, self.engine.fail_after = KeyError("a bug"), 3
        self.addCleanup(self.flushLoggedErrors, KeyError)


class FallbackContract(VoiceContract):
    """A voice whose own engine is always late: its fallback keeps the contract."""

    def make_engine(self):
        late = SpellingVoice(Clock())
        late.first_after = 1
        super().make_engine()
        return Voice(late, self.clock, self.engine, first_audio=0.2)


@implementer(ITTSEngine)
class Faulty:
    """A voice with one fault; each breaks one promise of the contract."""

    def __init__(self, clock, fault):
        self.clock = clock
        self.fault = fault

    def synthesize(self, utterance, deliver):
        if self.fault == "bare coroutine":
            return Deferred.fromCoroutine(self.speak(utterance, deliver))
        return delivering(partial(self.speak, utterance), deliver)

    async def speak(self, utterance, deliver):
        if not utterance.text and self.fault != "silent":
            raise KeyError("text") if self.fault == "foreign error" else SynthesisError("nothing to say")
        for letter in utterance.text:
            await deferLater(self.clock, 0.01)
            deliver(spell(letter))
            if self.fault == "empty pieces":
                deliver(b"")
        if self.fault == "late piece":
            self.clock.callLater(0.1, deliver, b"late")


class ContractTests(SynchronousTestCase):
    """The contract itself finds what it is there to find."""

    def failing(self, fault):
        class Contract(TTSEngineContract, SynchronousTestCase):
            def make_engine(self):
                self.clock = Clock()
                return Faulty(self.clock, fault)

        result = TestResult()
        TestLoader().loadClass(Contract).run(result)
        return {test.id().rpartition(".")[2] for test, _ in (*result.failures, *result.errors)}

    def test_no_fault(self):
        """An engine without a fault passes."""
        self.assertEqual(self.failing(None), set())

    def test_faults(self):
        """Each fault fails the test that is there for it."""
        for fault, test in {
            "bare coroutine": "test_cancelled_by_its_listener",
            "empty pieces": "test_speaks",
            "late piece": "test_speaks",
            "silent": "test_no_sound",
            "foreign error": "test_no_sound",
        }.items():
            self.assertIn(test, self.failing(fault), fault)
