"""Published: what voiced's interfaces promise, as tests that any implementation can run.

A third party's voice is held to the contract in ten lines::

    from twisted.internet.task import Clock
    from twisted.trial.unittest import SynchronousTestCase
    from voiced.testing.contracts import TTSEngineContract
    from voiced.testing.fakes import FakeTools
    from acme_voices.engine import Settings, make

    class AcmeContract(TTSEngineContract, SynchronousTestCase):
        def make_engine(self):
            self.clock = Clock()
            return make(Settings(), FakeTools(self.clock, http=acme_in_memory(self.clock)))
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest
from zope.interface.verify import verifyObject

from voiced.errors import SynthesisError
from voiced.ivoiced import ITTSEngine, Utterance


class TTSEngineContract:
    """What ITTSEngine promises; a mixin for `twisted.trial.unittest.SynchronousTestCase`.

    Override `make_engine`, with a double of the vendor that gives the same audio for the same text. Where more than
    `self.clock` moves the engine, override `advance` too; where its double can fail, `break_engine`; where it can say
    how many requests it still works on, `left_open`. An engine that has delivered everything when `synthesize`
    returns passes as well: there is nothing to cancel then.
    """

    clock: Clock
    text = "Good morning. This is a sentence. Here is another one, somewhat longer than the first."
    """What it is asked to say; long enough to come in several pieces, if it ever does."""
    other_text = "Goodbye, then. It was a pleasure."
    """Another text, whose audio differs."""
    unspeakable = ""
    """A text that gives no sound."""
    step, steps = 0.05, 400
    """How the clock is advanced, in seconds, until the engine has ended."""

    # For mypy: what comes from SynchronousTestCase.
    assertEqual: Any
    assertTrue: Any
    assertNotEqual: Any
    successResultOf: Any
    failureResultOf: Any

    def make_engine(self) -> ITTSEngine:
        """A new engine that works, at rest; and set `self.clock`."""
        raise NotImplementedError

    def advance(self, seconds: float) -> None:
        """Let so much time pass, and let happen what happens in it."""
        self.clock.advance(seconds)

    def break_engine(self, engine: ITTSEngine) -> None:
        """Let its next synthesis fail as its vendor would."""
        raise SkipTest("break_engine is not overridden")

    def left_open(self) -> int:
        """How many requests its vendor still works on."""
        return 0

    # The promises

    def test_provides_the_interface(self) -> None:
        """It is an ITTSEngine, as zope.interface verifies."""
        verifyObject(ITTSEngine, self.make_engine())

    def test_speaks(self) -> None:
        """It delivers audio in pieces of bytes, none of them empty, and fires after the last."""
        hearing = _Hearing(self.make_engine(), self.text)
        self._hear_out(hearing)
        self.assertEqual(self.successResultOf(hearing.done), None)
        self.assertTrue(hearing.pieces)
        self.assertTrue(all(isinstance(piece, bytes) and piece for piece in hearing.pieces))
        self._assert_silent_from_now_on(hearing)

    def test_order(self) -> None:
        """The same text gives the same audio however often it is asked: pieces come in order."""
        engine = self.make_engine()
        self.assertEqual(self._audio_of(engine, self.text), self._audio_of(engine, self.text))

    def test_several_at_once(self) -> None:
        """Syntheses that run at once do not mix: each hears what it would hear alone."""
        engine = self.make_engine()
        alone = [self._audio_of(engine, text) for text in (self.text, self.other_text)]
        self.assertNotEqual(alone[0], alone[1])
        engine = self.make_engine()
        together = [_Hearing(engine, text) for text in (self.text, self.other_text, self.text)]
        self._hear_out(*together)
        self.assertEqual([hearing.audio for hearing in together], [*alone, alone[0]])

    def test_cancelled_at_once(self) -> None:
        """Cancelled before its first piece, it fails with CancelledError and delivers nothing."""
        self._assert_cancels(_Hearing(self.make_engine(), self.text))

    def test_cancelled_between_pieces(self) -> None:
        """Cancelled after any of its first pieces, it fails with CancelledError and delivers nothing more."""
        for wanted in range(1, 4):
            hearing = _Hearing(self.make_engine(), self.text)
            for _ in range(self.steps):
                if len(hearing.pieces) >= wanted or hearing.done.called:
                    break
                self.advance(self.step)
            self._assert_cancels(hearing)

    def test_cancelled_by_its_listener(self) -> None:
        """Cancelled from inside `deliver`, it delivers nothing more, and fails with CancelledError only."""
        hearing = _Hearing(self.make_engine(), self.text, cancels=True)
        self._hear_out(hearing)
        if hearing.cancelled_at:
            self.assertEqual(len(hearing.pieces), hearing.cancelled_at)
            self.failureResultOf(hearing.done, CancelledError)
        self._assert_silent_from_now_on(hearing)

    def test_cancelled_after_the_end(self) -> None:
        """Cancelled after its end, it changes nothing."""
        hearing = _Hearing(self.make_engine(), self.text)
        self._hear_out(hearing)
        hearing.done.cancel()
        self.assertEqual(self.successResultOf(hearing.done), None)
        self._assert_silent_from_now_on(hearing)

    def test_one_cancelled_of_two(self) -> None:
        """Cancelling one of two that say the same does not harm the other."""
        engine = self.make_engine()
        expected = self._audio_of(engine, self.text)
        engine = self.make_engine()
        first, second = _Hearing(engine, self.text), _Hearing(engine, self.text)
        first.done.addErrback(lambda failure: failure.trap(CancelledError) and None)
        first.done.cancel()
        self._hear_out(second)
        self.assertEqual(second.audio, expected)

    def test_speaks_after_a_cancel(self) -> None:
        """A cancelled synthesis leaves nothing behind: the next one is whole."""
        engine = self.make_engine()
        expected = self._audio_of(engine, self.text)
        hearing = _Hearing(engine, self.text)
        hearing.done.addErrback(lambda failure: failure.trap(CancelledError) and None)
        hearing.done.cancel()
        self.assertEqual(self._audio_of(engine, self.text), expected)

    def test_no_sound(self) -> None:
        """A text that gives no sound is a SynthesisError with a sentence, not a silence."""
        hearing = _Hearing(self.make_engine(), self.unspeakable)
        self._hear_out(hearing)
        self.assertTrue(str(self.failureResultOf(hearing.done, SynthesisError).value))
        self.assertEqual(hearing.pieces, [])

    def test_odd_texts(self) -> None:
        """Whatever the text, it is spoken, or a SynthesisError: a template's facts may hold anything."""
        for text in ("?!", "\N{SLIGHTLY SMILING FACE}", "<b>&amp;</b>", '"\\\r\n', "\0", "Ünïcödé", " 7 "):
            hearing = _Hearing(self.make_engine(), text)
            self._hear_out(hearing)
            hearing.done.addCallbacks(
                lambda _, heard=hearing: bool(heard.pieces), lambda why: why.trap(SynthesisError)
            )
            self.assertTrue(self.successResultOf(hearing.done), f"{text!r} is a silence, and no SynthesisError")

    def test_trouble(self) -> None:
        """Whatever its vendor does, it fails with SynthesisError only, and delivers nothing afterwards."""
        engine = self.make_engine()
        self.break_engine(engine)
        hearing = _Hearing(engine, self.text)
        self._hear_out(hearing)
        self.assertTrue(str(self.failureResultOf(hearing.done, SynthesisError).value))
        self._assert_silent_from_now_on(hearing)

    # How they are looked at

    def _hear_out(self, *hearings: _Hearing) -> None:
        for _ in range(self.steps):
            if all(hearing.done.called for hearing in hearings):
                return
            self.advance(self.step)

    def _audio_of(self, engine: ITTSEngine, text: str) -> bytes:
        hearing = _Hearing(engine, text)
        self._hear_out(hearing)
        self.successResultOf(hearing.done)
        return hearing.audio

    def _assert_cancels(self, hearing: _Hearing) -> None:
        if hearing.done.called:
            return
        hearing.done.cancel()
        self.failureResultOf(hearing.done, CancelledError)
        self._assert_silent_from_now_on(hearing)

    def _assert_silent_from_now_on(self, hearing: _Hearing) -> None:
        heard = len(hearing.pieces)
        for _ in range(20):
            self.advance(self.step)
        self.assertEqual(len(hearing.pieces), heard)
        self.assertEqual(self.left_open(), 0, "its vendor still works on it")


class _Hearing:
    """A synthesis and what is heard of it; with `cancels`, it is cancelled from inside `deliver`."""

    def __init__(self, engine: ITTSEngine, text: str, cancels: bool = False) -> None:
        self.pieces: list[bytes] = []
        self.cancelled_at = 0
        """How many pieces were heard when it was cancelled so; 0: it was not."""
        self._cancels = False  # there is nothing to cancel before `synthesize` has returned
        self.done: Deferred[None] = engine.synthesize(Utterance(text, keep=True), self._deliver)
        self._cancels = cancels

    @property
    def audio(self) -> bytes:
        return b"".join(self.pieces)

    def _deliver(self, piece: bytes) -> None:
        self.pieces.append(piece)
        if self._cancels and not self.cancelled_at:
            self.cancelled_at = len(self.pieces)
            self.done.cancel()
