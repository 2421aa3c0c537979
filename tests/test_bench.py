"""What the bench makes of its measurements. Nothing is measured here."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from twisted.trial.unittest import SynchronousTestCase

from bench.figures import killed
from bench.figures.capacity import searched
from bench.load import orders, sound
from bench.load.histogram import Histogram
from bench.report import written
from bench.results import Column, Result, Row, Run, Target, at_most
from bench.stand import NotCounted, Stand


class SoundTests(SynchronousTestCase):
    """Audio that says when it was sent."""

    def test_frame(self) -> None:
        """A payload is 160 bytes, and its stamp comes out as it went in."""
        audio = sound.decoded(sound.payload(123_456_789_012, 7))
        self.assertEqual(len(audio), sound.FRAME)
        self.assertEqual(sound.stamp(audio, 0), (123_456_789_012, 7))

    def test_group(self) -> None:
        """Frames that were put together keep their stamps."""
        audio = b"".join(sound.decoded(sound.payload(at, 1)) for at in (10, 20, 30))
        self.assertEqual([sound.stamp(audio, frame)[0] for frame in range(3)], [10, 20, 30])

    def test_unstamped(self) -> None:
        """What an agent says ahead has no stamp, in any of its frames."""
        audio = sound.decoded(sound.unstamped(4))
        self.assertEqual({sound.stamp(audio, frame) for frame in range(4)}, {(0, 0)})


class HistogramTests(SynchronousTestCase):
    """Percentiles of times."""

    def test_percentiles(self) -> None:
        """To within 10 microseconds, which is the step."""
        histogram = Histogram()
        for ms in range(1, 101):
            histogram.add(ms * 1_000_000)
        for found, asked in zip(histogram.summary(), (50, 95, 99, 100), strict=True):
            self.assertAlmostEqual(found, asked, 1)

    def test_nothing(self) -> None:
        """Of no times all is 0."""
        self.assertEqual(Histogram().summary(), [0.0, 0.0, 0.0, 0.0])

    def test_too_long(self) -> None:
        """What takes longer than the scale is counted, and the longest is known."""
        histogram = Histogram()
        histogram.add(5_000_000_000)
        self.assertEqual((histogram.count, histogram.summary()[3]), (1, 5000.0))


@attrs.define
class PretendedStand:
    """A program that carries so many calls, and a generator that can make so many."""

    carries: int
    makes: int = 10_000
    takes: int = 10_000
    """It refuses more."""
    anyhow: bool = False
    _live: int = 0
    tried: list[int] = attrs.field(factory=list)

    def ring(self, calls: int) -> orders.Rung:
        """See Stand."""
        self._live = min(calls, self.takes)
        self.tried.append(calls)
        return orders.Rung(self._live, calls - self._live, [])

    def measure(self, seconds: float) -> orders.Measured:
        """See Stand."""
        slow = 100.0 if self._live > min(self.carries, self.makes) else 1.0
        busy = 0.99 if self._live > self.makes else 0.1
        spread = [slow] * 4
        return orders.Measured(self._live, 1.0, 100, 100, 0, 0.5, spread, spread, 0.02, 0, busy, 1.0)

    def hang_up(self) -> None:
        """See Stand."""
        self._live = 0


class CapacityTests(SynchronousTestCase):
    """The search for the most calls."""

    def search(self, stand: PretendedStand) -> dict[str, float]:
        """With steps of 25, and without waiting."""
        search: Callable[..., dict[str, float]] = searched
        return search(stand, 25, 0.0, 0.0)

    def test_found(self) -> None:
        """To within a step, from below."""
        found = self.search(PretendedStand(330))
        self.assertEqual((found["calls"], found["bound"], found["refused"]), (325.0, 0.0, 0.0))

    def test_generator_full(self) -> None:
        """What the generator cannot make is no limit of the program's."""
        found = self.search(PretendedStand(1000, makes=200))
        self.assertEqual((found["calls"], found["bound"]), (200.0, 1.0))

    def test_refused(self) -> None:
        """A program that says no has its limit there."""
        found = self.search(PretendedStand(1000, takes=150))
        self.assertEqual((found["calls"], found["refused"]), (150.0, 1.0))

    def test_none(self) -> None:
        """Not even a few calls: that is no figure."""
        self.assertRaises(NotCounted, self.search, PretendedStand(0))


