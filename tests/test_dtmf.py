"""Dual tones, as a receiver on the other end of a mu-law line would hear them."""

import math
import struct

from twisted.trial.unittest import SynchronousTestCase

from voiced.call.audio import SILENCE, to_linear
from voiced.call.dtmf import tones

ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
KEYS = ("123A", "456B", "789C", "*0#D")
CELL = 1600
"""Bytes of a key and the gap after it."""


def power(samples, frequency):
    """Goertzel's algorithm: the amplitude of one frequency."""
    turn = 2 * math.cos(2 * math.pi * frequency / 8000)
    last, before = 0.0, 0.0
    for sample in samples:
        last, before = sample + turn * last - before, last
    return 2 * math.sqrt(max(0.0, last**2 + before**2 - turn * last * before)) / len(samples)


def level(amplitude):
    """In dBm0: a full scale of mu-law is 3.17."""
    return 20 * math.log10(max(amplitude, 1e-9) / 32636) + 3.17


def samples_of(audio):
    return struct.unpack(f"<{len(audio)}h", to_linear(audio))


def detect(audio):
    """The key in 40 ms out of the middle of this audio, and the levels of its two tones."""
    middle = samples_of(audio)[240:560]
    rows, columns = ([level(power(middle, f)) for f in group] for group in (ROWS, COLUMNS))
    row, column = rows.index(max(rows)), columns.index(max(columns))
    others = sorted([*rows, *columns])[:-2]
    assert max(others) < min(rows[row], columns[column]) - 12, "another tone is in it"
    return KEYS[row][column], rows[row], columns[column]


class DtmfTests(SynchronousTestCase):
    def test_every_key(self):
        """Each key is heard as itself after mu-law, at the levels of Q.24: the high tone 2 dB above the low one."""
        for key in "0123456789*#ABCD":
            heard, low, high = detect(tones(key)[:800])
            self.assertEqual(heard, key)
            self.assertApproximates(low, -9, 0.5)
            self.assertApproximates(high, -7, 0.5)

    def test_lengths(self):
        """100 ms of tone, 100 ms of silence, a key after the other; w is half a second of silence."""
        audio = tones("1w#")
        self.assertEqual(len(audio), 2 * CELL + 4000)
        self.assertEqual(audio[800 : CELL + 4000], SILENCE * 4800)
        self.assertEqual([detect(audio[at : at + 800])[0] for at in (0, CELL + 4000)], ["1", "#"])

    def test_no_clicks(self):
        """It begins and ends at nothing, and never jumps more than its two tones can; nothing is clipped."""
        samples = samples_of(tones("D"))
        self.assertLess(max(map(abs, (samples[0], samples[799]))), 16)
        self.assertLess(max(abs(sample) for sample in samples[:8] + samples[-808:-800]), 3000)
        self.assertLess(max(map(abs, samples)), 20_000)

    def test_no_keys(self):
        """Nothing is nothing."""
        self.assertEqual(tones(""), b"")

    def test_what_is_no_key(self):
        """Everything else is refused."""
        for keys in ("a", "1 2", "\uff11", "W", "1\n"):
            self.assertRaises(ValueError, tones, keys)
