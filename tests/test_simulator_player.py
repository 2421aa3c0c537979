"""The carrier's playback clock: what the caller hears when, and when marks come back."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voiced.simulator.memory import elapse
from voiced.simulator.player import LONGEST_QUEUE, Player

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("play"), st.integers(0, 4000)),
        st.tuples(st.just("mark"), st.just(0)),
        st.tuples(st.just("clear"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(0, 700)),
    ),
    max_size=30,
)


class Listening:
    """A player, and what came back of it, with the time."""

    def __init__(self):
        self.clock = Clock()
        self.clock.advance(1234.567)
        self.returned, self.discarded = [], []
        self.player = Player(self.clock, self._returned, self.discarded.append)

    def _returned(self, name, played):
        self.returned.append((name, round(self.clock.seconds() - self.player.born, 6), played))

    def elapse(self, seconds):
        elapse(self.clock, seconds)


class PlayerTests(SynchronousTestCase):
    """One thing at a time."""

    def setUp(self):
        self.there = Listening()
        self.player = self.there.player

    def test_mark_after_audio(self):
        """A mark comes back when all audio before it has played, to the sample."""
        self.player.play(b"a" * 2000)
        self.player.mark("one")
        self.player.play(b"b" * 1001)
        self.player.mark("two")
        self.there.elapse(1)
        self.assertEqual(self.there.returned, [("one", 0.25, True), ("two", 0.375125, True)])

    def test_mark_on_empty_queue(self):
        """A mark with nothing before it comes back at once."""
        self.player.mark("now")
        self.assertEqual(self.there.returned, [("now", 0.0, True)])

    def test_silence_between(self):
        """What arrives after a pause plays when it arrives."""
        self.player.play(b"a" * 80)
        self.there.elapse(0.02)
        self.player.play(b"b" * 80)
        self.there.elapse(0.02)
        self.assertEqual(self.player.heard, b"a" * 80 + b"\xff" * 80 + b"b" * 80 + b"\xff" * 80)

    def test_clear(self):
        """Clear keeps what was heard, and returns every mark at once, in order."""
        self.player.play(b"a" * 800)
        for name in ("one", "two"):
            self.player.mark(name)
        self.there.elapse(0.05)
        self.assertEqual(self.player.clear(), 400)
        self.assertEqual(self.there.returned, [("one", 0.05, False), ("two", 0.05, False)])
        self.assertEqual((self.player.position, self.player.queued), (400, 0))

    def test_after_clear(self):
        """What arrives after a clear plays at once."""
        self.player.play(b"a" * 8000)
        self.player.clear()
        self.player.play(b"b" * 80)
        self.there.elapse(0.01)
        self.assertEqual(self.player.heard, b"b" * 80)

    def test_too_much(self):
        """Beyond ten minutes the newest audio is discarded."""
        self.player.play(b"a" * (LONGEST_QUEUE * 8000))
        self.player.play(b"b" * 100)
        self.assertEqual((self.there.discarded, self.player.queued), ([100], LONGEST_QUEUE * 8000))

    def test_stop(self):
        """After the end nothing plays and no mark comes back, and no timer is left."""
        self.player.play(b"a" * 800)
        self.player.mark("never")
        self.there.elapse(0.01)
        self.player.stop()
        self.there.elapse(1)
        self.assertEqual((self.player.heard, self.there.returned), (b"a" * 80, []))
        self.assertEqual(self.there.clock.getDelayedCalls(), [])

    def test_one_timer(self):
        """However many marks wait, one delayed call does."""
        self.player.play(b"a" * 800)
        for number in range(100):
            self.player.mark(str(number))
        self.assertEqual(len(self.there.clock.getDelayedCalls()), 1)


class PlayerProperties(SynchronousTestCase):
    """Whatever comes, in whatever order."""

    @given(STEPS)
    def test_never_ahead(self, steps):
        """Never more is heard than was sent or than time has passed; heard and position agree."""
        there, sent = Listening(), 0
        for step, amount in steps:
            sent += self._do(there, step, amount, "m")
            player = there.player
            self.assertLessEqual(player.position, min(sent, player.now))
            self.assertEqual(player.heard.count(b"a"), player.position)
            self.assertEqual(len(player.heard), player.now)

    @given(STEPS)
    def test_marks_in_order(self, steps):
        """Every mark comes back, once, in order, and not before its audio unless cleared."""
        there, due, played_until = Listening(), [], 0
        for number, (step, amount) in enumerate(steps):
            played_until = max(played_until, there.player.now) if step != "clear" else there.player.now
            played_until += self._do(there, step, amount, str(number))
            if step == "mark":
                due.append((str(number), played_until / 8000))
        there.elapse(20)
        self.assertEqual([name for name, _, _ in there.returned], [name for name, _ in due])
        for (_, at, played), (_, earliest) in zip(there.returned, due, strict=True):
            self.assertTrue(not played or at >= earliest - 1e-6)

    def _do(self, there, step, amount, name):
        """Do a step; says how many bytes were sent."""
        if step == "wait":
            there.elapse(amount / 1000)
            return 0
        if step == "play":
            there.player.play(b"a" * amount)
            return amount
        there.player.mark(name) if step == "mark" else there.player.clear()
        return 0
