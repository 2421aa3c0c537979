"""Prerendering synthesizes what is not stored yet, a few at a time, and names what it could not."""

from pathlib import Path

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voiced.errors import SynthesisError
from voiced.ivoiced import Utterance
from voiced.speech.cache import Cache
from voiced.speech.prerender import Missing, Rendered, prerender
from voiced.testing.fakes import FakeTools, SpellingVoice


class PrerenderTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.engine = SpellingVoice(self.clock, pace=0.1)
        self.cache = Cache(self.engine, b"", Path(self.mktemp()), FakeTools(self.clock))
        self.progress = []

    def prerender(self, *texts, cache=None, **options):
        prompts = [("rachel", cache or self.cache, Utterance(text, keep=True)) for text in texts]
        return prerender(prompts, lambda done, total: self.progress.append((done, total)), **options)

    def test_renders_what_is_missing(self):
        """What is stored already costs nothing; a prompt that is used twice is rendered once."""
        self.cache.synthesize(Utterance("a", keep=True), lambda piece: None)
        done = self.prerender("a", "bb", "cc", "bb")
        self.clock.pump([0.1] * 5)
        self.assertEqual(self.successResultOf(done), Rendered(new=2, held=1, missing=()))
        self.assertEqual(sorted(self.engine.spoken), ["a", "bb", "cc"])
        self.assertEqual(self.progress, [(1, 3), (2, 3), (3, 3)])

    def test_a_few_at_once(self):
        """No more than `at_once` run at a time."""
        self.prerender("aa", "bb", "cc", "dd", at_once=3)
        self.assertEqual(self.engine.syntheses, 3)
        self.clock.advance(0.1)
        self.assertEqual(self.engine.syntheses, 4)

    def test_failures_are_named(self):
        """What could not be rendered is in the answer, with the reason; the rest is rendered."""
        broken = SpellingVoice()
        broken.fail_with = SynthesisError("no credits left")
        cache = Cache(broken, b"broken", Path(self.mktemp()), FakeTools(self.clock))
        done = prerender(
            [("adam", cache, Utterance("aa", keep=True)), ("rachel", self.cache, Utterance("bb", keep=True))],
            lambda done, total: self.progress.append((done, total)),
        )
        self.clock.pump([0.1] * 3)
        self.assertEqual(self.successResultOf(done), Rendered(1, 0, (Missing("adam", "aa", "no credits left"),)))
        self.assertEqual(self.progress[-1], (2, 2))

    def test_a_voice_with_a_bug(self):
        """A plugin's bug is named too, and its traceback logged."""
        self.engine.fail_with = KeyError("oops")
        missing = self.successResultOf(self.prerender("aa")).missing
        self.assertEqual([prompt.reason for prompt in missing], ["the voice has a fault (KeyError)"])
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_cancel(self):
        """Cancelling stops the syntheses and begins no other."""
        done = self.prerender("aa", "bb", "cc")
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertEqual((self.engine.syntheses, self.engine.cancellations, self.clock.getDelayedCalls()), (2, 2, []))

    def test_nothing_to_do(self):
        """No prompts, no work."""
        self.assertEqual(self.successResultOf(self.prerender()), Rendered(0, 0, ()))
