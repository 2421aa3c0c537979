"""The tones that a call is given."""

from __future__ import annotations

import array
from itertools import pairwise

from twisted.trial.unittest import SynchronousTestCase

from voiced.call.audio import seconds, to_linear
from voiced.call.tones import BEEP, RINGING, WAITING, looped, tone


class BeepTests(SynchronousTestCase):
    """The tone before a message."""

    def test_beep(self) -> None:
        """0.4 s of 1 kHz at -13 dBm0, that begins and ends softly."""
        samples = array.array("h", to_linear(BEEP))
        crossings = sum((a < 0) != (b < 0) for a, b in pairwise(samples))
        self.assertEqual(seconds(BEEP), 0.4)
        self.assertEqual(round(crossings / 2 / 0.4, -1), 1000)
        self.assertEqual(round(max(samples), -2), 5100)
        self.assertLess(max(map(abs, (*samples[:8], *samples[-8:]))), 600)

    def test_level(self) -> None:
        """A full sine is +3.17 dBm0 (G.711, note to table 5), and 6.02 dB are half of it."""
        peaks = [max(array.array("h", to_linear(tone(0.1, 1000.0, 3.17 - less)))) for less in (0.0, 6.02, 12.04)]
        self.assertEqual([round(peak / 32124, 2) for peak in peaks], [1.0, 0.5, 0.25])


class LoopTests(SynchronousTestCase):
    """Tones that are repeated."""

    def test_five_seconds(self) -> None:
        """Both take as long as a ringing does, and can be cut at whole frames."""
        self.assertEqual([seconds(RINGING), seconds(WAITING)], [5.0, 5.0])

    def test_looped(self) -> None:
        """It begins where it is told to, and again when it is over."""
        sound = bytes(range(200)) * 8
        self.assertEqual(looped(sound, 0.5, 100), (sound * 4)[100:4100])
        self.assertEqual(looped(sound, 0.5, len(sound) + 5)[:3], sound[5:8])
        self.assertEqual(looped(b"ab", 0.001), b"abababab")
