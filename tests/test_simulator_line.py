"""The line between caller and carrier: frames without a pause, and faults that a seed repeats."""

from math import sqrt

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voiced.simulator.line import Line
from voiced.simulator.mulaw import SILENCE, decode

TONE = bytes((0x10, 0x10, 0x90, 0x90)) * 400


def carried(line, seconds=10.0, speech=TONE, heard=lambda start, end: SILENCE * (end - start)):
    """What a line makes of this speech: a frame (or None) and whether it is held back, every 20 ms."""
    clock = Clock()
    leg = line.leg(clock)
    leg.speak(speech)
    frames = []
    for number in range(round(seconds * 50)):
        clock.advance(0.02)
        frames.append((leg.frame(number * 0.02, heard, number * 160), leg.held()))
    return frames


def loudness(frames):
    """RMS of 16-bit samples."""
    samples = decode(b"".join(frames))
    return sqrt(sum(sample * sample for sample in samples) / len(samples))


class LineTests(SynchronousTestCase):
    """One fault at a time."""

    def test_clean(self):
        """A clean line carries what is said, then silence, and holds nothing back."""
        frames = carried(Line.clean(), 1.0)
        self.assertEqual(b"".join(frame for frame, _ in frames), TONE.ljust(8000, SILENCE))
        self.assertFalse(any(held for _, held in frames))

    def test_seed(self):
        """The same seed gives the same line, another seed another one."""
        self.assertEqual(carried(Line.real(7)), carried(Line.real(7)))
        self.assertNotEqual(carried(Line.real(7)), carried(Line.real(8)))

    def test_faults_apart(self):
        """Switching on noise does not move the gaps."""
        quiet, noisy = carried(Line(3, gaps=0.05)), carried(Line(3, gaps=0.05, noise=-40))
        self.assertEqual([frame is None for frame, _ in quiet], [frame is None for frame, _ in noisy])

    def test_gaps(self):
        """About the wished share of moments lose one to five frames."""
        lost = sum(frame is None for frame, _ in carried(Line(1, gaps=0.02), 60))
        self.assertTrue(60 < lost < 400, lost)

    def test_bursts(self):
        """Deliveries are held back for 100 to 400 ms."""
        held = "".join("x" if held else " " for _, held in carried(Line(1, bursts=0.5), 60)).split()
        self.assertTrue(10 < len(held) < 60, held)
        self.assertTrue(all(5 <= len(stall) <= 21 for stall in held), held)

    def test_noise(self):
        """The noise is as loud as it should be."""
        frames = [frame for frame, _ in carried(Line(1, noise=-40), 5, b"")]
        self.assertAlmostEqual(loudness(frames) / 32768, 0.01, places=3)

    def test_echo(self):
        """What the caller hears comes back 120 ms later, ten times weaker at -20 dB."""
        frames = [frame for frame, _ in carried(Line(echo=-20), 1, b"", lambda start, end: TONE[:160])]
        ratio = loudness(frames) / loudness([TONE])
        self.assertAlmostEqual(ratio, 0.1, places=2)

    def test_echo_delay(self):
        """The echo of a position is asked for 120 ms before."""
        asked = []
        carried(Line(echo=-20), 0.04, b"", lambda start, end: asked.append((start, end)) or SILENCE * 160)
        self.assertEqual(asked, [(-960, -800), (-800, -640)])

    def test_clip(self):
        """The first 20 to 80 ms of what is said are missing, and nothing else."""
        said = b"".join(frame for frame, _ in carried(Line(4, clip=True), 1.0))
        missing = len(said) - len(said.lstrip(SILENCE))
        self.assertTrue(160 <= missing <= 640, missing)
        self.assertEqual(said[missing : len(TONE)], TONE[missing:])

    def test_one_after_the_other(self):
        """What is said while something is being said comes after it."""
        clock = Clock()
        leg = Line.clean().leg(clock)
        self.assertEqual((leg.speak(b"a" * 80), leg.speak(b"b" * 80)), (0.01, 0.02))
        self.assertEqual(leg.said_between(0, 160), b"a" * 80 + b"b" * 80)
