"""The cache says a prompt from memory or disk, lets many calls share one synthesis, and never harms a call."""

import shutil
from pathlib import Path

import attrs
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.errors import SynthesisError
from voiced.ivoiced import ITTSEngine, Utterance
from voiced.speech.cache import Cache
from voiced.testing.fakes import FakeTools, SpellingVoice, read_speech, spell

PROMPT = Utterance("Hello", keep=True)


class Listener(list):
    """Somebody who listens: the pieces heard."""

    @property
    def text(self):
        return "".join(read_speech(b"".join(self)))


class CacheCase(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.engine = SpellingVoice(self.clock, pace=0.1)
        self.directory = Path(self.mktemp()) / "speech"
        self.tools = FakeTools(self.clock)

    def cache(self, engine=None, identity=b"rachel", **options):
        return Cache(engine or self.engine, identity, self.directory, self.tools, **options)

    def speak(self, cache, utterance=PROMPT):
        """(what is heard, the synthesis)."""
        heard = Listener()
        return heard, cache.synthesize(utterance, heard.append)

    def hear_out(self, cache, utterance=PROMPT):
        heard, done = self.speak(cache, utterance)
        self.clock.pump([0.1] * 40)
        self.successResultOf(done)
        return heard.text

    def files(self):
        return list(self.directory.glob("*"))


class KeepingTests(CacheCase):
    def test_is_an_engine(self):
        """It provides what it wraps."""
        verifyObject(ITTSEngine, self.cache())

    def test_from_memory(self):
        """What was said once is said again at once and whole, without a synthesis."""
        cache = self.cache()
        self.hear_out(cache)
        heard, done = self.speak(cache)
        self.successResultOf(done)
        self.assertEqual(heard, [spell("Hello")])
        self.assertEqual((self.engine.syntheses, cache.hits, cache.misses), (1, 1, 1))

    def test_from_disk(self):
        """Another process, or a later one, finds it on disk."""
        self.hear_out(self.cache())
        cache = self.cache()
        self.assertTrue(cache.holds(PROMPT))
        self.assertEqual(self.hear_out(cache), "Hello")
        self.assertEqual((self.engine.syntheses, cache.hits, cache.misses), (1, 1, 0))

    def test_streams_while_it_is_new(self):
        """The first time it is heard as it is synthesized, not when all of it is there."""
        heard, _ = self.speak(self.cache())
        self.assertEqual(heard.text, "H")

    def test_another_voice(self):
        """Another voice's audio is another file: the identity is part of the key."""
        self.hear_out(self.cache(identity=b"rachel"))
        self.hear_out(self.cache(identity=b"adam"))
        self.assertEqual((self.engine.syntheses, len(self.files())), (2, 2))

    def test_identity_and_text_do_not_run_together(self):
        """Identity "a" with text "bc" is not identity "ab" with text "c"."""
        self.hear_out(self.cache(identity=b"a"), Utterance("bc", keep=True))
        self.assertFalse(self.cache(identity=b"ab").holds(Utterance("c", keep=True)))

    def test_callers_facts_are_not_kept(self):
        """What holds a caller's facts never touches the disk, nor memory."""
        cache, private = self.cache(), Utterance("Hello Ann")
        self.assertEqual([self.hear_out(cache, private) for _ in range(2)], ["Hello Ann"] * 2)
        self.assertEqual((self.engine.syntheses, self.files(), cache.misses), (2, [], 0))
        self.assertFalse(cache.holds(private))

    def test_holds(self):
        """It holds what was said, and nothing else."""
        cache = self.cache()
        self.assertFalse(cache.holds(PROMPT))
        self.hear_out(cache)
        self.assertTrue(cache.holds(PROMPT))
        self.assertFalse(cache.holds(Utterance("Bye", keep=True)))
        self.assertFalse(cache.holds(Utterance("Hello")))

    def test_bounded(self):
        """Memory and disk are bounded: what was used longest ago goes."""
        cache = self.cache(max_bytes=3 * len(spell("aa")), memory=0)
        for text in ("aa", "bb", "cc", "dd"):
            self.hear_out(cache, Utterance(text, keep=True))
        self.assertEqual(len(self.files()), 2)

    def test_stored(self):
        """`stored` fires when everything is on disk, for a daemon or a tool that wants to end."""
        writing = Deferred()

        def slow(f, *args):
            return writing if len(args) == 2 else self.tools.in_thread(f, *args)

        cache = Cache(SpellingVoice(), b"", self.directory, attrs.evolve(self.tools, in_thread=slow))
        self.successResultOf(self.speak(cache)[1])
        stored = cache.stored()
        self.assertNoResult(stored)
        writing.callback(None)
        self.successResultOf(stored)


class SharingTests(CacheCase):
    def test_one_synthesis_for_all(self):
        """Who joins late gets what was said so far at once, and then each piece; it costs one synthesis."""
        cache = self.cache()
        first, first_done = self.speak(cache)
        self.clock.pump([0.1, 0.1])
        second, second_done = self.speak(cache)
        self.assertEqual((first.text, second.text, len(second)), ("Hel", "Hel", 1))
        self.clock.pump([0.1] * 5)
        self.successResultOf(first_done)
        self.successResultOf(second_done)
        self.assertEqual((first.text, second.text, self.engine.syntheses), ("Hello", "Hello", 1))

    def test_one_leaves(self):
        """One's cancel is not the other's, whichever it is."""
        for leaver in (0, 1):
            cache = self.cache(identity=b"%d" % leaver)
            listeners = [self.speak(cache), self.speak(cache)]
            heard, done = listeners.pop(leaver)
            done.cancel()
            self.failureResultOf(done, CancelledError)
            self.clock.pump([0.1] * 5)
            self.assertEqual((heard.text, listeners[0][0].text), ("H", "Hello"))
            self.successResultOf(listeners[0][1])

    def test_the_last_one_leaves(self):
        """When nobody listens any more the engine is stopped, and nothing is stored."""
        cache = self.cache()
        listeners = [self.speak(cache), self.speak(cache)]
        for _, done in listeners:
            done.cancel()
            self.failureResultOf(done, CancelledError)
        self.assertEqual((self.engine.cancellations, self.files()), (1, []))
        self.assertFalse(cache.holds(PROMPT))

    def test_asked_again_after_all_left(self):
        """Who asks after the last one left gets a synthesis of his own, from its beginning."""
        cache = self.cache()
        self.speak(cache)[1].addErrback(lambda _: None).cancel()
        self.assertEqual(self.hear_out(cache), "Hello")

    def test_failure_is_everybodys(self):
        """A failed synthesis fails for all who listen, and is not stored; the next one tries again."""
        cache = self.cache()
        listeners = [self.speak(cache), self.speak(cache)]
        self.engine.fail_with = SynthesisError("no credits left")
        self.clock.advance(0.1)
        for _, done in listeners:
            self.failureResultOf(done, SynthesisError)
        self.engine.fail_with = None
        self.assertEqual(self.files(), [])
        self.assertEqual(self.hear_out(cache), "Hello")

    def test_a_listener_raises(self):
        """A call that breaks at a piece of audio breaks no other."""
        cache = self.cache()
        cache.synthesize(PROMPT, lambda piece: 1 / 0)
        self.assertEqual(self.hear_out(cache), "Hello")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 5)

    def test_a_listener_cancels_at_what_it_hears(self):
        """A call that ends because of a piece hears nothing more, and the engine stops."""
        heard = []
        self.engine.first_after = 1
        done = self.cache().synthesize(PROMPT, lambda piece: heard.append(piece) or done.cancel())
        self.clock.pump([1, 1])
        self.failureResultOf(done, CancelledError)
        self.assertEqual((len(heard), self.files()), (1, []))

    def test_a_listener_cancels_at_what_was_stored(self):
        """The same, when the whole of it comes from disk: it is an ordinary cancel."""
        self.hear_out(self.cache())
        self.tools, heard = FakeTools(self.clock, late=True), []
        done = self.cache().synthesize(PROMPT, lambda piece: heard.append(piece) or done.cancel())
        self.clock.advance(0)
        self.failureResultOf(done, CancelledError)
        self.assertEqual((len(heard), self.engine.syntheses), (1, 1))

    def test_no_sound(self):
        """An engine that says it is done without a sound has failed, and nothing is stored."""
        silent = SpellingVoice()
        silent.synthesize = lambda utterance, deliver: self.tools.in_thread(lambda: None)
        _, done = self.speak(self.cache(silent))
        self.failureResultOf(done, SynthesisError)
        self.assertEqual(self.files(), [])