class KilledTests(SynchronousTestCase):
    """Who is back after a kill."""

    def test_counted(self) -> None:
        """Seconds since the new process listens; who is not back, and which agents were not told."""
        found = orders.Returned(4, [3_000_000_000, 4_500_000_000], [2_500_000_000], 1, [], 0.1)
        values = killed.counted(found, killed.AGENTS, 500_000_000, 2_000_000_000)
        self.assertEqual(values, {"back": 2.5, "p50": 1.75, "dark": 1.5, "lost": 2.0, "untold": 1.0, "met": 0.5})
        self.assertEqual(killed.counted(found, killed.SPEECH, 0, 0)["untold"], 0.0)

    def test_nobody(self) -> None:
        """Where nobody is back there is no figure, but why."""
        found = orders.Returned(4, [], [], 0, ["TimeoutError: "], 0.1)
        self.assertRaisesRegex(NotCounted, "none of 4 .* TimeoutError", killed.counted, found, killed.SPEECH, 0, 0)

    def test_target(self) -> None:
        """The worst turn counts, and nobody may be lost; of fewer calls than asked nobody can say."""

        def turn(back: float, lost: float = 0.0, untold: float = 0.0) -> Row:
            return Row("voiced", True, "wss", {"back": back, "lost": lost, "untold": untold})

        def met(*rows: Row, calls: int = 100) -> bool | None:
            return killed.target(killed.AGENTS, calls, rows).met

        spoilt = Row("voiced", True, "wss", {}, "the generator was late")
        self.assertEqual([met(turn(1.0), turn(5.0)), met(turn(1.0), turn(5.1))], [True, False])
        self.assertEqual([met(turn(1.0, lost=1.0)), met(turn(1.0, untold=1.0))], [False, False])
        self.assertEqual([met(turn(1.0), calls=99), met(spoilt), met(spoilt, turn(1.0))], [None, None, True])


class KeepingUpTests(SynchronousTestCase):
    """Runs in which the generator was in the way."""

    def test_full(self) -> None:
        """They do not count."""
        stand = Stand(None, None)  # type: ignore[arg-type]
        self.assertRaises(NotCounted, stand.must_keep_up, 0.95)
        self.assertRaises(NotCounted, stand.must_keep_up, 0.5, 50.0)

    def test_anyhow(self) -> None:
        """Unless somebody wants them to."""
        Stand(None, None, anyhow=True).must_keep_up(0.95, 50.0)  # type: ignore[arg-type]


class ReportTests(SynchronousTestCase):
    """What is written of a run."""

    def setUp(self) -> None:
        """Three turns of one program and two of another, one of which does not count."""
        rows = [Row("voiced", True, "wss", {"us": us}) for us in (20.0, 30.0, 22.0)]
        rows += [Row("Node", False, "wss", {"us": 40.0}), Row("Node", False, "wss", {}, "the generator was late")]
        columns = [Column("us", "us/frame")]
        targets = [at_most("at most 0.5 of Node's", 0.55, 0.5), Target("ten minutes", None, None)]
        self.found = Run(
            "whole", "abc", "2026-01-01", 60.0, [0.1, 1.0],
            {"versions": {}, "cores": 2, "processor": "x", "kernel": "y"},
            [], [Result("relay", "What.\n\nHow.", columns, rows, targets)],
        )  # fmt: skip
        self.text = written(self.found, "report.svg")

    def test_medians(self) -> None:
        """Medians with the extremes, and their ratio."""
        self.assertIn("| voiced | wss | 22.0 (20.0-30.0) | 3 |", self.text)
        self.assertIn("| voiced | Node | wss | 0.55 |", self.text)

    def test_not_counted(self) -> None:
        """What does not count is in no median, and it says why."""
        self.assertIn("| Node | wss | 40.0 | 1 |", self.text)
        self.assertIn("- Node, wss: the generator was late", self.text)

    def test_targets(self) -> None:
        """What was not reached, and what was not measured, stands in plain words."""
        self.assertIn("Not reached: at most 0.5 of Node's.", self.text)
        self.assertIn("Not measured in this run: ten minutes.", self.text)

    def test_busy_machine(self) -> None:
        """A machine that was not quiet is named so."""
        self.assertNotIn("was not quiet", self.text)
        self.found.loads = [3.0, 4.0]
        self.assertIn("was not quiet", written(self.found, "report.svg"))
