"""Formats: an agent's audio and the caller's, whatever way the agent has been set to speak and to hear."""

import itertools
import math
import struct
import sys
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from voiced.agents.dialects.formats import heard, spoken
from voiced.call.audio import from_linear, to_linear
from voiced.errors import AgentError

RATES = (8000, 16000, 22050, 24000, 44100, 48000)
LATE = 0.031
"""Seconds that a conversion may be behind."""


def tone(rate, seconds=0.5, pitch=440, level=8000):
    """A tone, as 16-bit samples."""
    samples = (round(level * math.sin(2 * math.pi * pitch * n / rate)) for n in range(round(rate * seconds)))
    return b"".join(struct.pack("<h", sample) for sample in samples)


def pitch_of(pcm, rate):
    """About how high it sounds, in Hz: by its zero crossings, after its first 50 ms."""
    samples = [value for (value,) in struct.iter_unpack("<h", pcm)][rate // 20 :]
    crossings = sum(1 for a, b in itertools.pairwise(samples) if a < 0 <= b)
    return crossings * rate / len(samples)


def pieces(stream, size):
    return [stream[at : at + size] for at in range(0, len(stream), size)]


class FormatTests(SynchronousTestCase):
    def setUp(self):
        try:
            import numpy  # noqa: F401
            import soxr  # noqa: F401
        except ImportError:
            raise SkipTest("the extra `local` is not installed") from None

    @given(st.binary())
    def test_mulaw_is_untouched(self, audio):
        """ulaw_8000 passes through: the same bytes, nothing held back."""
        for converter in (spoken("ulaw_8000"), heard("ulaw_8000")):
            self.assertIs(converter.convert(audio), audio)
            self.assertEqual(converter.rest(), b"")

    def test_spoken(self):
        """Every PCM rate comes out as the same tone at 8000 bytes a second, however it is cut up."""
        for rate in RATES:
            for size in (1, 640, 4001):
                converter = spoken(f"pcm_{rate}")
                audio = b"".join(map(converter.convert, pieces(tone(rate), size)))
                self.assertGreaterEqual(len(audio), 4000 - LATE * 8000, rate)
                audio += converter.rest()
                self.assertApproximates(len(audio), 4000, 3, rate)
                self.assertApproximates(pitch_of(to_linear(audio), 8000), 440, 10, rate)

    def test_heard(self):
        """So does the caller's audio, at every rate that an agent may want."""
        audio = from_linear(tone(8000))
        for rate in RATES:
            converter = heard(f"pcm_{rate}")
            pcm = b"".join(map(converter.convert, pieces(audio, 160)))
            self.assertGreaterEqual(len(pcm), (0.5 - LATE) * rate * 2, rate)
            pcm += converter.rest()
            self.assertApproximates(len(pcm), rate, rate // 1000, rate)
            self.assertApproximates(pitch_of(pcm, rate), 440, 10, rate)

    def test_after_the_rest(self):
        """After its rest a stream begins anew: nothing of the former one is in it."""
        converter = spoken("pcm_16000")
        converter.convert(tone(16000) + b"\x01")
        converter.rest()
        silence = converter.convert(b"\0\0" * 8000) + converter.rest()
        self.assertLessEqual(set(silence), {0xFF, 0x7F})  # zero, and minus zero: soxr dithers
        self.assertApproximates(len(silence), 4000, 3)

    @given(st.lists(st.binary(max_size=9)))
    def test_pcm_8000(self, cut):
        """At 8000 Hz every sample is one byte, wherever the pieces were cut."""
        converter = spoken("pcm_8000")
        whole = b"".join(cut)
        self.assertEqual(b"".join(map(converter.convert, cut)), from_linear(whole[: len(whole) // 2 * 2]))

    @given(st.sampled_from(RATES), st.lists(st.binary(max_size=99)))
    def test_anything(self, rate, cut):
        """No audio breaks a converter."""
        for converter in (spoken(f"pcm_{rate}"), heard(f"pcm_{rate}")):
            for piece in cut:
                converter.convert(piece)
            converter.rest()


class RefusedTests(SynchronousTestCase):
    def test_unknown(self):
        """A format that nobody knows is refused with what to change in which tab; its name is not repeated."""
        for convert, tab in ((spoken, "Voice tab"), (heard, "Advanced tab")):
            for name in ("pcm_11025", "opus_48000_32", "", "+15551234567"):
                message = str(self.assertRaises(AgentError, convert, name))
                self.assertIn("μ-law 8000 Hz", message)
                self.assertIn(tab, message)
                self.assertNotIn(name or "''", message)

    def test_not_installed(self):
        """Without soxr a line needs no conversion, or the operator is told both ways out."""
        with mock.patch.dict(sys.modules, {"soxr": None}):
            for convert in (spoken, heard):
                convert("ulaw_8000")
                convert("pcm_8000")
                message = str(self.assertRaises(AgentError, convert, "pcm_16000"))
                for part in ("pcm_16000", "Voice tab", "Advanced tab", "`local`"):
                    self.assertIn(part, message)