class TroubleTests(CacheCase):
    def setUp(self):
        super().setUp()
        self.logged = []
        globalLogPublisher.addObserver(self.logged.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.logged.append)

    def warnings(self):
        return sum("stored speech" in event["log_format"] for event in self.logged if event.get("log_format"))

    def test_damaged_file(self):
        """A damaged or empty file is synthesized again and replaced, and logged."""
        self.hear_out(self.cache())
        for content in (b"", b"garbage" * 100):
            self.files()[0].write_bytes(content)
            self.assertEqual(self.hear_out(self.cache()), "Hello")
        self.assertEqual((self.engine.syntheses, len(self.files()), self.warnings()), (3, 1, 2))

    def test_vanished_file(self):
        """A file that another process has removed is synthesized again, without a word."""
        self.hear_out(self.cache())
        cache = self.cache()
        shutil.rmtree(self.directory)
        self.assertEqual(self.hear_out(cache), "Hello")
        self.assertEqual(self.warnings(), 0)

    def test_directory_cannot_be_used(self):
        """Where nothing can be stored every call is spoken to, and the log says so once for each kind of trouble."""
        self.directory.parent.mkdir(parents=True)
        self.directory.write_bytes(b"a file where the directory should be")
        cache = self.cache(memory=0)
        self.assertEqual([self.hear_out(cache) for _ in range(3)], ["Hello"] * 3)
        self.assertEqual(self.warnings(), 2)

    def test_full_disk(self):
        """A full disk harms nobody, and memory still serves."""

        def full(f, *args):
            if len(args) == 2:
                return fail(OSError(28, "No space left on device"))
            return self.tools.in_thread(f, *args)

        cache = Cache(self.engine, b"", self.directory, attrs.evolve(self.tools, in_thread=full))
        self.assertEqual([self.hear_out(cache) for _ in range(2)], ["Hello"] * 2)
        self.assertEqual((self.engine.syntheses, self.warnings()), (1, 1))

    def test_cancelled_while_it_reads(self):
        """A call that ends while the disk is asked starts no synthesis."""
        self.tools = FakeTools(self.clock, late=True)
        _, done = self.speak(self.cache())
        done.cancel()
        self.clock.advance(1)
        self.failureResultOf(done, CancelledError)
        self.assertEqual(self.engine.syntheses, 0)
