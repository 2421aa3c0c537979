"""What is worth keeping of a human who is recorded: by sounds, silence, noise and gaps."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.audio import FRAME, RATE, from_linear, silence
from voiced.call.take import AFTER, BEFORE, LONGEST, Take

LOUD = b"\x10" * FRAME
VOICE = LOUD * 8 + silence(0.04)
"""0.2 s of a voice: a syllable, and the gap before the next."""
FAINT = b"\xf0" * FRAME
QUIET = silence(0.02)


def hiss(level: int, frames: int) -> list[bytes]:
    """Frames of white noise, of so many steps of 16 bits on the average."""
    dice = Random(level)
    samples = [round(dice.gauss(0, level)) for _ in range(frames * FRAME)]
    noise = from_linear(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))
    return [noise[at : at + FRAME] for at in range(0, len(noise), FRAME)]


def feed(take: Take, sound: bytes, seconds: float) -> list[bytes]:
    """Let it hear so much of this, in frames; what is to be kept."""
    tape = (sound * (round(seconds * RATE) // len(sound) + 1))[: round(seconds * RATE) // FRAME * FRAME]
    return [take.hear(tape[at : at + FRAME]) for at in range(0, len(tape), FRAME)]


class TakeTests(SynchronousTestCase):
    """One take, fed with so many frames of one kind after the other."""

    def setUp(self) -> None:
        """Nothing has come yet."""
        self.take = Take()
        self.kept = b""

    def hears(self, *frames: tuple[bytes, float]) -> None:
        """So many seconds of each of these frames."""
        for frame, seconds in frames:
            self.kept += b"".join(feed(self.take, frame, seconds))

    def test_nothing(self) -> None:
        """Silence, and what is too faint for a voice, is not kept at all."""
        self.hears((QUIET, 3), (FAINT, 3))
        self.assertEqual((self.kept, self.take.length, self.take.pieces()), (b"", 0, []))
        self.assertAlmostEqual(self.take.quiet, 6.0)

    def test_margins(self) -> None:
        """What comes just before the first sound is kept, and half a second after the last."""
        self.hears((QUIET, 2), (LOUD, 1), (QUIET, 4))
        kept = self.kept[: self.take.length]
        self.assertEqual(kept, silence(1.42) + LOUD * 50 + silence(AFTER / RATE))
        self.assertAlmostEqual(self.take.quiet, 4.0)

    def test_at_once(self) -> None:
        """Who speaks from the first moment on loses nothing."""
        self.hears((VOICE, 1.0), (QUIET, 1.0))
        self.assertEqual(self.kept[:RATE], VOICE * 5)

    def test_echo_of_our_beep(self) -> None:
        """A sound that is over as soon as it began is none: our own beep comes back."""
        self.hears((LOUD, 0.36), (QUIET, 3.0))
        self.assertEqual((self.take.length, self.kept), (0, b""))
        self.assertAlmostEqual(self.take.quiet, 3.36)

    def test_click(self) -> None:
        """So is a click."""
        self.hears((QUIET, 1), (LOUD, 0.06), (QUIET, 1))
        self.assertEqual(self.take.length, 0)

    def test_still_speaking(self) -> None:
        """Cut off in the middle of a word, all of it is kept, and no more than came."""
        self.hears((QUIET, 1), (LOUD, 1))
        self.assertEqual(self.take.length, len(self.kept))
        self.assertEqual(self.take.quiet, 0)

    def test_noise(self) -> None:
        """On a noisy line the noise is silence, and a voice above it is none."""
        for level in (30, 100, 300, 1000):
            self.setUp()
            for frame in hiss(level, 100):
                self.kept += self.take.hear(frame)
            self.assertEqual(self.take.length, 0, level)
            self.hears((LOUD, 0.5))
            spoken = self.take.length
            for frame in hiss(level, 250):
                self.kept += self.take.hear(frame)
            self.assertAlmostEqual(self.take.quiet, 5.0, msg=str(level))
            self.assertEqual(self.take.length, spoken + AFTER)

    def test_new_noise(self) -> None:
        """A noise that begins in the middle is a sound for some seconds, and then the line's."""
        self.hears((QUIET, 1), (LOUD, 1))
        for frame in hiss(300, 1000):
            self.kept += self.take.hear(frame)
        self.assertGreater(self.take.quiet, 5.0)

    def test_lost(self) -> None:
        """What was lost on its way is filled with silence, and is not taken for the caller's."""
        self.hears((QUIET, 1), (LOUD, 1))
        self.kept += self.take.hear(LOUD, lost=3.0)
        self.assertEqual(self.kept[-3 * RATE - FRAME :], silence(3.0) + LOUD)
        self.assertEqual(self.take.quiet, 0)

    def test_lost_before_a_sound(self) -> None:
        """What was lost before the first sound is not kept beyond what comes before it anyway."""
        self.take.hear(QUIET, lost=100.0)
        self.hears((LOUD, 0.5))
        self.assertLessEqual(len(self.kept), BEFORE + 0.5 * RATE)


class PieceTests(SynchronousTestCase):
    """Where a recording is cut for a recogniser."""

    def pieces(self, *spoken: tuple[bytes, float]) -> list[tuple[float, float]]:
        """From second to second."""
        take = Take()
        for frame, seconds in spoken:
            feed(take, frame, seconds)
        return [(start / RATE, stop / RATE) for start, stop in take.pieces()]

    def test_sentences(self) -> None:
        """Sentences go together as far as they are no longer than fifteen seconds; a long pause belongs to none."""
        sentence = ((VOICE, 6.0), (QUIET, 2.0))
        self.assertEqual(
            self.pieces((QUIET, 1), *sentence, *sentence, *sentence),
            [(0.0, 7.46), (8.7, 23.46)],
        )

    def test_without_a_pause(self) -> None:
        """Who does not pause is cut at fifteen seconds."""
        pieces = self.pieces((VOICE, 40.0))
        self.assertEqual(pieces, [(0.0, 15.0), (15.0, 30.0), (30.0, 40.0)])

    @given(st.lists(st.tuples(st.sampled_from([LOUD, VOICE, QUIET, FAINT]), st.floats(0.1, 20)), max_size=12))
    def test_any_speech(self, spoken: Any) -> None:
        """Whatever is said: pieces are in order, apart, not empty, not too long, and within what was kept."""
        take, kept = Take(), 0
        for sound, seconds in spoken:
            kept += sum(map(len, feed(take, sound, seconds)))
        at = 0
        for start, stop in take.pieces():
            self.assertLessEqual(at, start)
            self.assertLess(start, stop)
            self.assertLessEqual(stop - start, LONGEST)
            at = stop
        self.assertLessEqual(at, kept)
        self.assertLessEqual(take.length, kept)
        self.assertEqual(bool(take.pieces()), bool(take.length))
